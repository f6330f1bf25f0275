"""Connections to Redis, with time-outs that suit blocking waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from backend.certificates import certificate_complaint
from backend.errors import QueueUnavailable, SettingsError
from backend.queue.away import said_by_redis
from backend.settings import Settings

__all__ = ["connect", "queue_errors", "redis_url_of"]

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


def connect(url: str, *, retries: int = 3, timeout_s: float | None = None) -> redis.Redis:
    """A client for `redis://`, `rediss://` or `unix://`; connects when first used.

    `retries`: how often a command is tried again over a lost connection (within about a second).
    `timeout_s`: seconds for one answer, other than the usual ones.
    Raises `SettingsError` for another kind of URL.
    """
    try:
        return redis.Redis.from_url(
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


@contextmanager
def queue_errors() -> Iterator[None]:
    """Turns Redis's own errors into `QueueUnavailable`; the message holds no address or password."""
    try:
        yield
    except redis.BusyLoadingError as error:
        raise QueueUnavailable(
            "Redis is still reading its file; it answers as soon as that is done."
        ) from error
    except redis.AuthenticationError as error:
        raise QueueUnavailable(
            f"Redis refused ({said_by_redis(error)}): is the password in FIRSTPASS_REDIS_URL right?"
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        complaint = certificate_complaint(error)
        raise QueueUnavailable(
            f"Redis is not spoken to, {complaint}"
            if complaint is not None
            else f"Redis does not answer ({type(error).__name__}): is it running, and is FIRSTPASS_REDIS_URL right?"
        ) from error
    except redis.RedisError as error:
        raise QueueUnavailable(f"Redis refused: {said_by_redis(error)}") from error
