"""Whether the files of a folder make the model that an entry promises. Loads no weights.

Never stricter than the loader: what it would take, or fill in by itself, passes here. Whatever stands in
the files, nothing but `ModelNotAvailable` is raised.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.catalogue import Entry, ModelNotAvailable
from models.files import WEIGHTS, WORDS, weights_file

__all__ = ["FileFault", "NotWhole", "check_files", "wrong"]

#: What the loader reads whenever it is there; a half-written one stops it.
_READ = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
_GIT_LFS_POINTER = b"version https://git-lfs"


class FileFault(ModelNotAvailable):
    """A file is not what it should be; `found` says which, without a remedy."""

    def __init__(self, entry: Entry, found: str) -> None:
        remedy = (
            f"`firstpass models pull {entry.name}` fetches anew what is missing or damaged"
            if entry.repository is not None
            else "point to a whole checkpoint folder, or use the bundled `--model tiny`"
        )
        super().__init__(f"{entry.name}: {found}; {remedy}")
        self.found = found


class NotWhole(FileFault):
    """A file that the model needs is not there."""


def check_files(entry: Entry, folder: Path) -> None:
    """Raise `ModelNotAvailable` naming the first thing of a folder that is missing or different."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as exc:
        raise wrong(entry, f"a readable folder {folder}", exc.strerror or repr(exc)) from exc
    weights = weights_file(names)
    if "config.json" not in names:
        raise wrong(entry, f"a file config.json in {folder}", "none", NotWhole)
    if weights is None:
        raise wrong(entry, f"weights ({', '.join(WEIGHTS)}) in {folder}", "none", NotWhole)
    if not names.intersection(WORDS):
        raise wrong(
            entry, f"a tokenizer's words ({', '.join(WORDS)}) in {folder}", "none", NotWhole
        )
    read = {name: _read_json(entry, folder / name) for name in _READ if name in names}
    config = read["config.json"]
    if config.get("model_type") != entry.kind:
        raise wrong(entry, f"model_type {entry.kind}", repr(config.get("model_type")))
    _check_weights(entry, folder, weights)
    processor = _processor(entry, folder, read)
    side = _check_side(entry, processor)
    if entry.kind == "florence2" and side is not None:
        _check_image_tokens(entry, config, processor, side)


def wrong(entry: Entry, expected: str, got: str, kind: type[FileFault] = FileFault) -> FileFault:
    """Give the error that says what was expected of an entry's files, what came, and what to do."""
    return kind(entry, f"expected {expected}, got {got}")


def _check_weights(entry: Entry, folder: Path, weights: str) -> None:
    """Raise `ModelNotAvailable` where weights, or a part of them, are missing or cut short."""
    parts = [weights]
    if weights.endswith(".json"):
        listed = _read_json(entry, folder / weights).get("weight_map")
        if not isinstance(listed, dict) or not all(isinstance(one, str) for one in listed.values()):
            raise wrong(entry, f"a weight_map from weights to files in {folder / weights}", "none")
        parts = sorted(set(listed.values()))
    for part in parts:
        path = folder / part
        try:
            fault = _fault_of_weights(path)
        except (FileNotFoundError, ValueError) as exc:  # ValueError: a name that no file can have
            expected = f"a file {part!a:.100} in {folder}, which {weights} names"
            raise wrong(entry, expected, "none", NotWhole) from exc
        except OSError as exc:
            raise wrong(entry, f"readable weights in {path}", exc.strerror or repr(exc)) from exc
        if fault is not None:
            raise wrong(entry, f"whole weights in {path}", fault)


