"""One task opened as a person opens it, to see whether a prediction arrives, or why none does."""

from __future__ import annotations

import time
from collections.abc import Callable

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.records import Project
from backend.label_studio.task_filters import none_of
from backend.plain import Json
from backend.projects.finding import Finding, Level
from backend.projects.our_web import OurWeb

__all__ = ["predict_one"]

LOOK_EVERY_S = 1.0
#: Label Studio asks for a task alone that has no prediction of any version.
UNPREDICTED: Json = {"conjunction": "and", "items": [none_of("total_predictions")]}


def predict_one(
    api: LabelStudioApi,
    web: OurWeb,
    project: Project,
    version: str,
    wait_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """What became of a task without a prediction, after `wait_s` seconds at most."""
    page = next(api.pages(project.id, filters=UNPREDICTED, page_size=1), None)
    if page is None:
        return _nothing_to_open(api, project.id, version)
    task = page[0]
    opened = api.task(task.id)
    if any(row.model_version == version for row in opened.predictions):
        return Finding(Level.OK, f"task {task.id} was opened and came with a prediction")
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if task.id not in api.rows_of(project.id, version, [task.id]).lacking:
            return Finding(Level.OK, f"the prediction of task {task.id} arrived a little later")
        if reason := web.reason(project.label_config, Task.of(task)):
            return Finding(
                Level.ERROR,
                f"task {task.id} cannot be predicted: {reason}",
                f"`firstpass doctor --project {project.id}` tries one image of each kind",
            )
        sleep(LOOK_EVERY_S)
    return Finding(
        Level.WARNING,
        f"task {task.id} had no prediction after {wait_s:g} s",
        "`firstpass status` shows whether the workers keep up, `firstpass doctor` whether the courier runs",
    )


def _nothing_to_open(api: LabelStudioApi, project: int, version: str) -> Finding:
    versions = api.model_versions(project)
    if stored := versions.get(version, 0):
        return Finding(Level.OK, f"{stored:,} predictions of this version are there")
    if versions:
        return Finding(
            Level.WARNING,
            "every task has predictions of another version, so opening one brings no new one",
            f"`firstpass prelabel project {project}` makes them, or the Data Manager's action Retrieve Predictions",
        )
    return Finding(
        Level.WARNING,
        "the project has no tasks, so no prediction was tried",
        "import images, then open one",
    )
