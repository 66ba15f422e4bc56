"""Upload of an exported folder to a dataset repository: the only command that sends readings over the network."""

from importlib.util import find_spec
from pathlib import Path

from schemas.errors import Problem


def push_folder(folder: Path, repo: str, *, private: bool) -> str:
    """Upload a folder and return its address. An existing repository keeps its visibility.

    Raises Problem `no_hub`, `push_offline`, `push_failed`.
    """
    if find_spec("huggingface_hub") is None:
        raise Problem("no_hub", path=folder)
    # Not a dependency; it is installed with the training libraries.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    api = HfApi()
    try:
        where = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=where.repo_id, repo_type="dataset", commit_message=folder.name)
    except OfflineModeIsEnabled:
        raise Problem("push_offline", path=folder) from None
    except Exception as error:  # noqa: BLE001
        # The network boundary: the exception for a lost connection depends on the HTTP library of the hub's client.
        raise Problem("push_failed", repo=repo, path=folder, why=str(error).strip().split("\n")[0][:120]) from None
    return str(where)
