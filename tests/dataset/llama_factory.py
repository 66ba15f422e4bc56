"""Read an exported version as LLaMA-Factory does; a script for a Python that has the package, never imported here.

Call: PYTHON llama_factory.py FOLDER TOKENIZER. Prints {labels: {data set: the text in the loss of each row}, version}.
"""

import json
import sys
from importlib.metadata import version

from llamafactory.data.loader import get_dataset
from llamafactory.data.template import get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments
from transformers import PreTrainedTokenizerFast


def main(folder: str, tokenizer_folder: str) -> dict:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tokenizer_folder)
    found = {}
    for name in ("tarot_train", "tarot_train_sharegpt"):
        asked = DataArguments(dataset=name, dataset_dir=folder, template="qwen", cutoff_len=4096)
        template = get_template_and_fix_tokenizer(tokenizer, asked)
        training = TrainingArguments(output_dir=f"{folder}/never", do_train=True, use_cpu=True, report_to="none")
        model = ModelArguments(model_name_or_path=tokenizer_folder, cache_dir=f"{folder}/cache")
        read = get_dataset(template, model, asked, training, stage="sft", tokenizer=tokenizer)["train_dataset"]
        found[name] = [tokenizer.decode([token for token in row["labels"] if token != -100]) for row in read]
    return {"labels": found, "version": version("llamafactory")}


if __name__ == "__main__":
    print("RESULT " + json.dumps(main(*sys.argv[1:]), ensure_ascii=False))
