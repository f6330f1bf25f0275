"""Connections to Redis, with time-outs that suit blocking waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from backend.certificates import certificate_complaint
from backend.errors import ForeignValue, QueueRefused, QueueUnavailable, SettingsError
from backend.place import how_to_see_redis, how_to_set_password
from backend.queue.away import said_by_redis
from backend.queue.client import Client, foreign_keys, is_foreign, place_of
from backend.settings import Settings

__all__ = ["connect", "foreign_value", "queue_errors", "redis_url_of"]

#: Longer than any blocking call made here (the bell: 1 s), shorter than a person's patience.
SOCKET_TIMEOUT_S = 5
#: A web process holds one connection per request under way.
MAX_CONNECTIONS = 512


def redis_url_of(settings: Settings) -> str:
    """The Redis URL in clear. Raises `SettingsError` when none is set."""
    if settings.redis_url is None:
        raise SettingsError(
            "expected FIRSTPASS_REDIS_URL (or REDIS_URL); `firstpass up` starts a Redis of its own"
        )
    return settings.redis_url.get_secret_value()


def connect(
    url: str, *, retries: int = 3, timeout_s: float | None = None, runs_in: str = "host"
) -> redis.Redis:
    """A client for `redis://`, `rediss://` or `unix://`; connects when first used.

    `retries`: how often a command is tried again over a lost connection (within about a second).
    `timeout_s`: seconds for one answer, other than the usual ones. `runs_in`: see `place`; what `queue_errors`
    advises goes by it.
    Raises `SettingsError` for another kind of URL.
    """
    try:
        made = Client.from_url(
            url,
            socket_timeout=timeout_s or SOCKET_TIMEOUT_S,
            socket_connect_timeout=timeout_s or SOCKET_TIMEOUT_S,
            health_check_interval=30,
            max_connections=MAX_CONNECTIONS,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries),
        )
    except ValueError as error:
        raise SettingsError(
            "expected FIRSTPASS_REDIS_URL to be a redis://, rediss:// or unix:// URL"
        ) from error
    client = cast("Client", made)  # as redis-py gives it, whatever it says
    client.place = runs_in
    return client


@contextmanager
def queue_errors() -> Iterator[None]:
    """Turns Redis's own errors into `QueueUnavailable`; the message holds no address or password."""
    try:
        yield
    except redis.BusyLoadingError as error:
        raise QueueUnavailable(
            "Redis is still reading its file", "it answers as soon as that is done"
        ) from error
    except redis.AuthenticationError as error:
        refused = f"Redis refused ({said_by_redis(error)})"
        raise QueueRefused(refused, how_to_set_password(place_of(error))) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        complaint = certificate_complaint(error)
        if complaint is not None:
            raise QueueUnavailable(f"Redis is not spoken to, {complaint}") from error
        silent = f"Redis does not answer ({type(error).__name__})"
        raise QueueUnavailable(silent, how_to_see_redis(place_of(error))) from error
    except redis.RedisError as error:
        if is_foreign(error):
            raise ForeignValue(*foreign_value(foreign_keys(error))) from error
        raise QueueUnavailable(f"Redis refused: {said_by_redis(error)}") from error


def foreign_value(keys: Sequence[str]) -> tuple[str, str]:
    """What is said of values of another type than ours, and what to do, as parts of a sentence.

    >>> foreign_value(["a:key"])[0]
    'in Redis a:key holds something else than Firstpass keeps there'
    """
    named = " or ".join(keys) or "a key of Firstpass"
    return (
        f"in Redis {named} holds something else than Firstpass keeps there",
        "see what it is (`redis-cli type KEY`) and whose, then rename or delete it, or give Firstpass a database "
        "of its own (another number at the end of the URL)",
    )
