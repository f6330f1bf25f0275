"""A Label Studio, a writer and a window onto workers, all in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from backend.dataset.target_project import TargetProject, target_project
from backend.delivery.rows import Delivered, Row
from backend.errors import Failure, LabelStudioRefuses, LabelStudioUnavailable, TaskUnlisted
from backend.label_studio.api import LabelStudioApi, StoredRows
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import Project, TaskRow
from backend.plain import Json
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer, Outcome
from models.types import Box, Detection, Detections, ImageSize

CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels></View>'
)
UNREACHABLE = Failure("ImageUnreachable", "no answer in time", transient=True)
UNLISTED = Failure.of(TaskUnlisted("500"))
UNREADABLE = Failure("ImageUnreadable", "not an image", transient=False)


@dataclass
class StandInLabelStudio:
    """Tasks by id, and those that have a prediction of the version."""

    tasks: dict[int, Json] = field(default_factory=dict)
    predicted: set[int] = field(default_factory=set)
    #: Lists with these are answered with 500.
    unlistable: set[int] = field(default_factory=set)
    label_config: str = CONFIG
    #: Calls that find nobody, before one is answered.
    silent: int = 0
    url: str = "http://ls"
    asked: list[Json] = field(default_factory=list)

    def api(self) -> LabelStudioApi:
        """In its place."""
        return cast("LabelStudioApi", self)

    def add(self, *names: str, annotated: bool = False) -> list[int]:
        """Tasks whose images have these names; their ids."""
        first = max(self.tasks, default=0) + 1
        for number, name in enumerate(names, first):
            self.tasks[number] = {
                "id": number,
                "data": {"image": f"http://images/{name}"},
                "total_annotations": int(annotated),
            }
        return list(range(first, first + len(names)))

    def project(self, project: int) -> Project:
        self._answer()
        if project != 3:
            raise LabelStudioRefuses("no such project", 404)
        return Project(
            id=3,
            created_at="2026-11-20T20:49:46+00:00",
            title="Cars",
            label_config=self.label_config,
            task_number=len(self.tasks),
            model_version="",
            show_collab_predictions=True,
        )

    def pages(
        self,
        project: int,
        *,
        filters: Json | None,
        view: int | None,
        ids: Sequence[int] | None,
        page_size: int,
        include: str,
        lacking: str | None = None,
        each_alone: bool = False,
    ) -> Iterator[list[TaskRow]]:
        """Two at a time; filters by annotations alone."""
        self.asked.append({"filters": filters, "view": view, "ids": ids, "lacking": lacking})
        last = 0
        while True:
            self._answer()
            unlabeled = any(
                "annotations" in item["filter"] for item in (filters or {}).get("items", [])
            )
            found = [
                task
                for number, task in sorted(self.tasks.items())
                if number > last
                and (ids is None or number in ids)
                and not (lacking and number in self.predicted)
                and not (unlabeled and task["total_annotations"])
            ][:2]
            if not found:
                return
            last = found[-1]["id"]
            yield [
                self._unlisted(task["id"], each_alone)
                if task["id"] in self.unlistable
                else TaskRow.model_validate(task)
                for task in found
            ]

    def count_tasks(
        self, project: int, *, filters: Json | None, view: int | None, lacking: str | None
    ) -> int | None:
        return len(self.tasks) - len(self.predicted)

    def rows_of(self, project: int, model_version: str, ids: Sequence[int]) -> StoredRows:
        self._answer()
        listed = set(ids) & self.tasks.keys() - self.unlistable
        unlisted = set(ids) & self.unlistable
        return StoredRows(
            {task: [1] if task in self.predicted else [] for task in listed},
            dict.fromkeys(unlisted, UNLISTED),
        )

    def _unlisted(self, task: int, each_alone: bool) -> TaskRow:
        if not each_alone:
            raise LabelStudioUnavailable("500")
        return TaskRow.failed(task, UNLISTED)

    def _answer(self) -> None:
        if self.silent:
            self.silent -= 1
            raise LabelStudioUnavailable("no connection")


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
        present = ids & self.label_studio.predicted
        stored = ids - deferred - refused - present
        self.label_studio.predicted |= stored
        self.written += sorted(stored)
        self.versions |= {row.prediction.model_version for row in rows}
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


def target(label_studio: StandInLabelStudio) -> TargetProject:
    return target_project(label_studio.api(), 3, PredictorSettings(engine_for("tiny"), 0.3, None))
