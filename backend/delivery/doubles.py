"""Predictions that Label Studio stored more than once: all but one are removed."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import structlog

from backend.errors import LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi

__all__ = ["remove_doubles"]

log = structlog.get_logger()


def remove_doubles(api: LabelStudioApi, project: int, version: str, tasks: Sequence[int]) -> int:
    """Leave each task one row of the version; how many were removed.

    Label Studio runs a request again when its database was locked, rows included. The row that stays
    is one that an annotation was made from, else the oldest. Of a task that Label Studio cannot list
    nothing is known, and nothing removed.
    """
    removed = 0
    found = api.rows_of(project, version, tasks)
    for task, reason in found.unlisted.items():
        log.warning("task not looked at for doubles", task=task, reason=reason.message)
    for task, rows in found.doubled.items():
        used = {annotation.parent_prediction for annotation in api.annotations(task)}
        keep = next((row for row in rows if row in used), rows[0])
        superfluous = [row for row in rows if row != keep and row not in used]
        log.warning("prediction stored twice", task=task, removed=len(superfluous))
        for row in superfluous:
            try:
                api.delete_prediction(row)
            except LabelStudioRefuses as error:
                if error.status != httpx.codes.NOT_FOUND:  # somebody else removed it
                    raise
        removed += len(superfluous)
    return removed
