"""Who may have a prediction stored: Label Studio itself keeps no two writers apart.

It stores what `/predict` answers and what its API is sent, both without a look at what is there. So
whoever is about to make a row for a task and version claims it first, and only one can (D-125).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import redis

from backend.delivery.keys import claim_key
from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import queue_errors

__all__ = ["REPLY_TTL_S", "Claims"]

#: A row in the answer to `/predict` is stored within this, or not at all: Label Studio saves row by
#: row, and its database may be locked for half a minute.
REPLY_TTL_S = 30
#: A row that was stored is kept from being answered to a request that Label Studio had begun before.
STORED_TTL_S = 120
_STORED = "stored"

# KEYS: claims   ARGV: holder, seconds, a holder that gives way. Gives 1 for each that the holder has now,
# 0 for another's.
_TAKE = """
local had = {}
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if not holder or holder == ARGV[1] or holder == ARGV[3] then
    redis.call('SET', key, ARGV[1], 'EX', ARGV[2])
    had[i] = 1
  else
    had[i] = 0
  end
end
return had
"""
# KEYS: claims   ARGV: holder. Removes those that the holder has.
_RELEASE = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
"""


class Claims:
    """Claims on (project, task, version) in Redis. Methods raise `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._take = connection.register_script(_TAKE)
        self._release = connection.register_script(_RELEASE)

    def take(
        self,
        project: ProjectKey,
        version: str,
        tasks: Sequence[int],
        *,
        holder: str,
        ttl_s: int = REPLY_TTL_S,
        over_stored: bool = False,
    ) -> set[int]:
        """The tasks whose claim is now the holder's, for `ttl_s` seconds from now.

        With `over_stored` also those of rows that were stored a while ago: for the one writer, who looks
        whether they are there still. People delete predictions and ask for them again.
        """
        if not tasks:
            return set()
        keys = [claim_key(project, task, version) for task in tasks]
        with queue_errors():
            had: list[int] = self._take(
                keys=keys, args=[holder, ttl_s, _STORED if over_stored else ""]
            )
        return {task for task, mine in zip(tasks, had, strict=True) if mine}

    def settle(self, project: ProjectKey, version: str, tasks: Iterable[int]) -> None:
        """These rows are stored; nobody else is to answer them for a while."""
        with queue_errors(), self._connection.pipeline(transaction=False) as pipeline:
            for task in tasks:
                pipeline.set(claim_key(project, task, version), _STORED, ex=STORED_TTL_S)
            pipeline.execute()

    def release(
        self, project: ProjectKey, version: str, tasks: Iterable[int], *, holder: str
    ) -> None:
        """Give up the holder's claims on these: no row came of them."""
        keys = [claim_key(project, task, version) for task in tasks]
        if keys:
            with queue_errors():
                self._release(keys=keys, args=[holder])
