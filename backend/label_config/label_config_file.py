"""A label config in a file."""

from __future__ import annotations

from pathlib import Path

from backend.errors import BadRequest

__all__ = ["label_config_in"]


def label_config_in(path: Path) -> str:
    """The text of a label config's file, line ends as they are. Raises `BadRequest`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadRequest(f"expected a label config in {path}: {reason}") from error
