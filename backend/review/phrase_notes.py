"""Counts phrases without anybody waiting for it: people draw, and Label Studio's webhook has a second."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

import structlog

from backend.errors import QueueUnavailable
from backend.label_studio.bodies import WebhookEvent
from backend.label_studio.project_key import ProjectKey
from backend.review.phrase_tally import PhraseTally

__all__ = ["PhraseNotes"]

log = structlog.get_logger()

#: Events that bring an annotation as a person saved it.
_SUBMITTED = {"ANNOTATION_CREATED", "ANNOTATION_UPDATED"}
#: Notes that may wait while Redis is slow; further ones are dropped.
MOST_WAITING = 1000


class PhraseNotes:
    """Every method returns at once, whatever Redis does; safe to share between threads."""

    def __init__(self, tally: PhraseTally) -> None:
        self._tally = tally
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="phrase-notes")
        self._room = BoundedSemaphore(MOST_WAITING)

    def asked(self, project: ProjectKey, label: str, phrase: str) -> None:
        """A person typed this."""
        self._later(lambda: self._tally.count_asked(project, label, phrase))

    def heard(self, event: WebhookEvent, project: ProjectKey) -> None:
        """An annotation that a person submitted is looked at for the phrases it keeps."""
        annotation = event.annotation if event.action in _SUBMITTED else None
        if annotation is not None:
            self._later(lambda: self._tally.count_kept(project, annotation))

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _later(self, count: Callable[[], None]) -> None:
        if self._room.acquire(blocking=False):
            self._thread.submit(self._count, count).add_done_callback(
                lambda _: self._room.release()
            )

    def _count(self, count: Callable[[], None]) -> None:
        try:
            count()
        except QueueUnavailable as error:
            log.warning("phrase not counted", reason=str(error))
