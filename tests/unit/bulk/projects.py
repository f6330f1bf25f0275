"""A project of the stand-in Label Studio, a writer to it and a window onto workers, all in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backend.dataset.target_project import TargetProject, target_project
from backend.delivery.rows import Delivered, Row
from backend.errors import Failure, TaskUnlisted
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import TaskRow
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer, Outcome
from models.types import Box, Detection, Detections, ImageSize
from tests.standin.label_studio import StandInLabelStudio

CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels></View>'
)
UNREACHABLE = Failure("ImageUnreachable", "no answer in time", transient=True)
UNLISTED = Failure.of(TaskUnlisted("500"))
UNREADABLE = Failure("ImageUnreadable", "not an image", transient=False)


def cars() -> StandInLabelStudio:
    """Project 3 of the stand-in, which asks for cars; it has no tasks yet."""
    made = StandInLabelStudio(label_config=CONFIG, project=3)
    made.found |= {"title": "Cars", "created_at": "2026-11-20T20:49:46+00:00"}
    return made


def add(label_studio: StandInLabelStudio, *names: str, annotated: bool = False) -> list[int]:
    """Tasks whose images have these names; their ids."""
    first = max(label_studio.tasks, default=0) + 1
    made = {first + n: {"image": f"http://images/{name}"} for n, name in enumerate(names)}
    label_studio.tasks |= made
    for task in made if annotated else ():
        label_studio.annotations[task] = [{"id": task, "result": []}]
    return list(made)


def two_at_a_time(label_studio: StandInLabelStudio) -> LabelStudioApi:
    """A client of it that lists two tasks at a time, so that few tasks make several pages."""
    api = label_studio.api()
    pages = api.pages

    def few(project: int, **options: Any) -> Iterator[list[TaskRow]]:
        return pages(project, **{**options, "page_size": 2})

    api.pages = few  # type: ignore[method-assign]
    return api


@dataclass
class StandInWriter:
    """Stores rows in the stand-in Label Studio; `defers` and `refuses` name tasks, `raises` an error."""

    label_studio: StandInLabelStudio
    defers: set[int] = field(default_factory=set)
    refuses: set[int] = field(default_factory=set)
    raises: list[BaseException] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def begin(self, project: ProjectKey, version: str) -> None:
        pass

    def write(self, project: ProjectKey, rows: Sequence[Row]) -> Delivered:
        if self.raises:
            raise self.raises.pop(0)
        ids = {row.task for row in rows}
        deferred, self.defers = ids & self.defers, self.defers - ids
        refused = ids & self.refuses
        (version,) = {row.prediction.model_version for row in rows}
        present = ids & self.label_studio.predicted(version)
        stored = ids - deferred - refused - present
        self.label_studio.store(sorted(stored), version)
        self.written += sorted(stored)
        self.versions.add(version)
        reason = Failure("RowRefused", "Label Studio dropped it", transient=False)
        return Delivered(stored, present, deferred, dict.fromkeys(refused, reason))


@dataclass
class StandInWindow:
    """Answers at once: one car, or what the image's name says; keeps which images were asked for."""

    #: How often an image named `flaky` is not reached.
    flaky: int = 1
    asked: list[str] = field(default_factory=list)
    waiting: dict[str, ModelRequest] = field(default_factory=dict)

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        self.waiting |= requests
        self.asked += [request.image.location for request in requests.values()]

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        taken, self.waiting = self.waiting, {}
        return {job_id: self._outcome(request) for job_id, request in taken.items()}

    def _outcome(self, request: ModelRequest) -> Outcome:
        name = request.image.location
        if "bad" in name:
            return UNREADABLE
        if "away" in name:
            return UNREACHABLE
        if "flaky" in name and self.flaky:
            self.flaky -= 1
            return UNREACHABLE
        if "stop" in name:
            raise KeyboardInterrupt
        car = Detection(Box(0, 0, 20, 20), "car", 0.75)
        return Answer(ImageSize(40, 20), (Detections((car,)),), "0" * 64)

    @contextmanager
    def open(self) -> Iterator[StandInWindow]:
        """As a run opens it: what an earlier one left is not waited for."""
        self.waiting = {}
        yield self


def target(api: LabelStudioApi) -> TargetProject:
    return target_project(api, 3, PredictorSettings(engine_for("tiny"), 0.3, None))
