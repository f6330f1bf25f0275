"""What `/predict` hands over to the courier, and what it may answer itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import structlog

from backend.delivery.claims import REPLY_TTL_S, Claims
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import Stored, untold
from backend.errors import QueueUnavailable
from backend.label_studio.bodies import WebhookEvent
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import Slot
from backend.queue.connection import queue_errors

__all__ = ["DeliveryDesk"]

log = structlog.get_logger()


#: Someone else's row is stored within this, mostly; Label Studio then shows it to this request too.
OTHERS_ROW_S = 1.0
#: Rows of one answer that Label Studio stores in a second, at the least.
ROWS_PER_S = 10


class DeliveryDesk:
    """The web process's side of the delivery; safe to share between threads."""

    def __init__(
        self,
        owed: OwedTasks,
        claims: Claims,
        failed: FailedTasks,
        courier_lives: Callable[[], bool],
        *,
        stored: Stored = untold,
        named: Callable[[ProjectKey, str], object] = lambda project, title: None,
        learned: Callable[[ProjectKey, Sequence[str]], object] = lambda project, heads: None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`stored`, `named` and `learned` are told what the status page shows of projects."""
        self._stored, self._named, self._learned = stored, named, learned
        self._owed = owed
        self._claims = claims
        self._failed = failed
        self._courier_lives = courier_lives
        self._clock = clock or owed.now
        self._sleep = sleep
        self._notes = ThreadPoolExecutor(1, thread_name_prefix="delivery-notes")

    @property
    def is_manned(self) -> bool:
        """Whether a courier is there, so that tasks need not be waited for. Raises `QueueUnavailable`."""
        with queue_errors():
            return self._courier_lives()

    def hand_over(self, project: ProjectKey, version: str, slots: Sequence[Slot]) -> list[Slot]:
        """The slots as this request may answer them; the courier has all that is pending in them.

        A prediction that somebody else is about to have stored becomes pending: Label Studio would
        store it twice. A failure that may pass is answered as such, and the courier tries again. Raises
        `QueueUnavailable`.
        """
        ready = [slot.task_id for slot in slots if slot.prediction and slot.task_id is not None]
        ours = self._claims.take(
            project,
            version,
            ready,
            holder=f"reply:{uuid4().hex}",
            ttl_s=REPLY_TTL_S + len(ready) // ROWS_PER_S,
        )
        others = set(ready) - ours
        answered = [Slot(slot.task_id) if slot.task_id in others else slot for slot in slots]
        owed = [slot.task_id for slot in answered if slot.task_id is not None and _is_owed(slot)]
        self._owed.add(project, owed, self._clock())
        self._failed.forget(project, ours)
        self._stored(project, version, ours)
        failed = _failed_for_good(answered)
        by_worker = {task: slot.failed_job for task, slot in failed.items() if slot.failed_job}
        failures = {task: slot.failure for task, slot in failed.items() if slot.failure}
        self._failed.note(project, failures, by_worker=by_worker)
        if others:
            self._sleep(OTHERS_ROW_S)
        return answered

    def note_change(self, project: ProjectKey) -> None:
        """Have the courier put title and version in Label Studio in step with the label config.

        Returns at once, whatever Redis does: `/setup` and `/webhook` must not wait.
        """
        self._notes.submit(self._note_change, project)

    def note_heads(self, project: ProjectKey, heads: Sequence[str]) -> None:
        """Note which learned heads the project's label config names. Returns at once."""
        self._notes.submit(self._learned, project, heads)

    def heard(self, event: WebhookEvent, project: ProjectKey) -> None:
        """A changed project may answer to another version now; each event tells what people call it."""
        title = event.project.get("title")
        if isinstance(title, str):
            self._notes.submit(self._named, project, title)
        if event.action == "PROJECT_UPDATED":
            self.note_change(project)

    def close(self) -> None:
        self._notes.shutdown(wait=False, cancel_futures=True)

    def _note_change(self, project: ProjectKey) -> None:
        try:
            self._owed.note_change(project)
        except QueueUnavailable as error:
            # The next `/setup` after a restart, or the next change, notes it again.
            log.warning("change of a project not noted", project=project.id, reason=str(error))


def _is_owed(slot: Slot) -> bool:
    """Whether a prediction may come of it yet."""
    if slot.failure is not None:
        return slot.failure.transient
    return slot.prediction is None


def _failed_for_good(slots: Sequence[Slot]) -> dict[int, Slot]:
    """Each task that there will be no prediction of."""
    return {
        slot.task_id: slot
        for slot in slots
        if slot.task_id is not None and slot.failure is not None and not slot.failure.transient
    }
