"""The one courier's post: of several couriers one delivers, and the others wait to take over.

Rows are safe without it, by claims and turns. But two that share the work ask everything twice, and their
reports tell half of it each.
"""

from __future__ import annotations

import os
import socket
from uuid import uuid4

import redis

from backend.delivery.keys import POST

__all__ = ["BEAT_S", "POST_TTL_S", "Post"]

#: How often a courier shows that it lives; one that was silent for `POST_TTL_S` is followed by another.
BEAT_S = 1.5
POST_TTL_S = 6

# KEYS: post   ARGV: who asks, seconds. Gives who else has it; nothing where it is the asker's now.
_TAKE = """
local holder = redis.pcall('GET', KEYS[1])
if type(holder) == 'string' and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false
"""
# KEYS: post   ARGV: who had it.
_LEAVE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Post:
    """This process's side. Methods raise Redis's own errors."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._token = f"{self._name}:{uuid4().hex}"
        self._take = connection.register_script(_TAKE)
        self._leave = connection.register_script(_LEAVE)

    def take(self) -> str | None:
        """Take it, or keep it: `None`, or host and process id of the courier that has it."""
        holder = self._take(keys=[POST], args=[self._token, POST_TTL_S])
        return holder.decode("utf-8", "replace").rpartition(":")[0] if holder else None

    def leave(self) -> None:
        """Leave the post, if it is ours, to whoever waits."""
        self._leave(keys=[POST], args=[self._token])
