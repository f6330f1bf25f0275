"""The images below a folder, always in the same order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

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


#: Told of what is below the folder and cannot be listed: its path below it, and why.
Unreadable: TypeAlias = Callable[[str, str], None]


def walk_images(folder: Path, unreadable: Unreadable | None = None) -> Iterator[FoundImage]:
    """Every image file below `folder`, by name within each subfolder; memory for one subfolder at a time.

    Hidden files and folders are left out. A link to a file is followed as long as it ends inside; a
    link to a folder is not, for it shows the same images again, or never ends. A name that is not
    UTF-8 comes with its odd bytes escaped. What cannot be listed is left out, and told. Raises
    `BadRequest` when there is no such folder, or it cannot be read itself.
    """
    try:
        base = folder.resolve(strict=True)
        if not base.is_dir():
            raise BadRequest(f"expected a folder of images, {folder} is a file")
        with os.scandir(base) as entries:
            ordered = _ordered(entries)
        yield from _images_of(ordered, base, unreadable or _overlook)
    except OSError as error:
        raise BadRequest(
            f"expected a folder of images that can be read: {folder}: {error.strerror}"
        ) from error


def _overlook(path: str, reason: str) -> None:
    """Who does not ask is not told."""


def _ordered(entries: Iterable[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    return sorted(entries, key=lambda entry: entry.name)


def _images_of(
    ordered: Sequence[os.DirEntry[str]], base: Path, unreadable: Unreadable
) -> Iterator[FoundImage]:
    """The images among the entries of one folder, and below them; a bad entry costs itself alone."""
    levels = [iter(ordered)]  # rather than calls within calls: folders may be deeper than those
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as entries:
                    levels.append(iter(_ordered(entries)))
                continue
            found = list(_found(entry, base)) if _is_image(entry, base) else []
        except OSError as error:
            unreadable(_name(entry, base), f"it cannot be read: {error.strerror}")
            continue
        yield from found


def _name(entry: os.DirEntry[str], base: Path) -> str:
    return os.path.relpath(entry.path, base).encode("utf-8", "backslashreplace").decode("utf-8")


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
