"""Projects that Label Studio does not serve while it serves others: each waits alone, longer each time."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from backend.delivery.owed import OwedTasks
from backend.errors import FirstpassError
from backend.label_studio.project_key import ProjectKey

__all__ = ["PutOff"]

log = structlog.get_logger()

#: Seconds that a project waits, twice as long each time.
PUT_OFF_S = 5.0
MOST_PUT_OFF_S = 60.0


class PutOff:
    """Until when projects are put off; status reads the reasons in Redis."""

    def __init__(self, owed: OwedTasks, clock: Callable[[], float]) -> None:
        self._owed, self._clock = owed, clock
        #: Until when, and how long that was.
        self._waits: dict[ProjectKey, tuple[float, float]] = {}

    def waits(self, project: ProjectKey) -> bool:
        """Whether it is not its turn yet."""
        until, _ = self._waits.get(project, (0.0, 0.0))
        return until > self._clock()

    def add(self, project: ProjectKey, error: FirstpassError) -> None:
        """It could not be served."""
        _, before = self._waits.get(project, (0.0, 0.0))
        seconds = min(2 * before, MOST_PUT_OFF_S) if before else PUT_OFF_S
        self._waits[project] = (self._clock() + seconds, seconds)
        self._owed.put_off(project, str(error))
        log.warning("project put off", project=project.id, reason=str(error), seconds=seconds)

    def forgive(self, project: ProjectKey) -> None:
        """It was served."""
        self._waits.pop(project, None)
        self._owed.served(project)  # an earlier courier may have put it off
