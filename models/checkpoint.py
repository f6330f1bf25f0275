"""Finds checkpoints on disk, checks what they look like, and fetches them when told to.

Loading never touches the network: `pull` alone does, and only when it is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from models.catalogue import LOCATION_TOKENS, Entry, ModelNotAvailable
from models.devices import device_words, pick_dtype

__all__ = [
    "check_files",
    "check_loaded",
    "check_location_tokens",
    "load_model",
    "locate",
    "pull",
    "quietly",
]

_SMALL_FILES = ("*.json", "*.txt", "*.model")
#: Any of these holds a tokenizer's words. Without one transformers makes an empty tokenizer, and says
#: nothing.
_WORDS = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")


def locate(entry: Entry) -> Path:
    """Gives the folder that holds an entry's files: its own, or the snapshot in the hub's cache.

    Raises `ModelNotAvailable` when the snapshot was never pulled.
    """
    if entry.folder is not None:
        return entry.folder
    if entry.repository is None:
        raise ModelNotAvailable(f"expected {entry.name} to name a folder or a repository, got none")
    try:
        return Path(
            snapshot_download(entry.repository, revision=entry.revision, local_files_only=True)
        )
    except (LocalEntryNotFoundError, FileNotFoundError) as exc:
        raise ModelNotAvailable(
            f"expected {entry.name} ({entry.repository} at {entry.revision}) on this machine, but "
            f"it was never pulled; run `firstpass models pull {entry.name}` where there is network, "
            "or use the bundled `--model tiny`"
        ) from exc


def pull(entry: Entry) -> Path:
    """Fetches an entry's files from the hub, with progress on stderr, and gives their folder.

    Raises `ModelNotAvailable` when the hub does not answer or does not have them.
    """
    if entry.repository is None:
        return locate(entry)
    try:
        return Path(
            snapshot_download(
                entry.repository,
                revision=entry.revision,
                allow_patterns=[*_SMALL_FILES, entry.weights],
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as exc:
        raise ModelNotAvailable(
            f"expected to fetch {entry.repository} at {entry.revision}, but the hub did not give "
            f"it ({type(exc).__name__}); check the network and run "
            f"`firstpass models pull {entry.name}` again, or use the bundled `--model tiny`"
        ) from exc


def check_files(entry: Entry, folder: Path) -> None:
    """Checks, without loading weights, that a folder holds what the entry promises.

    Raises `ModelNotAvailable` naming the first thing that is missing or different.
    """
    for name in ("config.json", "tokenizer_config.json", entry.weights):
        if not (folder / name).is_file():
            raise _wrong(entry, f"a file {name} in {folder}", "none")
    if not any((folder / name).is_file() for name in _WORDS):
        raise _wrong(entry, f"a tokenizer's words ({', '.join(_WORDS)}) in {folder}", "none")
    config = _read_json(entry, folder / "config.json")
    if config.get("model_type") != entry.kind:
        raise _wrong(entry, f"model_type {entry.kind}", repr(config.get("model_type")))
    processor = _processor_config(entry, folder)
    size = processor.get("size", {})
    side = size.get("height", size.get("shortest_edge"))
    if not isinstance(side, int) or side < 1:
        raise _wrong(entry, "an image size in the processor's configuration", repr(size))
    if entry.shape is not None and side != entry.shape.image_size:
        raise _wrong(entry, f"images of {entry.shape.image_size} pixels", f"{side}")
    if entry.kind == "florence2":
        _check_florence(entry, config, processor, side)


def load_model(
    model_class: Any, entry: Entry, folder: Path, *, device: torch.device, dtype: str
) -> Any:
    """Gives a transformers model on a device, every weight of it from the folder.

    `dtype`: a number format or auto (see `pick_dtype`). Each weight is read into it straight from the
    file, so that no model stands in memory in float32 for a device that computes in half of that.

    Raises `ModelNotAvailable` when the folder is not what the entry says, or the device has no room,
    and `ValueError` for a number format that the device does not compute in.
    """
    check_files(entry, folder)
    with _broken_weights_named(entry, folder):
        parameters = _parameters(model_class, folder)
    number_format = pick_dtype(dtype, device, parameters=parameters)
    with _broken_weights_named(entry, folder), quietly():
        model, info = model_class.from_pretrained(
            folder, dtype=number_format, local_files_only=True, output_loading_info=True
        )
    check_loaded(entry, info)
    try:
        return model.to(device)
    except torch.OutOfMemoryError as exc:
        raise ModelNotAvailable(
            f"{entry.name}: expected room for {parameters:,} weights on {device_words(device)}, got "
            f"out of memory; end what else runs there, take a smaller model, or `--device cpu`"
        ) from exc


def check_loaded(entry: Entry, loading_info: dict[str, Any]) -> None:
    """Checks that every weight of the model came from the file.

    Raises `ModelNotAvailable` when weights are missing or of another shape: transformers would
    fill them with random numbers and only warn.
    """
    for kind in ("missing_keys", "mismatched_keys"):
        keys = sorted(map(str, loading_info.get(kind, ())))
        if keys:
            raise _wrong(
                entry,
                f"all of its weights in {entry.weights}",
                f"{len(keys)} {kind.split('_', 1)[0]}, first {keys[0]}",
            )


def check_location_tokens(entry: Entry, vocabulary: dict[str, int]) -> None:
    """Checks that a tokenizer's vocabulary has the location tokens, one after another.

    Raises `ModelNotAvailable` when it has not.
    """
    ids = [vocabulary.get(f"<loc_{place}>", -1) for place in range(LOCATION_TOKENS)]
    if ids[0] < 0 or ids != list(range(ids[0], ids[0] + LOCATION_TOKENS)):
        there = sum(number >= 0 for number in ids)
        raise _wrong(
            entry, f"{LOCATION_TOKENS} location tokens in a row", f"{there} in its tokenizer"
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps transformers' progress bars off the terminal for a while."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _broken_weights_named(entry: Entry, folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as exc:
        raise _wrong(
            entry, f"weights in {folder} that load", f"{type(exc).__name__}: {exc}"
        ) from exc


def _parameters(model_class: Any, folder: Path) -> int:
    """Counts the weights that a folder's configuration asks for, without reading any."""
    config = model_class.config_class.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        return int(model_class(config).num_parameters())


