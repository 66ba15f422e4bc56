"""Check an exported version's keys with axolotl's own schema; a script for a Python that has the package, never imported here.

Call: PYTHON axolotl_schema.py FOLDER. Prints {datasets, test_datasets: what axolotl understood, unknown: keys that it has not}.
"""

import json
import sys
from pathlib import Path

import yaml
from axolotl.utils.schemas.config import AxolotlInputConfig
from axolotl.utils.schemas.datasets import SFTDataset

NEEDED = {"base_model": "any", "micro_batch_size": 1, "num_epochs": 1, "learning_rate": 1e-4, "sequence_len": 1024}


def main(folder: str) -> dict:
    keys = yaml.safe_load((Path(folder) / "axolotl.yaml").read_text("utf-8"))
    read = AxolotlInputConfig(**NEEDED, **keys).model_dump(mode="json", exclude_none=True)
    listed = [one for name in ("datasets", "test_datasets") for one in keys[name]]
    unknown = set(keys) - set(AxolotlInputConfig.model_fields)
    unknown |= {key for one in listed for key in one} - set(SFTDataset.model_fields)
    return {name: read[name] for name in ("datasets", "test_datasets")} | {"unknown": sorted(unknown)}


if __name__ == "__main__":
    print("RESULT " + json.dumps(main(*sys.argv[1:])))
