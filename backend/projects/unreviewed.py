"""The predicted tasks of a project that nobody has annotated, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import PredictionRow, Project, TaskRow
from backend.label_studio.task_filters import none_of
from backend.prediction.model_version import is_model_version
from backend.wording import tasks as in_tasks

__all__ = ["must_show_version", "unreviewed", "why_none"]


def must_show_version(project: Project) -> Project:
    """The project, which must show a version. Raises `BadRequest`."""
    if not project.model_version:
        raise BadRequest(
            f"expected project {project.id} to show a model_version, whose predictions are put in order; it shows "
            f"none: `firstpass connect --project {project.id}` sets it"
        )
    return project


def unreviewed(
    api: LabelStudioApi, project: Project, unread: list[int]
) -> Iterator[tuple[int, PredictionRow]]:
    """Each task that nobody has annotated, with its first row of the version; `unread` gets those not listed."""
    for task in api.unreviewed(project.id, project.model_version):
        row = _row(task, project.model_version)
        if task.failure is not None or (row is None and task.unread):
            unread.append(task.id)
        elif row is not None:
            yield task.id, row


def _row(task: TaskRow, version: str) -> PredictionRow | None:
    return next((row for row in task.predictions if row.model_version == version), None)


def why_none(api: LabelStudioApi, project: Project) -> str:
    """Why there is nothing to put in order, and what to do."""
    number, shown = project.id, project.model_version
    if not api.count_tasks(number):
        return f"project {number} has no task: import images first"
    stored = api.model_versions(number)
    if not stored.get(shown):
        others = [
            f"{name or '(no version)'} ({count:,})" for name, count in stored.items() if count
        ]
        there = f"there are some of {', '.join(others)}" if others else "nor of any other"
        fill = (
            f"`firstpass prelabel project {number}` makes them"
            if is_model_version(shown)
            else f"`firstpass connect --project {number}` has it show Firstpass's"
        )
        return f"no prediction of {shown}, the version that project {number} shows, is stored, {there}; {fill}"
    nobody = {"conjunction": "and", "items": [none_of("total_annotations"), none_of("cancelled_annotations")]}  # fmt: skip
    left = api.count_tasks(number, filters=nobody) or 0
    rest = f"; without such a prediction: {in_tasks(left)}" if left else ""
    return (
        f"no unreviewed task is left in project {number}: every task with a prediction of {shown} is annotated or "
        f"skipped{rest}"
    )
