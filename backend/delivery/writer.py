"""The one writer: rows into Label Studio, each exactly once, whatever happens on the way.

    claim -> see what is lacking -> import -> compare -> (reconcile) -> remove doubles -> settle

Label Studio's import knows no key, drops rows that it finds invalid with a 201, and after a time-out
nobody knows what it did. So every step is followed by a look at what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from uuid import uuid4

from backend.delivery.chunk import Chunk, ChunkSender
from backend.delivery.claims import Claims
from backend.delivery.doubles import remove_doubles
from backend.delivery.project_figures import Stored, untold
from backend.delivery.rows import Delivered, Row
from backend.delivery.turn import Turn
from backend.errors import LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey

__all__ = ["CHUNK", "PredictionWriter"]

#: Rows in one request. Each costs Label Studio a recount of the whole project, seconds in one of 20,000
#: tasks, so fewer rows are slower; it commits them by 500, so more are the likelier to land in part.
CHUNK = 1000
#: A claim of a writer that was killed is free after this; its last request may still land till then.
CLAIM_TTL_S = 60


class PredictionWriter:
    """Writes to one Label Studio, one chunk at a time over all processes. For one thread."""

    def __init__(
        self,
        api: LabelStudioApi,
        claims: Claims,
        turn: Turn,
        *,
        told: Stored = untold,
        mended: Callable[[ProjectKey, Collection[int]], object] = lambda project, tasks: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`told` hears what was stored, `mended` which tasks had their row already."""
        self._told, self._mended = told, mended
        self._api = api
        self._claims = claims
        self._turn = turn
        self._sender = ChunkSender(api, sleep)
        self._holder = f"writer:{uuid4().hex}"
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
        chunk = Chunk(project, rows[0].prediction.model_version, {row.task: row for row in rows})

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

    def _write(self, chunk: Chunk) -> Delivered:
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
        undisturbed = before == self._expected.get(key) and not self._sender.unsure
        lacking = set(chunk.ids) if undisturbed else self._sender.lacking(chunk, chunk.ids)
        delivered = chunk.delivered
        delivered.present = chunk.found(chunk.ids, lacking)
        delivered.deferred = lacking - chunk.claimed
        self._sender.send(chunk, sorted(lacking & chunk.claimed))
        after = before + len(delivered.stored)
        # What is there already may be of a write that ended before it came to this.
        if delivered.present or self._count(chunk.project, chunk.version) != after:
            remove_doubles(self._api, chunk.project.id, chunk.version, chunk.ids)
        if undisturbed:
            self._expected[key] = after
        settled = delivered.stored | (delivered.present & chunk.claimed)
        self._claims.settle(chunk.project, chunk.version, settled)
        self._claims.release(chunk.project, chunk.version, delivered.refused, holder=self._holder)
        self._told(chunk.project, chunk.version, delivered.stored)
        self._mended(chunk.project, delivered.present)
        return delivered

    def _give_back(self, chunk: Chunk) -> None:
        """Where it said no, nothing is under way, and whoever may write next need not wait for our claims."""
        if self._sender.unsure:
            return
        # Taken from the turn's thread first, which would renew them.
        claimed, chunk.claimed = chunk.claimed, set()
        stored = chunk.delivered.stored
        self._claims.settle(chunk.project, chunk.version, stored)
        self._claims.release(chunk.project, chunk.version, claimed - stored, holder=self._holder)

    def _count(self, project: ProjectKey, version: str) -> int:
        """How many rows of the version there are: cheaper than to read them."""
        return self._api.model_versions(project.id).get(version, 0)