def _check_florence(
    entry: Entry, config: dict[str, Any], processor: dict[str, Any], side: int
) -> None:
    """Compares the tokens that one image becomes with what the processor and the entry say."""
    shrink = 1
    for stride in config.get("vision_config", {}).get("patch_stride", (4, 2, 2, 2)):
        shrink *= int(stride)
    tokens = (side // shrink) ** 2 + 1
    stated = processor.get("image_seq_length", tokens)
    if stated != tokens:
        raise _wrong(entry, f"{tokens} tokens for an image of {side} pixels", f"{stated}")
    if entry.shape is not None and tokens != entry.shape.image_tokens:
        raise _wrong(entry, f"{entry.shape.image_tokens} image tokens", f"{tokens}")


def _processor_config(entry: Entry, folder: Path) -> dict[str, Any]:
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / name).is_file():
            config = _read_json(entry, folder / name)
            nested = config.get("image_processor", config)
            if "size" in nested:
                return dict(nested)
    raise _wrong(entry, f"preprocessor_config.json or processor_config.json in {folder}", "none")


def _read_json(entry: Entry, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise _wrong(entry, f"readable JSON in {path}", repr(exc)) from exc
    if not isinstance(content, dict):
        raise _wrong(entry, f"a JSON object in {path}", type(content).__name__)
    return content


def _wrong(entry: Entry, expected: str, got: str) -> ModelNotAvailable:
    remedy = (
        f"pull it again with `firstpass models pull {entry.name}`"
        if entry.repository is not None
        else "point to a whole checkpoint folder, or use the bundled `--model tiny`"
    )
    return ModelNotAvailable(f"{entry.name}: expected {expected}, got {got}; {remedy}")
