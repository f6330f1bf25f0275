"""The last report of each project, kept in Redis for the page of the web process.

A review reads every annotation, which may take minutes: no page can wait for that. Whoever runs the
command leaves its report here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import redis
from pydantic import TypeAdapter, ValidationError

from backend.label_studio.project_key import ProjectKey
from backend.pages.summary import in_utc
from backend.queue.connection import queue_errors
from backend.review.figures import Picture, ReviewReport

__all__ = ["KeptReport", "KeptReports"]

PREFIX = "firstpass:review:"
#: A report goes so long after it was made.
TTL_S = 90 * 86_400


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report, and pictures of its worst images, by `WorstTask.picture`.

    `project` is whose it is: a Label Studio that is made anew gives its number to another one.
    """

    report: ReviewReport
    pictures: Mapping[str, Picture]
    project: ProjectKey | None = None

    @property
    def told(self) -> ReviewReport:
        """The report with a note of which project it is, for who finds it by the number."""
        if self.project is None:
            return self.report
        note = (
            f"of the project {self.project.id} that was made {in_utc(self.project.created_s)}; one that has the "
            "number since, as in a Label Studio made anew, has its report here once `firstpass review` is run for it"
        )
        return replace(self.report, notes=(*self.report.notes, note))


_KEPT = TypeAdapter(KeptReport)


class KeptReports:
    """Every method raises `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def keep(self, kept: KeptReport) -> None:
        """In place of the last one of a project with this number."""
        # Half an emoji, which a label may hold, is no text to who reads it back.
        text = json.dumps(asdict(kept), ensure_ascii=False).encode("utf-8", "replace")
        with queue_errors():
            self._connection.set(_key(kept.report.facts.project), text, ex=TTL_S)

    def of(self, project: int) -> KeptReport | None:
        """The last one of a project with this number; `None` where there is none, or another version's."""
        with queue_errors():
            text = self._connection.get(_key(project))
        if not isinstance(text, bytes):
            return None
        try:
            return _KEPT.validate_json(text)
        except ValidationError:
            return None

    def forget(self, project: ProjectKey) -> None:
        """Drop the project's report, and one that is not known to be another's with this number."""
        kept = self.of(project.id)
        if kept is None or kept.project in (None, project):
            with queue_errors():
                self._connection.delete(_key(project.id))


def _key(project: int) -> str:
    return f"{PREFIX}{project}"
