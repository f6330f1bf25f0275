"""Whether the models that a setting names are on this disk, asked before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.errors import ModelFolderMissing, ModelUnavailable
from backend.place import how_to_bring_folder, how_to_pull
from backend.prediction.engine import model_errors
from models.registry import resolve

if TYPE_CHECKING:
    from models.hub.cache import NotWholeHere

__all__ = ["ModelsMissing", "check_checkpoints"]


class ModelsMissing(ModelUnavailable):
    """Models that are to come to this disk; `reason` says which are not there, `remedy` how they come."""

    def __init__(self, message: str, reason: str, remedy: str) -> None:
        super().__init__(message)
        self.reason, self.remedy = reason, remedy


def check_checkpoints(model_setting: str, runs_in: str = "host") -> None:
    """Return when every checkpoint is there and whole; nothing is loaded, and no torch imported.

    Raises `ModelsMissing`, which names all that are not, and what brings them; and `ModelUnavailable` for a
    name that nobody knows.
    """
    try:
        with model_errors():
            entries = resolve(model_setting)
    except ModelFolderMissing as error:
        raise ModelsMissing(str(error), str(error), how_to_bring_folder(runs_in)) from error
    from models.hub.cache import NotWholeHere, located  # half a second; not for a bad name

    with model_errors():
        try:
            located(entries)
        except NotWholeHere as error:
            raise _missing(error, runs_in) from error


def _missing(error: NotWholeHere, runs_in: str) -> ModelsMissing:
    absent, damaged = error.absent, error.damaged
    are = "is" if len(absent) == 1 else "are"
    parts = [f"{' and '.join(absent)} {are} not in the cache"] if absent else []
    parts += [f"{name} is damaged: {found}" for name, found in damaged.items()]
    reason = "; ".join([*parts, *error.others])
    pulled = (*absent, *damaged)
    remedy = how_to_pull(pulled, runs_in) if pulled else how_to_bring_folder(runs_in)
    # On a host the models' own sentence, which also tells of the bundled ones.
    here = runs_in == "host" or not pulled
    said = str(error) if here else f"expected models that are whole here: {reason}; {remedy}"
    return ModelsMissing(said, reason, remedy)
