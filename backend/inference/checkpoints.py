"""Whether the models that a setting names are on this disk, asked before anything is started."""

from __future__ import annotations

from backend.errors import ModelUnavailable
from backend.prediction.engine import engine_for
from models.registry import ModelNotAvailable

__all__ = ["check_checkpoints"]


def check_checkpoints(model_setting: str) -> None:
    """Return when every checkpoint is there and whole; nothing is loaded, and no torch imported.

    Raises `ModelUnavailable`, which names all that are not, and the command that gets them.
    """
    entries = engine_for(model_setting).entries
    from models.hub.cache import located  # half a second; not for a bad name

    try:
        located(entries)
    except ModelNotAvailable as error:
        raise ModelUnavailable(str(error)) from error
