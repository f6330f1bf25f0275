"""What Label Studio answers about rows and pages of tasks, read at the border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.errors import Failure, LabelStudioUnavailable
from backend.label_studio.fields import Body, Text
from backend.label_studio.records import TaskRow

__all__ = ["Deleted", "Imported", "Page", "StoredRows", "VersionCounts", "with_predictions"]


class Page(Body):
    tasks: list[TaskRow]
    total: int


class Imported(Body):
    created: int


class Deleted(Body):
    deleted_predictions: int


class VersionCount(Body):
    model_version: Text
    count: int


class VersionCounts(Body):
    static: list[VersionCount]


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The ids of rows of one version, ascending, by task; `[]` for a task without.

    `unlisted` are the tasks that Label Studio does not list while it lists others, and why.
    """

    rows: Mapping[int, Sequence[int]]
    unlisted: Mapping[int, Failure]

    @property
    def lacking(self) -> set[int]:
        """The tasks without a row."""
        return {task for task, found in self.rows.items() if not found}

    @property
    def doubled(self) -> dict[int, Sequence[int]]:
        """Those with more than one."""
        return {task: found for task, found in self.rows.items() if len(found) > 1}


def with_predictions(task: TaskRow) -> TaskRow:
    """The same task. Raises `LabelStudioUnavailable` where the answer does not tell its predictions.

    Who took that for none would write a second row, or delete what annotations began from.
    """
    if not task.tells("predictions"):
        raise LabelStudioUnavailable(
            f"expected a list of predictions with task {task.id}, as Label Studio 1.23 gives it, and none "
            "came; is FIRSTPASS_LABEL_STUDIO_URL Label Studio's own address?"
        )
    return task
