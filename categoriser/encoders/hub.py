"""Where the weights of a known model are: a given folder, the Hugging Face cache, or the hub. Fails within seconds."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Final

import httpx

from categoriser.encoders.folders import has_weights
from categoriser.errors import MissingWeightsError

log = logging.getLogger(__name__)

PATIENCE: Final = 4.0
"""Seconds the hub has to answer at all; a download that has begun may take as long as it needs."""

SMALL_FILES: Final = (".json", ".txt", ".model")
OTHER_FORMATS: Final = ("onnx/", "openvino/", "coreml/")


def find_model(hub_name: str, revision: str, *, weights: Path | None, offline: bool) -> Path:
    """Folder of one model of the hub.

    Args:
        hub_name: ``owner/name``.
        revision: branch, tag or commit.
        weights: look here and nowhere else: the model's folder, or one that holds it as ``name`` or ``owner/name``.
        offline: never ask the hub.

    Raises:
        MissingWeightsError: it is not to be had; the message says where was looked and how to get it.
    """
    if weights is not None:
        return _in_given_folder(hub_name, weights)
    cached = _in_cache(hub_name, revision)
    if cached is not None:
        return cached
    if offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise _missing(hub_name, "looked in the Hugging Face cache; asking the hub is switched off")
    problem = _reach(hub_name, revision)
    if problem is not None:
        raise _missing(hub_name, f"looked in the Hugging Face cache; the hub cannot be had ({problem})")
    return _download(hub_name, revision)


def _in_given_folder(hub_name: str, weights: Path) -> Path:
    for folder in (weights / hub_name, weights / hub_name.partition("/")[2], weights):
        if _is_model(folder):
            return folder
    raise _missing(hub_name, f"looked in {weights}")


def _is_model(folder: Path) -> bool:
    described = (folder / "config.json").is_file() or (folder / "modules.json").is_file()
    return described and has_weights(folder)


def _in_cache(hub_name: str, revision: str) -> Path | None:
    from huggingface_hub import get_cached_repo_tree, snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        folder = Path(snapshot_download(hub_name, revision=revision, local_files_only=True))
    except IncompleteSnapshotError as error:
        # files of a model that nobody needs are never fetched; any other gap is an interrupted download
        folder = Path(error.snapshot_path)
        names = [file.path for file in get_cached_repo_tree(hub_name, revision=revision)]
        if not all((folder / name).is_file() for name in needed_files(names)):
            return None
    except LocalEntryNotFoundError:
        return None
    return folder if _is_model(folder) else None


def _reach(hub_name: str, revision: str) -> str | None:
    """Ask the hub for the model's description; None, or why it cannot be had.

    In a thread of its own because a name server that is silent blocks for longer than any timeout of the request.
    """
    from huggingface_hub import get_token, hf_hub_url  # noqa: PLC0415

    answer: list[str | None] = []
    url = hf_hub_url(hub_name, "README.md", revision=revision)
    token = get_token()

    def ask() -> None:
        try:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            status = httpx.head(url, headers=headers, timeout=PATIENCE - 1).status_code
            answer.append(None if status < 400 else f"it answered {status}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            answer.append(str(error) or type(error).__name__)

    thread = threading.Thread(target=ask, name="hub-probe", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answer[0] if answer else f"no answer in {PATIENCE:.0f} s"


def _download(hub_name: str, revision: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415

    log.warning("Downloading %s from the model hub; this happens once.", hub_name)
    try:
        files = needed_files(HfApi().list_repo_files(hub_name, revision=revision))
        folder = Path(
            snapshot_download(hub_name, revision=revision, allow_patterns=files, etag_timeout=PATIENCE),
        )
    except Exception as error:  # hub, network and disk errors have no common base class
        raise _missing(hub_name, f"its download from the hub broke off ({error})") from error
    if not _is_model(folder):
        raise _missing(hub_name, "the hub has no weights in a readable format")
    return folder


def needed_files(names: list[str]) -> list[str]:
    """Of all files of a model those that are needed: settings, tokenizer, and per folder one kind of weights.

    Many models carry the same weights in several formats; pickles need more trust, so they come last.
    """
    names = [name for name in names if not name.startswith(OTHER_FORMATS)]
    safe = [name for name in names if _is_weights(name, "model", ".safetensors")]
    folders = {name.rpartition("/")[0] for name in safe}
    pickled = [name for name in names if _is_weights(name, "pytorch_model", ".bin")]
    return (
        [name for name in names if name.endswith(SMALL_FILES)]
        + safe
        + [name for name in pickled if name.rpartition("/")[0] not in folders]
    )


def _is_weights(name: str, start: str, end: str) -> bool:
    return name.rpartition("/")[2].startswith(start) and name.endswith(end)


def _missing(hub_name: str, looked: str) -> MissingWeightsError:
    return MissingWeightsError(
        f'The weights of {hub_name} are missing: {looked}. Point to a copy with encoder = "path:FOLDER", or let a '
        f'machine with network fill the cache (hf download {hub_name}), or use encoder = "classic", which needs none.'
    )
