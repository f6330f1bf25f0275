"""Which tasks of a run are looked at first: those whose regions score least on the average."""

from __future__ import annotations

import heapq
import math

from backend.bulk.contact_sheet import MAX_PICTURES
from backend.bulk.marks import Marks
from backend.errors import Failure
from backend.runs.ledger import Ledger, TaskKey

__all__ = ["least_sure"]


def least_sure(
    ledger: Ledger, most: int = MAX_PICTURES, *, this_start: bool = False
) -> dict[TaskKey, float | None]:
    """Up to `most` predicted tasks, the least sure first, each with its mean score; those without any come last.

    The ledger is read row by row: memory is bounded, whatever it holds.
    """
    scored = (
        (task, Marks.from_json(outcome).mean_score)
        for task, outcome in ledger.outcomes(this_start=this_start)
        if not isinstance(outcome, Failure)
    )
    chosen = heapq.nsmallest(most, scored, key=lambda one: math.inf if one[1] is None else one[1])
    return dict(chosen)
