"""The hub's names for contents: every file has a digest by which its bytes are known."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["digest_of", "is_digest"]

_GIT_BLOB, _SHA256 = 40, 64


def is_digest(name: str) -> bool:
    """Tell whether a name is a digest of the hub's: git's of a small file, SHA-256 of a large one.

    >>> is_digest("0" * 40), is_digest("0" * 64), is_digest("model.safetensors")
    (True, True, False)
    """
    return len(name) in (_GIT_BLOB, _SHA256) and set(name) <= set("0123456789abcdef")


def digest_of(path: Path, like: str) -> str:
    """Give the digest of a file's bytes, of the same kind as `like`; reads the whole file.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        if len(like) == _SHA256:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()