def _fault_of_weights(path: Path) -> str | None:
    """Give what keeps a file of weights from loading, as far as its frame tells; else `None`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_GIT_LFS_POINTER))
        if not start:
            return "an empty file"
        if start == _GIT_LFS_POINTER:
            return "git-lfs's pointer to them (`git lfs pull` fetches them)"
        if path.suffix != ".safetensors":
            return _fault_of_archive(path) if start.startswith(b"PK") else None
        (length,) = struct.unpack("<Q", start[:8]) if size >= 8 else (size,)
        if length > size - 8:
            return f"{size:,} bytes, which is not even their table of contents"
        file.seek(8)
        try:
            contents = json.loads(file.read(length))
        except (ValueError, RecursionError):
            return "a file whose table of contents cannot be read"
    ends = [_end_of(weight) for weight in contents.values()] if isinstance(contents, dict) else []
    whole = 8 + length + max(ends, default=0)
    return f"{size:,} of {whole:,} bytes: the file is cut short" if size < whole else None


def _end_of(weight: Any) -> int:
    """Give where a weight ends in its file, by the table of contents; 0 if it does not say."""
    offsets = weight.get("data_offsets") if isinstance(weight, dict) else None
    if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
        return offsets[1]
    return 0


def _fault_of_archive(path: Path) -> str | None:
    """torch writes a zip archive, whose table of contents comes last. (Before 2020 it wrote none.)"""
    try:
        zipfile.ZipFile(path).close()
    except zipfile.BadZipFile:
        return f"{path.stat().st_size:,} bytes of an archive without its end: the file is cut short"
    return None


def _processor(entry: Entry, folder: Path, read: Mapping[str, dict[str, Any]]) -> Mapping[str, Any]:
    """Give what the image processor is configured with: of two files, as the loader chooses."""
    nested = read.get("processor_config.json", {}).get("image_processor")
    if isinstance(nested, dict):
        return nested
    if nested is not None:
        raise wrong(entry, "an object image_processor in processor_config.json", repr(nested)[:80])
    if "preprocessor_config.json" in read:
        return read["preprocessor_config.json"]
    raise wrong(
        entry, f"preprocessor_config.json or processor_config.json in {folder}", "none", NotWhole
    )


def _check_side(entry: Entry, processor: Mapping[str, Any]) -> int | None:
    """Give the side of the square that images become; `None` where that is the loader's to say."""
    sides = {name: processor.get(name) for name in ("size", "crop_size")}
    # Without `size` a class has its own.
    if "size" in processor and processor.get("do_resize", True) and _is_no_size(sides["size"]):
        raise wrong(
            entry, "an image size in the processor's configuration", repr(sides["size"])[:80]
        )
    cropped = processor.get("do_center_crop") is True and "crop_size" in processor
    side = _side(sides["crop_size"] if cropped else sides["size"])
    if entry.shape is not None and side not in (None, entry.shape.image_size):
        raise wrong(entry, f"images of {entry.shape.image_size} pixels", f"{side}")
    return side


def _is_no_size(size: Any) -> bool:
    """Tell whether no image processor makes a size of this."""
    if isinstance(size, dict):
        numbers = [side for side in size.values() if isinstance(side, int | float | str)]
        return not size or any(isinstance(side, str | float) or side < 1 for side in numbers)
    if isinstance(size, list):
        return len(size) < 2
    return not isinstance(size, int) or size < 1


def _side(size: Any) -> int | None:
    """Give the side that a size of whatever spelling stands for, `None` if it is not one square.

    >>> _side(224), _side([224, 224]), _side({"shortest_edge": 224}), _side({"height": 2, "width": 3})
    (224, 224, 224, None)
    """
    if isinstance(size, dict):
        shortest = size.get("shortest_edge")
        size = [size.get("height", shortest), size.get("width", shortest)]
    sides = size[:2] if isinstance(size, list) else [size]
    first = sides[0] if sides else None
    if isinstance(first, bool) or not isinstance(first, int) or sides != [first] * len(sides):
        return None
    return first


def _check_image_tokens(
    entry: Entry, config: Mapping[str, Any], processor: Mapping[str, Any], side: int
) -> None:
    """Compare the tokens that one image becomes with what the processor and the entry say."""
    vision = config.get("vision_config")
    strides = vision.get("patch_stride", (4, 2, 2, 2)) if isinstance(vision, dict) else ()
    if not isinstance(strides, list | tuple) or not strides:
        return
    shrink = 1
    for stride in strides:
        if not isinstance(stride, int) or stride < 1:
            return
        shrink *= stride
    tokens = (side // shrink) ** 2 + 1
    stated = processor.get("image_seq_length", tokens)
    if stated != tokens:
        raise wrong(entry, f"{tokens} tokens for an image of {side} pixels", repr(stated)[:80])
    if entry.shape is not None and tokens != entry.shape.image_tokens:
        raise wrong(entry, f"{entry.shape.image_tokens} image tokens", f"{tokens}")


def _read_json(entry: Entry, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise wrong(entry, f"a readable file {path}", exc.strerror or repr(exc)) from exc
    except (ValueError, RecursionError) as exc:
        got = "an empty file" if path.stat().st_size == 0 else _position(exc)
        raise wrong(entry, f"whole JSON in {path}", got) from exc
    if not isinstance(content, dict):
        raise wrong(entry, f"a JSON object in {path}", type(content).__name__)
    return content


def _position(error: Exception) -> str:
    """Give where reading stopped, in words: a file that was half written stops at its end."""
    if isinstance(error, json.JSONDecodeError):
        at = "its end" if error.pos >= len(error.doc.rstrip()) - 1 else f"line {error.lineno}"
        return f"text that breaks off or goes wrong at {at}"
    return "something else"
