"""What became of tasks as a run keeps it: predictions with their marks, and failures."""

from __future__ import annotations

from collections.abc import Iterable

from backend.bulk.left_out import PART_OF_A_TASK, LeftOut
from backend.bulk.marks import Marks, marks_of
from backend.errors import Failure
from backend.label_studio.bodies import Prediction
from backend.prediction.predictor import Slot
from backend.runs.job import Found
from backend.runs.ledger import TaskKey

__all__ = ["found_in", "regions_in"]


def found_in(
    slots: Iterable[tuple[TaskKey | None, Slot]], left_out: LeftOut
) -> dict[TaskKey, Found[Prediction] | Failure]:
    """Give what each slot holds by its task, without those that hold nothing yet; parts left out are counted."""
    found: dict[TaskKey, Found[Prediction] | Failure] = {}
    for task, slot in slots:
        if task is not None and slot.failure is not None:
            found[task] = slot.failure
        elif task is not None and slot.prediction is not None:
            for part in slot.left_out:
                left_out.add(PART_OF_A_TASK, task, part)
            found[task] = Found(marks_of(slot.prediction.result).to_json(), slot.prediction)
    return found


def regions_in(figures: str) -> int:
    """Give the number of regions in the marks of a prediction."""
    return Marks.from_json(figures).regions
