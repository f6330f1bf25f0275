"""Files of Label Studio's local-files storage, read from a folder that is mounted here too."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from backend.errors import FirstpassError, ImageNotFound, ImageRefused, ImageUnreachable

__all__ = ["read_local_file"]

# Without O_NONBLOCK, opening a named pipe would wait for its writer.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


def read_local_file(
    root: Path,
    relative: str,
    *,
    max_bytes: int,
    follow_links: bool = False,
    listed: bool = False,
) -> bytes:
    """The bytes of `<root>/<relative>`, a regular file that really lies under `root`.

    Symlinks are followed as long as they end inside; with `follow_links`, for a path that we found
    ourselves, wherever they end. `listed`: it is such a path, which matters for the words.

    Raises `ImageRefused` for a path that leads out, for anything but a regular file and for a file above
    `max_bytes`; `ImageNotFound` when there is no such file or it may not be read; `ImageUnreachable` for
    trouble of the machine.
    """
    if "\0" in relative:
        raise ImageRefused("the local file's path has a NUL character")
    try:
        base = root.resolve(strict=True)
        path = (base / relative.lstrip("/")).resolve(strict=True)
        if follow_links:
            return _read_regular(os.open(path, _FLAGS), max_bytes)
        if not path.is_relative_to(base):
            where = "the folder" if listed else "FIRSTPASS_LOCAL_FILES_ROOT"
            raise ImageRefused(
                f"the local file is outside of {where}; put the file itself there, not a link to it"
            )
        return _read_regular(_open_below(base, path.relative_to(base)), max_bytes)
    except (OSError, RuntimeError) as error:
        raise _unread(error, listed=listed) from error


def _unread(error: OSError | RuntimeError, *, listed: bool) -> FirstpassError:
    """What to say of a file that the system does not give."""
    if not isinstance(error, OSError) or error.errno == errno.ELOOP:
        # RuntimeError: Python 3.11's word for a loop of symlinks.
        return ImageNotFound("the local file cannot be read: its links lead in a circle")
    reason = error.strerror or type(error).__name__
    if error.errno in _FORBIDDEN:
        return ImageNotFound(
            f"the local file may not be read ({reason}); let the user of this process read it, and "
            "enter the folders above it"
        )
    if error.errno not in _MISSING:
        return ImageUnreachable(f"the local file cannot be read just now ({reason})")
    if listed:
        return ImageNotFound(f"the file is no longer in the folder ({reason})")
    return ImageNotFound(
        f"no such file under FIRSTPASS_LOCAL_FILES_ROOT ({reason}); "
        "it must be the folder that Label Studio calls LOCAL_FILES_DOCUMENT_ROOT"
    )


def _read_regular(descriptor: int, max_bytes: int) -> bytes:
    """All bytes of the open file, which is closed in any case."""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ImageRefused("the local file is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # One byte more than allowed: the file may grow after it was measured.
            data = file.read(max_bytes + 1) if found.st_size <= max_bytes else None
    finally:
        os.close(descriptor)
    if data is None or len(data) > max_bytes:
        raise ImageRefused(
            f"the local file is larger than {max_bytes} bytes (FIRSTPASS_IMAGE_MAX_BYTES)"
        )
    return data


def _open_below(base: Path, resolved: Path) -> int:
    """A descriptor of the file, opened folder by folder without following links.

    The path was resolved a moment ago; a folder swapped for a link since then must not lead out.
    """
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in resolved.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(resolved.name or ".", _FLAGS, dir_fd=folder)
    finally:
        os.close(folder)
