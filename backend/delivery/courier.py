"""The courier: sees to it that what `/predict` could not answer in time arrives in Label Studio.

    owed tasks -> those without a row -> their data -> pipeline -> rows -> the one writer -> owed no more

A task is owed until Label Studio has its row or it is known why there can be none. The courier itself
remembers nothing, so it may end at any point.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain

import httpx
import structlog

from backend.delivery.doubles import remove_doubles
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.outbox import Outbox
from backend.delivery.owed import OwedTasks
from backend.delivery.parcel import Parcel
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.delivery.put_off import PutOff
from backend.delivery.rows import Delivered, Row
from backend.delivery.writer import CHUNK, PredictionWriter
from backend.errors import (
    Failure,
    ForeignValue,
    LabelConfigError,
    LabelStudioRefuses,
    LabelStudioUnavailable,
)
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import Predictor, PredictorSettings, Slot

__all__ = ["Courier"]

log = structlog.get_logger()

#: A refusal that is about our token, and so about every project.
_OURS = (httpx.codes.UNAUTHORIZED,)

#: Owed tasks of one project that are seen to before the next project's turn.
ROUND = 4000
#: Rows wait this long for others to be written with.
GATHER_S = 1.0
#: A row that somebody else is about to have stored is looked for again after this.
DEFERRED_S = 5.0
#: What failed for a reason that may pass is tried again this often.
RETRIES = 5


class Courier:
    """Delivers for one Label Studio. For one thread."""

    def __init__(
        self,
        *,
        owed: OwedTasks,
        failed: FailedTasks,
        api: LabelStudioApi,
        writer: PredictionWriter,
        predictors: PredictorSettings,
        open_window: Callable[[], AbstractContextManager[WindowLike]],
        failure_ttl_s: float,
        stop: threading.Event,
        clock: Callable[[], float] | None = None,
        chunk: int = CHUNK,
    ) -> None:
        """A failure that may pass is kept for `failure_ttl_s`; no use to ask again before. `chunk`: rows of one write."""
        self._owed = owed
        self._failed = failed
        self._api = api
        self._writer = writer
        self._predictors = predictors
        self._open_window = open_window
        self._retry_s = failure_ttl_s + DEFERRED_S
        self._stop = stop
        self._clock = clock or owed.now
        self._chunk = chunk
        self._put_off = PutOff(owed, self._clock)
        #: Tasks by what became of them, since the start.
        self.counts: Counter[str] = Counter()

    def round(self) -> bool:
        """See to every project once; whether anything was owed now.

        Raises `LabelStudioUnavailable` and `LabelStudioRefuses` where Label Studio serves nobody, and
        `QueueUnavailable`; nothing is lost by it. A project that it does not serve is put off alone.
        """
        worked = False
        for project in self._owed.projects():
            waits = self._put_off.waits(project)
            due = [] if waits else self._owed.due(project, self._clock(), ROUND)
            if due and not self._stop.is_set():
                worked = True
                try:
                    self._serve(project, due)
                except ForeignValue as error:  # under a key of this project alone
                    self._put_off.add(project, error)
                except (LabelStudioUnavailable, LabelStudioRefuses) as error:
                    self._api.version()  # raises where it is not this project alone
                    if isinstance(error, LabelStudioRefuses) and error.status in _OURS:
                        raise
                    self._put_off.add(project, error)
                else:
                    self._put_off.forgive(project)
        return worked

    def _serve(self, project: ProjectKey, due: Sequence[int]) -> None:
        predictor = self._predictor(project)
        if predictor is None:
            return
        self._writer.begin(project, predictor.version)
        absent = set(due)
        parcel = Parcel(GATHER_S, self._chunk)

        def write(rows: Sequence[Row]) -> Delivered | None:
            return self._write(project, predictor.version, rows)

        with self._open_window() as window, Outbox(write) as outbox:
            tasks = self._tasks(project, predictor.version, absent)
            for slots in predict_tasks(tasks, predictor, window):
                for slot in slots:
                    self._take_in(project, slot, parcel)
                while parcel.is_due(time.monotonic()):
                    outbox.send(parcel.take(time.monotonic()))
                if not self._record(project, outbox.written()) or self._stop.is_set():
                    return
            while parcel.rows:
                outbox.send(parcel.take(time.monotonic()))
            if self._record(project, outbox.written(all_of_them=True)):
                self._settle_present(project, predictor.version, absent)

    def _predictor(self, project: ProjectKey) -> Predictor | None:
        """By the label config of now, whatever it was when the tasks were asked; `None`: owe nothing."""
        try:
            found = self._api.project(project.id)
            if found.key != project:
                raise LabelConfigError(
                    "that id is another project here: is FIRSTPASS_LABEL_STUDIO_URL the Label Studio "
                    "that asks?"
                )
            return self._predictors.for_label_config(found.label_config)
        except LabelConfigError as error:
            reason, is_gone = str(error), found.key != project
        except LabelStudioRefuses as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            self._api.version()  # raises where it is not Label Studio that finds nothing
            reason, is_gone = str(error), True
        tasks = self._owed.forget(project)
        if is_gone:
            self._failed.forget_project(project)
        self.counts["undeliverable"] += tasks
        log.error("owed tasks given up", project=project.id, tasks=tasks, reason=reason)
        return None

    def _tasks(self, project: ProjectKey, version: str, ids: set[int]) -> Iterator[Task]:
        """Those of the tasks that lack the version; `ids` is left with the others."""
        pages = self._api.pages(project.id, ids=sorted(ids), lacking=version, each_alone=True)
        for row in chain.from_iterable(pages):
            ids.discard(row.id)
            yield Task.of(row)

    def _take_in(self, project: ProjectKey, slot: Slot, parcel: Parcel) -> None:
        if slot.task_id is None:
            return
        if slot.prediction is not None:
            parcel.add(Row(slot.task_id, slot.prediction), time.monotonic())
        elif slot.failure is not None:
            self._fail(project, slot.task_id, slot.failure, slot.failed_job)

    def _fail(
        self, project: ProjectKey, task: int, failure: Failure, job: str | None = None
    ) -> None:
        again = failure.transient and self._owed.failed_again(project, task) <= RETRIES
        log.warning(
            "task not predicted",
            project=project.id,
            task=task,
            kind=failure.kind,
            reason=failure.message,
            again=again,
        )
        if again:
            self._owed.postpone(project, [task], self._clock() + self._retry_s)
        else:
            self._failed.note(project, {task: failure}, by_worker={task: job} if job else {})
            self._settle(project, [task], "failed")

    def _write(self, project: ProjectKey, version: str, rows: Sequence[Row]) -> Delivered | None:
        """Have rows written; `None` when we are to stop, or they are of a label config that is no more."""
        if self._stop.is_set() or not self._is_current(project, version):
            return None
        delivered = self._writer.write(project, rows)
        # Changed in between, these tasks are owed another row, and a refusal tells nothing of them.
        return delivered if self._is_current(project, version) else None

    def _record(self, project: ProjectKey, written: Iterable[Delivered | None]) -> bool:
        """Take note of what was written; False when no more is."""
        for delivered in written:
            if delivered is None:
                return False
            self._settle(project, delivered.stored, "stored")
            self._settle(project, delivered.present, "present")
            self._owed.postpone(project, delivered.deferred, self._clock() + DEFERRED_S)
            for task, failure in delivered.refused.items():
                self._fail(project, task, failure)
            log.info(
                "delivered",
                project=project.id,
                stored=len(delivered.stored),
                present=len(delivered.present),
                deferred=len(delivered.deferred),
                refused=len(delivered.refused),
            )
        return True

    def _is_current(self, project: ProjectKey, version: str) -> bool:
        now = self._predictor(project)
        current = now is not None and now.version == version
        if not current:
            log.info("label config changed, planning anew", project=project.id)
        return current

    def _settle_present(self, project: ProjectKey, version: str, tasks: Collection[int]) -> None:
        """These have their row, or are gone. A writer that was killed may have left them two."""
        if tasks:
            remove_doubles(self._api, project.id, version, sorted(tasks))
            self._settle(project, tasks, "present")

    def _settle(self, project: ProjectKey, tasks: Collection[int], outcome: str) -> None:
        if not tasks:
            return
        if outcome != "failed":
            self._failed.forget(project, tasks)
        self._owed.settle(project, tasks)
        self.counts[outcome] += len(tasks)
