"""Whether the models that a setting names are on this disk, asked before anything is started."""

from __future__ import annotations

from backend.engine import engine_for
from backend.errors import ModelUnavailable
from models.registry import ModelNotAvailable

__all__ = ["check_checkpoints"]


def check_checkpoints(model_setting: str) -> None:
    """Return when every checkpoint is there and complete; nothing is loaded, and no torch imported.

    Raises `ModelUnavailable`, which says how to get what is missing.
    """
    entries = engine_for(model_setting).entries
    from models.checkpoint import check_files, locate  # most of a second; not for a bad name

    try:
        for entry in entries:
            check_files(entry, locate(entry))
    except ModelNotAvailable as error:
        raise ModelUnavailable(str(error)) from error
