"""The images below a folder, always in the same order, and why the rest of it is none."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from backend.dataset.folder_reasons import (
    A_LINK_ASTRAY,
    A_LINK_OUT,
    A_LINK_TO_A_FOLDER,
    HIDDEN,
    IMAGE_SUFFIXES,
    NO_REGULAR_FILE,
    NOT_READABLE,
    why_no_image,
)
from backend.errors import BadRequest

__all__ = ["IMAGE_SUFFIXES", "FoundImage", "Notes", "walk_images"]

#: Is told of each entry that is left out: its path below the folder, and the reason.
Notes: TypeAlias = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file: its path below the folder with `/` between parts, and what tells a change of it."""

    path: str
    #: Size in bytes and time of change: another stamp, another content.
    stamp: str
    #: False for a name that no address can carry.
    is_utf8: bool = True


def walk_images(
    folder: Path, *, follow_links: bool = False, left_out: Notes = lambda path, reason: None
) -> Iterator[FoundImage]:
    """Every image file below `folder`, by name within each subfolder; memory for one subfolder at a time.

    Hidden files and folders are left out, and what cannot be read. A link to a file is followed as long
    as it ends inside, or wherever with `follow_links`; a link to a folder is not, for it shows the same
    images again, or never ends. A name that is not UTF-8 comes with its odd bytes escaped. Raises
    `BadRequest` when there is no such folder, or it cannot be read.
    """
    try:
        base = folder.resolve(strict=True)
        if not base.is_dir():
            raise BadRequest(f"expected a folder of images, {folder} is a file")
        entries = _listed(base)
    except OSError as error:
        raise BadRequest(
            f"expected a folder of images that can be read: {error.filename or folder}: {error.strerror}"
        ) from error
    yield from _Walk(base, follow_links, left_out).of(entries)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


@dataclass(frozen=True, slots=True)
class _Walk:
    base: Path
    follow_links: bool
    left_out: Notes

    def of(self, entries: list[os.DirEntry[str]]) -> Iterator[FoundImage]:
        """The images among the entries of a folder, and below them."""
        levels = [iter(entries)]  # rather than calls within calls: folders may be deeper than those
        while levels:
            entry = next(levels[-1], None)
            if entry is None:
                levels.pop()
                continue
            try:
                if entry.name.startswith("."):
                    self._leave_out(entry, HIDDEN)
                elif entry.is_dir(follow_symlinks=False):
                    levels.append(iter(_listed(Path(entry.path))))
                else:
                    yield from self._file(entry)
            except OSError as error:
                self._leave_out(entry, f"{NOT_READABLE} ({error.strerror})")

    def _file(self, entry: os.DirEntry[str]) -> Iterator[FoundImage]:
        """The image, unless it is none, or is gone since its folder was listed."""
        reason = self._astray(entry) if entry.is_symlink() else None
        if reason is None:
            try:
                at = entry.stat()
                is_regular = stat.S_ISREG(at.st_mode)
                reason = why_no_image(entry) if is_regular else NO_REGULAR_FILE
            except FileNotFoundError:
                reason = A_LINK_ASTRAY
        if reason is not None:
            self._leave_out(entry, reason)
            return
        path = self._relative(entry)
        name = _shown(path)
        yield FoundImage(name, f"{at.st_size}-{at.st_mtime_ns}", is_utf8=name == path)

    def _astray(self, entry: os.DirEntry[str]) -> str | None:
        """Why a link is not followed."""
        target = Path(os.path.realpath(entry.path))  # `resolve` raises for a loop of links
        if target.is_dir():
            return A_LINK_TO_A_FOLDER
        if not target.exists():
            return A_LINK_ASTRAY
        is_inside = target.is_relative_to(self.base)
        return None if is_inside or self.follow_links else A_LINK_OUT

    def _relative(self, entry: os.DirEntry[str]) -> str:
        return Path(entry.path).relative_to(self.base).as_posix()

    def _leave_out(self, entry: os.DirEntry[str], reason: str) -> None:
        self.left_out(_shown(self._relative(entry)), reason)


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
