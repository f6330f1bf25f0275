"""`firstpass prelabel project`: a project's tasks predicted by the workers and written as they come.

    tasks without the version -> pipeline -> ledger (writing) -> outbox, the one writer -> ledger (done)

Whatever does not answer is waited out. A run that ends in between, however it does, is gone on with by
the next start: what Label Studio was being sent is looked for there, the rest is asked of the workers
again, who answer from their cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from backend.bulk.left_out import PART_OF_A_TASK, LeftOut
from backend.bulk.marks import Marks, marks_of
from backend.bulk.report import Report, RunFacts
from backend.bulk.tally import tally_of
from backend.dataset.project_tasks import ProjectTasks
from backend.dataset.target_project import TargetProject
from backend.delivery.outbox import Outbox
from backend.delivery.parcel import Parcel
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.delivery.rows import Delivered, Row
from backend.delivery.writer import PredictionWriter
from backend.errors import Failure
from backend.label_studio.bodies import Task
from backend.prediction.predictor import Slot
from backend.runs.ledger import Ledger, Predicted
from backend.runs.patience import Patience
from backend.runs.progress import Progress

__all__ = ["ProjectRun"]

#: Rows wait this long for a whole chunk: each request costs Label Studio a recount of the project.
GATHER_S = 20.0
#: Before what failed for a reason that may pass, or what another writer has in hand, is seen to again.
AGAIN_S = (5.0, 20.0, 60.0)
#: Between two looks for new tasks.
WATCH_S = 5.0
#: With nothing coming for so long, it is looked whether anybody works at all.
SILENCE_S = 15.0


class ProjectRun:
    """One start over a project's tasks. For one thread."""

    def __init__(
        self,
        *,
        target: TargetProject,
        tasks: ProjectTasks,
        writer: PredictionWriter,
        open_window: Callable[[], AbstractContextManager[WindowLike]],
        ledger: Ledger,
        progress: Progress,
        patience: Patience,
        trouble: Callable[[], str],
    ) -> None:
        """`trouble` tells why no answers come, as far as can be told; an empty text: no reason is known."""
        self._target, self._tasks, self._writer = target, tasks, writer
        self._open_window = open_window
        self._ledger, self._progress, self._patience = ledger, progress, patience
        self._trouble = trouble
        self._parcel = Parcel(GATHER_S)
        self._silent, self._look_at = False, time.monotonic() + SILENCE_S
        self._marks: dict[int, Marks] = {}
        self._left_out = LeftOut()

    def run(self) -> None:
        """Predict and write every task of the selection once, and again what may do better.

        Raises `ConfigChanged` before a row is written that is not what the label config asks for now,
        and `LabelStudioRefuses`; nothing is lost by either.
        """
        known = tally_of(self._ledger)
        self._progress.begin(
            self._patience.insist(self._tasks.total),
            predicted=known.predicted,
            failed=known.failed,
            regions=known.regions,
        )
        self._pass(self._tasks.all())
        for seconds in AGAIN_S:
            failed = self._ledger.forget_failures(passing=True)
            self._progress.advance(failed=-failed)
            if not self._ledger.left():
                return
            self._progress.wait_for(f"{self._ledger.left():,} again in {seconds:.0f} s")
            self._patience.rest(seconds)
            self._progress.wait_for("")
            self._pass(self._tasks.left())

    def watch(self) -> None:
        """Go on for tasks that are new; ends by an exception alone."""
        while True:
            self._progress.wait_for("watching for new tasks")
            self._patience.rest(WATCH_S)
            self._patience.insist(self._target.check)
            self._pass(self._tasks.all())

    def report(self) -> Report:
        """The figures of the run, over all its starts."""
        facts = RunFacts(
            source=self._target.words,
            model_version=self._target.version,
            begun_at=self._ledger.begun_at,
            ended_at=time.time(),
            seconds=self._ledger.seconds,
            left=self._ledger.left(),
            ledger=str(self._ledger.path),
        )
        return Report.of(tally_of(self._ledger), facts, self._left_out.figures())

    def _pass(self, tasks: Iterable[Task]) -> None:
        self._patience.insist(lambda: self._writer.begin(self._target.key, self._target.version))
        with self._open_window() as window, Outbox(self._write) as outbox, self._stopping():
            for slots in predict_tasks(tasks, self._target.predictor, window):
                self._take_in(slots)
                self._listen(heard=bool(slots))
                while self._parcel.is_due(time.monotonic()):
                    self._send(outbox)
                self._record(outbox.written())
            while self._parcel.rows:
                self._send(outbox)
            self._record(outbox.written(all_of_them=True))

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """An exception in the block also ends a write that waits, for the outbox waits for the write."""
        try:
            yield
        except BaseException:
            self._patience.stop()
            raise

    def _write(self, rows: Sequence[Row]) -> Delivered:
        """In the outbox's thread."""

        def write() -> Delivered:
            self._target.check()
            return self._writer.write(self._target.key, rows)

        return self._patience.insist(write)

    def _take_in(self, slots: Sequence[Slot]) -> None:
        failures: dict[int, Failure] = {}
        for slot in slots:
            if slot.task_id is None:
                continue
            if slot.failure is not None:
                failures[slot.task_id] = slot.failure
            elif slot.prediction is not None:
                for part in slot.left_out:
                    self._left_out.add(PART_OF_A_TASK, slot.task_id, part)
                self._parcel.add(Row(slot.task_id, slot.prediction), time.monotonic())
        if failures:
            self._ledger.fail(failures.items())
            self._progress.advance(failed=len(failures))

    def _send(self, outbox: Outbox[Delivered]) -> None:
        rows = self._parcel.take(time.monotonic())
        marks = {row.task: marks_of(row.prediction.result) for row in rows}
        self._marks |= marks
        self._ledger.write([Predicted(task, mark.to_json()) for task, mark in marks.items()])
        outbox.send(rows)

    def _record(self, written: Iterable[Delivered]) -> None:
        for delivered in written:
            stored = delivered.stored | delivered.present
            self._ledger.settle(
                {**dict.fromkeys(stored, True), **dict.fromkeys(delivered.deferred, False)}
            )
            self._ledger.fail(delivered.refused.items())
            regions = sum(self._marks[task].regions for task in stored)
            for task in (*stored, *delivered.deferred, *delivered.refused):
                del self._marks[task]
            self._progress.advance(
                predicted=len(stored), failed=len(delivered.refused), regions=regions
            )

    def _listen(self, *, heard: bool) -> None:
        """Say why nothing comes, when nothing has come for a while."""
        now = time.monotonic()
        if heard and self._silent:
            self._progress.wait_for("")
        elif not heard and now >= self._look_at:
            self._progress.wait_for(self._trouble())
        self._silent = not heard and (self._silent or now >= self._look_at)
        if heard or now >= self._look_at:
            self._look_at = now + SILENCE_S
