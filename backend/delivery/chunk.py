"""The rows of one write on their way: sent, and looked for again whatever Label Studio answers.

Its import knows no key, drops rows that it finds invalid with a 201, refuses all for the sake of one, and
after a time-out nobody knows what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import structlog

from backend.delivery.rows import Delivered, Row
from backend.errors import (
    Failure,
    FirstpassError,
    LabelStudioRefuses,
    LabelStudioUnavailable,
    RowRefused,
)
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey

__all__ = ["Chunk", "ChunkSender"]

log = structlog.get_logger()

#: After an answer that never came, two looks this far apart must agree before rows are sent again.
SETTLE_S = 3.0
#: A request that is not answered is sent this often as a whole, while Label Studio answers others.
TRIES = 3
#: After so many rows alone without an answer, and none that was taken, nor one further on, the rows are not to blame.
UNANSWERED = 3
#: What Label Studio, or what stands before it, answers to rows that it does not take as they are.
_OF_THE_ROWS = (
    httpx.codes.BAD_REQUEST,
    httpx.codes.REQUEST_ENTITY_TOO_LARGE,
    httpx.codes.UNPROCESSABLE_ENTITY,
)


@dataclass(slots=True)
class Chunk:
    """The rows of one write, by task, and what is known of them."""

    project: ProjectKey
    version: str
    rows: dict[int, Row]
    claimed: set[int] = field(default_factory=set)
    #: What is sent in imports, in order.
    imported: tuple[int, ...] = ()
    #: A row far from the first that were not answered has been tried.
    looked_further: bool = False
    #: What has become of the rows so far.
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def ids(self) -> list[int]:
        return sorted(self.rows)

    def found(self, tasks: Sequence[int], lacking: set[int]) -> set[int]:
        """Those of the tasks that are known to need no row."""
        return set(tasks) - lacking - self.delivered.refused.keys()


@dataclass(slots=True)
class ChunkSender:
    """Sends to one Label Studio, one chunk at a time."""

    api: LabelStudioApi
    sleep: Callable[[float], None]
    #: The last import was not answered, so it may still be under way.
    unsure: bool = False

    def send(self, chunk: Chunk, tasks: Sequence[int]) -> None:
        """Have the rows of these tasks stored; the chunk's `delivered` says what became of each."""
        alone = [task for task in tasks if chunk.rows[task].goes_alone]
        chunk.imported = tuple(task for task in tasks if task not in alone)
        self._import(chunk, chunk.imported)
        for task in alone:
            self._create(chunk, task)

    def lacking(self, chunk: Chunk, tasks: Sequence[int]) -> set[int]:
        """Those without the row; after a request without an answer, once two looks agree."""
        lacking = self._lacking(chunk, tasks)
        while self.unsure:
            self.sleep(SETTLE_S)
            again = self._lacking(chunk, tasks)
            self.unsure, lacking = again != lacking, again
        return lacking

    def _import(self, chunk: Chunk, tasks: Sequence[int], tries: int = TRIES) -> None:
        """Send these rows; where they are not taken as a whole, find out which and why."""
        delivered = chunk.delivered
        settled = delivered.stored | delivered.refused.keys()
        tasks = [task for task in tasks if task not in settled]
        if not tasks:
            return
        rows = [chunk.rows[task].to_json() for task in tasks]
        try:
            created = self.api.import_predictions(chunk.project.id, rows)
        except LabelStudioUnavailable as error:
            log.warning("import not answered", rows=len(tasks), reason=str(error))
            self.unsure = True
            lacking = self.lacking(chunk, tasks)
            delivered.stored |= chunk.found(tasks, lacking)
            if tries > 1:
                self._import(chunk, sorted(lacking), tries - 1)
            else:
                self._import_halves(chunk, sorted(lacking), error)
        except LabelStudioRefuses as error:
            if error.status not in _OF_THE_ROWS:
                raise
            lacking = self._lacking(chunk, tasks)
            delivered.present |= chunk.found(tasks, lacking)  # deleted tasks, mostly
            if len(lacking) < len(tasks):
                self._import(chunk, sorted(lacking))
            else:
                self._import_halves(chunk, tasks, error)
        else:
            delivered.stored |= set(tasks)
            if created != len(tasks):
                self._name_dropped(chunk, tasks)

    def _create(self, chunk: Chunk, task: int) -> None:
        """Send one row by itself: a fifth of a second each, unchecked by Label Studio."""
        delivered = chunk.delivered
        try:
            self.api.create_prediction(chunk.rows[task].to_json())
        except LabelStudioUnavailable as error:
            self.unsure = True
            if task in self.lacking(chunk, [task]):
                delivered.refused[task] = Failure.of(error)
            if task in delivered.refused:
                return
        except LabelStudioRefuses as error:
            if error.status not in (*_OF_THE_ROWS, httpx.codes.NOT_FOUND):
                raise
            if task in self._lacking(chunk, [task]):
                delivered.refused[task] = Failure.of(RowRefused(str(error)))
            elif task not in delivered.refused:
                delivered.present.add(task)  # deleted, mostly
            return
        delivered.stored.add(task)

    def _import_halves(self, chunk: Chunk, tasks: Sequence[int], error: FirstpassError) -> None:
        """One bad row has the whole request refused, so halve until it stands alone.

        A row that is not answered alone may be taken later. Raises the error where that is so of every row.
        """
        delivered = chunk.delivered
        if len(tasks) == 1:
            alone = error if error.transient else RowRefused(str(error))
            delivered.refused[tasks[0]] = Failure.of(alone)
            unanswered = sum(failure.transient for failure in delivered.refused.values())
            to_blame = unanswered < UNANSWERED or delivered.stored or self._takes_another(chunk)
            if alone is error and not to_blame:
                raise error
            return
        middle = len(tasks) // 2
        for half in (tasks[:middle], tasks[middle:]):
            self._import(chunk, half, tries=1)

    def _takes_another(self, chunk: Chunk) -> bool:
        """Whether it takes a row far from those that it did not answer: bad rows lie side by side. Asked once."""
        delivered = chunk.delivered
        if chunk.looked_further:
            return False
        chunk.looked_further = True
        left = [task for task in chunk.imported if task not in delivered.refused]
        for place in range(0, -len(left), -max(1, len(left) // 3)):
            try:
                self._import(chunk, [left[place - 1]], tries=1)
            except LabelStudioUnavailable:
                continue
            if delivered.stored:
                return True
        return False

    def _name_dropped(self, chunk: Chunk, tasks: Sequence[int]) -> None:
        """It answers 201 and leaves out what it finds invalid."""
        delivered = chunk.delivered
        for task in self._lacking(chunk, tasks):
            delivered.stored.discard(task)
            dropped = RowRefused(
                "Label Studio dropped the prediction without saying why: expected regions that fit the "
                "project's label config; was it changed meanwhile?"
            )
            delivered.refused[task] = Failure.of(dropped)

    def _lacking(self, chunk: Chunk, tasks: Sequence[int]) -> set[int]:
        """Those without the row. What cannot be listed is refused: it may have one, and must not get two."""
        found = self.api.rows_of(chunk.project.id, chunk.version, tasks)
        chunk.delivered.refused.update(found.unlisted)
        return found.lacking
