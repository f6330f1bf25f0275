"""`firstpass health`: whether the process in this container does its work, for whoever restarts it if not."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from backend.cli.ends import AMISS
from backend.cli.options import STATE, with_settings
from backend.cli.status import open_redis
from backend.errors import ForeignValue, OperatorError, QueueRefused, QueueUnavailable
from backend.settings import Settings

if TYPE_CHECKING:
    import redis

    from backend.delivery.card import CourierCard
    from backend.queue.worker_card import WorkerCard

__all__ = ["Part", "health"]

Card = TypeVar("Card")

#: All that is waited for an answer. With the start of this command it is less than any check is given (5 s).
TIMEOUT_S = 2.5


class Part(StrEnum):
    """What is asked about."""

    WEB = "web"
    WORKER = "worker"
    COURIER = "courier"


_REDIS = ("backend.queue.clock", "backend.queue.connection", "backend.status.wording")
#: What a look imports. On a busy host that takes longer than the look, so it is there before the time runs.
_NEEDS = {
    Part.WEB: ("httpx", "httpcore"),
    Part.WORKER: (*_REDIS, "backend.status.reading"),
    Part.COURIER: (*_REDIS, "backend.delivery.card"),
}


class _Sick(OperatorError):
    """The process is not there, or is silent."""


@with_settings(*STATE, "host", "port")
def health(
    settings: Settings,
    part: Annotated[Part, typer.Argument(help="The process on this host to ask about.")],
) -> None:
    """Say whether the web process, the worker or the courier on this host is alive.

    Whether images are predicted is another question: `GET /ready` and
    `firstpass status` answer it. A worker that waits for its models is alive,
    and so is one whose Redis does not answer, since a new one would do no
    better. An answer is waited for 2.5 s at the most, whatever hangs.

    Examples:
      firstpass health web
      firstpass health worker --redis-url redis://queue:6379/0
    """
    looks = {Part.WEB: _web, Part.WORKER: _worker, Part.COURIER: _courier}
    for name in _NEEDS[part]:
        import_module(name)
    try:
        typer.echo(_within(TIMEOUT_S, lambda: looks[part](settings)) or _silent(part))
    except _Sick as error:
        typer.echo(f"firstpass: {error}", err=True)
        raise typer.Exit(AMISS) from None


def _within(seconds: float, look: Callable[[], str]) -> str | None:
    """What `look` gives or raises; `None` where it takes longer. Time-outs of its parts would add up."""
    given: list[str] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            given.append(look())
        except Exception as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=run, name="look", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    return given[0] if given else None


def _silent(part: Part) -> str:
    """What is known where nothing answered in time. Raises `_Sick` for web, which is asked itself."""
    if part is Part.WEB:
        raise _Sick(f"the web process has not answered within {TIMEOUT_S:g} s")
    return (
        f"whether it is alive cannot be seen: Redis has not answered within {TIMEOUT_S:g} s. It goes on "
        "when Redis does"
    )


def _web(settings: Settings) -> str:
    import httpx

    auth = None
    if settings.basic_auth_user is not None and settings.basic_auth_pass is not None:
        auth = (settings.basic_auth_user, settings.basic_auth_pass.get_secret_value())
    url = f"{settings.local_url}/health"
    # Plain HTTP on this machine: to read all authorities may take longer than the look.
    none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        answer = httpx.get(url, auth=auth, timeout=TIMEOUT_S, trust_env=False, verify=none)
        told = answer.raise_for_status().json()
        return f"the web process answers: Redis {told['redis']}, {told['workers']} workers ready"
    except httpx.HTTPError as error:
        raise _Sick(f"the web process: {url}: {str(error) or type(error).__name__}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise _Sick(f"what answers at {url} is not Firstpass") from error


def _worker(settings: Settings) -> str:
    from backend.status.reading import read_workers
    from backend.status.wording import worker_name

    found = _in_redis(settings, lambda connection, now: read_workers(connection))
    if isinstance(found, str):
        return f"whether it is alive cannot be seen: {found}"
    cards, now = found
    # By process: one that was killed leaves its card to who has its id next, in a container always the same.
    by_start = sorted(filter(_is_here, cards), key=lambda card: card.started_at)
    ours = list({card.pid: card for card in by_start}.values())
    if not ours:
        raise _Sick(
            f"no worker on this host ({socket.gethostname()}) has shown itself in Redis; see its log"
        )
    for card in ours:
        if card.is_late(now):
            raise _Sick(
                f"worker {worker_name(card)} has been silent for {card.silent_s(now):.0f} s; see its log"
            )
    return "; ".join(
        f"worker {worker_name(card)} is alive and {card.waits_for or card.state}" for card in ours
    )


def _courier(settings: Settings) -> str:
    from backend.delivery.card import CARD_TTL_S, read_cards
    from backend.status.wording import worker_name

    found = _in_redis(settings, read_cards)
    if isinstance(found, str):
        return f"whether it is alive cannot be seen: {found}"
    cards, _ = found
    ours = sorted(filter(_is_here, cards), key=lambda card: (card.stands_by, -card.started_at))
    others = [worker_name(card) for card in cards if card.host != socket.gethostname()]
    also = f"; another is there too ({', '.join(others)}), and one is enough" if others else ""
    if not ours:
        raise _Sick(
            f"no courier on this host ({socket.gethostname()}) has shown itself in Redis within "
            f"{CARD_TTL_S} s{also}; see its log"
        )
    card = ours[0]
    does = f"waits: {card.waiting}" if card.waiting else f"delivers to {card.label_studio_url}"
    if card.stands_by:
        does = "waits to take over from another"
    return f"courier {worker_name(card)} is alive and {does}{also}"


def _in_redis(
    settings: Settings, read: Callable[[redis.Redis, float], list[Card]]
) -> tuple[list[Card], float] | str:
    """What `read` finds and the time by Redis; or why Redis cannot be asked, which is its trouble."""
    from backend.queue.clock import RedisClock
    from backend.queue.connection import queue_errors

    try:
        # Longer than all is waited for, so that a hanging Redis always ends the same way.
        with open_redis(settings, timeout_s=2 * TIMEOUT_S) as connection, queue_errors():
            now = RedisClock(connection)()
            return read(connection, now), now
    except ForeignValue as error:
        return str(error)
    except QueueRefused as error:
        return (
            f"{error} It goes on once Redis takes its password, or once this process is started again with "
            "the right one."
        )
    except QueueUnavailable as error:
        return f"{error} It goes on when Redis is back."


def _is_here(card: WorkerCard | CourierCard) -> bool:
    """Whether that process runs on this host: a card outlives a process that was killed."""
    if card.host != socket.gethostname() or card.pid <= 0:
        return False
    try:
        os.kill(card.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's, and there
        return True
    return True
