"""Loads a checkpoint's weights, and checks that all of them came from its files. Asks no network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - the name of an error; nothing is unpickled
from typing import Any

import torch
from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from models.catalogue import LOCATION_TOKENS, Entry, ModelNotAvailable
from models.devices import device_words, out_of_memory, pick_dtype
from models.file_checks import check_files, wrong

__all__ = [
    "check_loaded",
    "check_location_tokens",
    "load_image_processor",
    "load_model",
    "load_tokenizer",
    "quietly",
]


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
    with _loading(entry, f"a config.json in {folder}"):
        parameters = _parameters(model_class, folder)
    number_format = pick_dtype(dtype, device, parameters=parameters)
    with _loading(entry, f"weights in {folder}"):
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


def load_tokenizer(entry: Entry, folder: Path) -> Any:
    """Gives the tokenizer of a folder. Raises `ModelNotAvailable` when its files do not make one."""
    with _loading(entry, f"a tokenizer in {folder}"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def load_image_processor(processor_class: Any, entry: Entry, folder: Path) -> Any:
    """Gives what makes tensors of images. Raises `ModelNotAvailable` when the folder's files do not."""
    with _loading(entry, f"an image processor in {folder}"):
        return processor_class.from_pretrained(folder, local_files_only=True)


def check_loaded(entry: Entry, loading_info: dict[str, Any]) -> None:
    """Checks that every weight of the model came from the file.

    Raises `ModelNotAvailable` when weights are missing or of another shape: transformers would
    fill them with random numbers and only warn.
    """
    for kind in ("missing_keys", "mismatched_keys"):
        keys = sorted(map(str, loading_info.get(kind, ())))
        if keys:
            raise wrong(
                entry,
                "all of its weights in its files",
                f"{len(keys)} {kind.split('_', 1)[0]}, first {keys[0]}",
            )


def check_location_tokens(entry: Entry, vocabulary: dict[str, int]) -> None:
    """Checks that a tokenizer's vocabulary has the location tokens, one after another.

    Raises `ModelNotAvailable` when it has not.
    """
    ids = [vocabulary.get(f"<loc_{place}>", -1) for place in range(LOCATION_TOKENS)]
    if ids[0] < 0 or ids != list(range(ids[0], ids[0] + LOCATION_TOKENS)):
        there = sum(number >= 0 for number in ids)
        raise wrong(
            entry, f"{LOCATION_TOKENS} location tokens in a row", f"{there} in its tokenizer"
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps transformers' progress bars and reports off the terminal for a while, and torch's warnings."""
    shown = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _loading(entry: Entry, what: str) -> Iterator[None]:
    """Turns what the libraries raise over a folder's files into `ModelNotAvailable`.

    They raise errors of every class, the tokenizers' a bare `Exception`. Want of memory is not the files'.
    """
    try:
        with quietly():
            yield
    except Exception as exc:
        if out_of_memory(exc):
            raise ModelNotAvailable(
                f"{entry.name}: expected room in memory for {what}, got out of memory; end what else "
                "runs here, or take a smaller model"
            ) from exc
        if isinstance(exc, UnpicklingError):
            # torch's own words tell how to run whatever program stands in the file.
            found = "a pickle that is damaged, or holds more than weights (nothing in it was run)"
            raise wrong(entry, f"{what} that can be loaded", found) from exc
        said = str(exc).strip().partition("\n")[0][:300]
        raise wrong(entry, f"{what} that can be loaded", f"{type(exc).__name__}: {said}") from exc


def _parameters(model_class: Any, folder: Path) -> int:
    """Counts the weights that a folder's configuration asks for, without reading any."""
    config = model_class.config_class.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        return int(model_class(config).num_parameters())
