"""A prediction on its way, what became of it, and what is asked of who stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from backend.errors import Failure
from backend.label_studio.bodies import Prediction
from backend.label_studio.halving import Unlisted

__all__ = ["Delivered", "Row", "StoresPredictions"]

Json: TypeAlias = dict[str, Any]


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


class StoresPredictions(Protocol):
    """`LabelStudioApi`, or what a test puts in its place; see there."""

    def lacking(
        self, project: int, model_version: str, ids: Sequence[int], unlisted: Unlisted | None = None
    ) -> set[int]: ...

    def doubled(
        self, project: int, model_version: str, ids: Sequence[int], unlisted: Unlisted | None = None
    ) -> dict[int, list[int]]: ...

    def model_versions(self, project: int) -> dict[str, int]: ...

    def import_predictions(self, project: int, rows: Sequence[Mapping[str, object]]) -> int: ...

    def create_prediction(self, row: Mapping[str, object]) -> Json: ...

    def annotations(self, task: int) -> list[Json]: ...

    def delete_prediction(self, prediction: int) -> None: ...
