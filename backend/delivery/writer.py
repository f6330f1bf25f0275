"""The one writer: rows into Label Studio, each exactly once, whatever happens on the way.

    claim -> see what is lacking -> import -> compare -> (reconcile) -> remove doubles -> settle

Label Studio's import knows no key, drops rows that it finds invalid with a 201, and after a time-out
nobody knows what it did. So every step is followed by a look at what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import structlog

from backend.delivery.claims import Claims
from backend.delivery.doubles import remove_doubles
from backend.delivery.rows import Delivered, Row
from backend.delivery.turn import Turn
from backend.errors import (
    Failure,
    FirstpassError,
    LabelStudioRefuses,
    LabelStudioUnavailable,
    RowRefused,
)
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey

__all__ = ["CHUNK", "PredictionWriter"]

log = structlog.get_logger()

#: Rows in one request. Each costs Label Studio a recount of the whole project, seconds in one of 20,000
#: tasks, so fewer rows are slower; it commits them by 500, so more are the likelier to land in part.
CHUNK = 1000
#: A claim of a writer that was killed is free after this; its last request may still land till then.
CLAIM_TTL_S = 60
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


class PredictionWriter:
    """Writes to one Label Studio, one chunk at a time over all processes. For one thread."""

    def __init__(
        self,
        api: LabelStudioApi,
        claims: Claims,
        turn: Turn,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._claims = claims
        self._turn = turn
        self._sleep = sleep
        self._holder = f"writer:{uuid4().hex}"
        #: The last import was not answered, so it may still be under way.
        self._unsure = False
        #: How many rows of a version there must be if nobody but us has had any stored since `begin`.
        self._expected: dict[tuple[ProjectKey, str], int] = {}

    def begin(self, project: ProjectKey, version: str) -> None:
        """Call it before tasks without the version are listed, and those alone are written.

        As long as nobody else then has rows of that version stored, which their number tells, they are
        not looked at again: a tenth of the time.
        """
        self._expected = {(project, version): self._count(project, version)}

    def write(self, project: ProjectKey, rows: Sequence[Row]) -> Delivered:
        """Have these rows stored; one version, at most `CHUNK` rows, each task once.

        Raises `LabelStudioUnavailable` when Label Studio does not answer and `LabelStudioRefuses` when
        it does not let us write: calling again with the same rows goes on and doubles nothing. Raises
        `QueueUnavailable` without Redis, on the same terms.
        """
        if not rows:
            return Delivered()
        chunk = _Chunk(project, rows[0].prediction.model_version, {row.task: row for row in rows})

        def renew() -> None:
            self._claims.take(
                project,
                chunk.version,
                sorted(chunk.claimed),
                holder=self._holder,
                ttl_s=CLAIM_TTL_S,
            )

        with self._turn.held(also=renew):
            try:
                return self._write(chunk)
            except LabelStudioRefuses:
                self._give_back(chunk)
                raise

    def _write(self, chunk: _Chunk) -> Delivered:
        # Assigned at once: the turn's thread reads it to renew the claims.
        chunk.claimed = self._claims.take(
            chunk.project,
            chunk.version,
            chunk.ids,
            holder=self._holder,
            ttl_s=CLAIM_TTL_S,
            over_stored=True,
        )
        before = self._count(chunk.project, chunk.version)
        key = (chunk.project, chunk.version)
        undisturbed = before == self._expected.get(key) and not self._unsure
        lacking = set(chunk.ids) if undisturbed else self._certainly_lacking(chunk, chunk.ids)
        delivered = chunk.delivered
        delivered.present = chunk.found(chunk.ids, lacking)
        delivered.deferred = lacking - chunk.claimed
        to_write = sorted(lacking & chunk.claimed)
        alone = {task for task in to_write if chunk.rows[task].goes_alone}
        chunk.imported = tuple(task for task in to_write if task not in alone)
        self._import(chunk, chunk.imported)
        for task in sorted(alone):
            self._create(chunk, task)
        after = before + len(delivered.stored)
        # What is there already may be of a write that ended before it came to this.
        if delivered.present or self._count(chunk.project, chunk.version) != after:
            remove_doubles(self._api, chunk.project.id, chunk.version, chunk.ids)
        if undisturbed:
            self._expected[key] = after
        settled = delivered.stored | (delivered.present & chunk.claimed)
        self._claims.settle(chunk.project, chunk.version, settled)
        self._claims.release(chunk.project, chunk.version, delivered.refused, holder=self._holder)
        return delivered

    def _give_back(self, chunk: _Chunk) -> None:
        """Where it said no, nothing is under way, and whoever may write next need not wait for our claims."""
        if self._unsure:
            return
        # Taken from the turn's thread first, which would renew them.
        claimed, chunk.claimed = chunk.claimed, set()
        stored = chunk.delivered.stored
        self._claims.settle(chunk.project, chunk.version, stored)
        self._claims.release(chunk.project, chunk.version, claimed - stored, holder=self._holder)

    def _import(self, chunk: _Chunk, tasks: Sequence[int], tries: int = TRIES) -> None:
        """Send these rows; where they are not taken as a whole, find out which and why."""
        delivered = chunk.delivered
        settled = delivered.stored | delivered.refused.keys()
        tasks = [task for task in tasks if task not in settled]
        if not tasks:
            return
        rows = [chunk.rows[task].to_json() for task in tasks]
        try:
            created = self._api.import_predictions(chunk.project.id, rows)
        except LabelStudioUnavailable as error:
            log.warning("import not answered", rows=len(tasks), reason=str(error))
            self._unsure = True
            lacking = self._certainly_lacking(chunk, tasks)
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

    def _create(self, chunk: _Chunk, task: int) -> None:
        """Send one row by itself: a fifth of a second each, unchecked by Label Studio."""
        delivered = chunk.delivered
        try:
            self._api.create_prediction(chunk.rows[task].to_json())
        except LabelStudioUnavailable as error:
            self._unsure = True
            if task in self._certainly_lacking(chunk, [task]):
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

    def _import_halves(self, chunk: _Chunk, tasks: Sequence[int], error: FirstpassError) -> None:
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

    def _takes_another(self, chunk: _Chunk) -> bool:
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

    def _name_dropped(self, chunk: _Chunk, tasks: Sequence[int]) -> None:
        """It answers 201 and leaves out what it finds invalid."""
        delivered = chunk.delivered
        for task in self._lacking(chunk, tasks):
            delivered.stored.discard(task)
            dropped = RowRefused(
                "Label Studio dropped the row without saying why: expected regions that fit the "
                "project's label config; was it changed meanwhile?"
            )
            delivered.refused[task] = Failure.of(dropped)

    def _certainly_lacking(self, chunk: _Chunk, tasks: Sequence[int]) -> set[int]:
        """Those without the row; after a request without an answer, once two looks agree."""
        lacking = self._lacking(chunk, tasks)
        while self._unsure:
            self._sleep(SETTLE_S)
            again = self._lacking(chunk, tasks)
            self._unsure, lacking = again != lacking, again
        return lacking

    def _lacking(self, chunk: _Chunk, tasks: Sequence[int]) -> set[int]:
        """Those without the row. What cannot be listed is refused: it may have one, and must not get two."""
        found = self._api.rows_of(chunk.project.id, chunk.version, tasks)
        chunk.delivered.refused.update(found.unlisted)
        return found.lacking

    def _count(self, project: ProjectKey, version: str) -> int:
        """How many rows of the version there are: cheaper than to read them."""
        return self._api.model_versions(project.id).get(version, 0)


@dataclass(slots=True)
class _Chunk:
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
