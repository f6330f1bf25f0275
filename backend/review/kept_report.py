"""The last report of each project, kept in Redis for the page of the web process.

A review reads every annotation, which may take minutes: no page can wait for that. Whoever runs the
command leaves its report here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import redis
from pydantic import TypeAdapter, ValidationError

from backend.queue.connection import queue_errors
from backend.review.figures import Picture, ReviewReport

__all__ = ["KeptReport", "KeptReports"]

PREFIX = "firstpass:review:"
#: A report goes so long after it was made.
TTL_S = 90 * 86_400


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report, and pictures of its worst images by task."""

    report: ReviewReport
    pictures: Mapping[int, Picture]


_KEPT = TypeAdapter(KeptReport)


class KeptReports:
    """Every method raises `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def keep(self, kept: KeptReport) -> None:
        """In place of the project's last one."""
        # Half an emoji, which a label may hold, is no text to who reads it back.
        text = json.dumps(asdict(kept), ensure_ascii=False).encode("utf-8", "replace")
        with queue_errors():
            self._connection.set(_key(kept.report.facts.project), text, ex=TTL_S)

    def of(self, project: int) -> KeptReport | None:
        """The project's last one; `None` where there is none, or another version's."""
        with queue_errors():
            text = self._connection.get(_key(project))
        if not isinstance(text, bytes):
            return None
        try:
            return _KEPT.validate_json(text)
        except ValidationError:
            return None


def _key(project: int) -> str:
    return f"{PREFIX}{project}"
