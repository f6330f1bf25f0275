"""The images below a folder, always in the same order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.errors import BadRequest

__all__ = ["IMAGE_SUFFIXES", "FoundImage", "walk_images"]

#: Whether a file is an image its content says; whether it is meant as one, its name does.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
)


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file: its path below the folder with `/` between parts, and what tells a change of it."""

    path: str
    #: Size in bytes and time of change: another stamp, another content.
    stamp: str
    #: False for a name that no address can carry.
    is_utf8: bool = True


def walk_images(folder: Path) -> Iterator[FoundImage]:
    """Every image file below `folder`, by name within each subfolder; memory for one subfolder at a time.

    Hidden files and folders are left out. A link to a file is followed as long as it ends inside; a
    link to a folder is not, for it shows the same images again, or never ends. A name that is not
    UTF-8 comes with its odd bytes escaped. Raises `BadRequest` when there is no such folder.
    """
    try:
        base = folder.resolve(strict=True)
        if not base.is_dir():
            raise BadRequest(f"expected a folder of images, {folder} is a file")
        yield from _below(base, base)
    except OSError as error:
        raise BadRequest(
            f"expected a folder of images that can be read: {error.filename or folder}: {error.strerror}"
        ) from error


def _below(base: Path, folder: Path) -> Iterator[FoundImage]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(base, Path(entry.path))
        elif _is_image(entry, base):
            yield from _found(entry, base)


def _found(entry: os.DirEntry[str], base: Path) -> Iterator[FoundImage]:
    """The image, unless it is gone since its folder was listed."""
    try:
        at = entry.stat()
    except FileNotFoundError:
        return
    relative = Path(entry.path).relative_to(base).as_posix()
    name = relative.encode("utf-8", "backslashreplace").decode("utf-8")
    yield FoundImage(name, f"{at.st_size}-{at.st_mtime_ns}", is_utf8=name == relative)


def _is_image(entry: os.DirEntry[str], base: Path) -> bool:
    if Path(entry.name).suffix.lower() not in IMAGE_SUFFIXES:
        return False
    if not entry.is_symlink():
        return entry.is_file()
    target = Path(os.path.realpath(entry.path))  # `resolve` raises for a loop of links
    return target.is_relative_to(base) and target.is_file()
