"""`firstpass prelabel project`: a project's tasks predicted by the workers and written as they come.

    tasks without the version -> pipeline -> ledger (writing) -> outbox, the one writer -> ledger (done)

Whatever does not answer is waited out. A run that ends in between, however it does, is gone on with by
the next start: what Label Studio was being sent is looked for there, the rest is asked of the workers
again, who answer from their cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from backend.bulk.found import found_in, regions_in
from backend.bulk.gallery import Gallery
from backend.bulk.least_sure import least_sure
from backend.bulk.left_out import LeftOut
from backend.bulk.project_pictures import ProjectPictures
from backend.bulk.report import Report, report_of
from backend.dataset.project_tasks import ProjectTasks
from backend.dataset.target_project import TargetProject
from backend.delivery.outbox import Outbox
from backend.delivery.parcel import Parcel
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.delivery.rows import Delivered, Row
from backend.delivery.writer import PredictionWriter
from backend.errors import Failure
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.predictor import Slot
from backend.runs.job import Found, Job, Settled
from backend.runs.ledger import Ledger, Result, TaskKey
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
        note_failed: Callable[[Collection[int]], object] = lambda tasks: None,
    ) -> None:
        """`trouble` tells why no answers come, as far as can be told; an empty text: no reason is known.

        `note_failed` hears of tasks that failed for good.
        """
        self._note_failed = note_failed
        self._target, self._tasks, self._writer = target, tasks, writer
        self._open_window = open_window
        self._ledger, self._progress, self._patience = ledger, progress, patience
        self._trouble = trouble
        self._job: Job[Prediction] = Job(ledger, progress, regions_in)
        self._silent, self._look_at = False, time.monotonic() + SILENCE_S
        self._left_out = LeftOut()

    def run(self) -> None:
        """Predict and write every task of the selection once, and again what may do better.

        Raises `ConfigChanged` before a row is written that is not what the label config asks for now,
        and `LabelStudioRefuses`; nothing is lost by either.
        """
        self._job.begin(self._patience.insist(self._tasks.total))
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
        words, version = self._target.words, self._target.version
        return report_of(self._ledger, words, version, self._left_out, home=self._target.home)

    def draw(self, pictures: ProjectPictures, gallery: Gallery) -> None:
        """Put in the least sure of what is written, over all starts. Raises errors of ours; what is put in stays."""
        chosen = least_sure(self._ledger)
        with self._open_window() as window:
            pictures.again(map(int, chosen), window, gallery)

    def _pass(self, tasks: Iterable[Task]) -> None:
        self._patience.insist(lambda: self._writer.begin(self._target.key, self._target.version))
        with self._open_window() as window, Outbox(self._write) as outbox, self._stopping():
            slots = predict_tasks(tasks, self._target.predictor, window)
            self._job.run(self._heard(slots), _LabelStudio(self._ledger, outbox))

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

    def _heard(
        self, batches: Iterable[Sequence[Slot]]
    ) -> Iterator[Mapping[TaskKey, Found[Prediction] | Failure]]:
        for slots in batches:
            self._listen(heard=bool(slots))
            self._note_failed([task for slot in slots for task in _failed_for_good(slot)])
            yield found_in(((slot.task_id, slot) for slot in slots), self._left_out)

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


def _failed_for_good(slot: Slot) -> Iterator[int]:
    if slot.task_id is not None and slot.failure is not None and not slot.failure.transient:
        yield slot.task_id


class _LabelStudio:
    """Label Studio as the sink: rows are gathered, and noted in the ledger before they are sent."""

    def __init__(self, ledger: Ledger, outbox: Outbox[Delivered]) -> None:
        self._ledger, self._outbox, self._parcel = ledger, outbox, Parcel(GATHER_S)
        self._figures: dict[int, str] = {}

    def put(self, found: Mapping[TaskKey, Found[Prediction]]) -> None:
        for task, one in found.items():
            self._parcel.add(Row(int(task), one.what), time.monotonic())
            self._figures[int(task)] = one.figures

    def settled(self, *, all_of_them: bool = False) -> Iterator[Settled]:
        while self._parcel.is_due(time.monotonic()) or (all_of_them and self._parcel.rows):
            rows = self._parcel.take(time.monotonic())
            self._ledger.write([Result(row.task, self._figures.pop(row.task)) for row in rows])
            self._outbox.send(rows)
        for delivered in self._outbox.written(all_of_them=all_of_them):
            stored = delivered.stored | delivered.present
            self._ledger.settle(
                {**dict.fromkeys(stored, True), **dict.fromkeys(delivered.deferred, False)}
            )
            yield Settled(stored, delivered.deferred, delivered.refused.items())
