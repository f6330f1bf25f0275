"""A prediction on its way, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.errors import Failure
from backend.label_studio.bodies import Prediction
from backend.plain import Json

__all__ = ["Delivered", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One task's prediction."""

    task: int
    prediction: Prediction

    def to_json(self) -> Json:
        """As Label Studio imports it."""
        return {"task": self.task, **self.prediction.model_dump()}

    @property
    def goes_alone(self) -> bool:
        """Whether Label Studio's import drops it for no fault of its own: 1.23 checks nested choices as flat."""
        return any(
            isinstance(choice, list)
            for region in self.prediction.result
            for choice in region["value"].get("choices", ())
        )


@dataclass(slots=True)
class Delivered:
    """What became of rows, by task id."""

    #: Written now.
    stored: set[int] = field(default_factory=set)
    #: Label Studio has the row already, or the task no more.
    present: set[int] = field(default_factory=set)
    #: Another is about to have the row stored; look again later.
    deferred: set[int] = field(default_factory=set)
    #: Label Studio does not take the row, and why.
    refused: dict[int, Failure] = field(default_factory=dict)
