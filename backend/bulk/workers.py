"""Whether somebody answers what a bulk run asks, and with the models that it takes them for."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis

from backend.errors import OperatorError, QueueUnavailable
from backend.prediction.engine import Engine
from backend.queue.readiness import NO_WORKER, NotReady, not_ready
from backend.status.overview import Overview
from backend.status.reading import read_overview
from backend.status.wording import worker_name

__all__ = ["NobodyServes", "check_workers", "why_silent"]


#: A worker that was started together with this command shows within this, unless its models are large.
STARTING_S = 10.0
LOOK_EVERY_S = 0.5


class NobodyServes(OperatorError):
    """No worker takes images, or one answers with other models than ours."""


def check_workers(
    connection: redis.Redis,
    ours: Engine,
    *,
    runs_in: str,
    wait_s: float = STARTING_S,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Return when at least one worker is alive and all answer as our settings say.

    Answers are kept under the names of our models, whoever gives them. A worker that is just starting is
    waited for, and one that loads its models for as long as that takes; `say` is told so. One that waits
    for its models is not: a person has to fetch them. Raises `NobodyServes` and `QueueUnavailable`.
    """
    deadline = time.monotonic() + wait_s
    loads = False
    while (nobody := _nobody(overview := _overview(connection, runs_in))) is not None:
        if nobody.waits:
            raise NobodyServes(f"{nobody.sentence}, and give this command again")
        if nobody.reason == NO_WORKER and time.monotonic() > deadline:
            raise NobodyServes(nobody.sentence)
        if nobody.reason != NO_WORKER and not loads:
            say(nobody.sentence)
            loads = True
        time.sleep(LOOK_EVERY_S)
    others = [card for card in overview.able if card.fingerprint != ours.fingerprint]
    if others:
        named = ", ".join(
            f"{worker_name(card)} holds {card.model} ({card.fingerprint})" for card in others
        )
        raise NobodyServes(
            f"expected workers that answer as {ours.name} ({ours.fingerprint}); {named}. Give this command "
            "the same FIRSTPASS_MODEL (--model), FIRSTPASS_NUM_BEAMS, FIRSTPASS_MAX_NEW_TOKENS and "
            "FIRSTPASS_GATE as the workers, and the same Firstpass"
        )


def why_silent(connection: redis.Redis, runs_in: str) -> str:
    """Why no answers come, in words; empty where that does not show. `runs_in`: see `place`."""
    try:
        nobody = _nobody(_overview(connection, runs_in))
    except QueueUnavailable as error:
        return str(error)
    return "" if nobody is None else nobody.sentence


def _nobody(overview: Overview) -> NotReady | None:
    return not_ready(overview.workers, overview.at, overview.runs_in)


def _overview(connection: redis.Redis, runs_in: str) -> Overview:
    overview = read_overview(connection, failures=0, runs_in=runs_in)
    if not overview.redis.up:
        raise QueueUnavailable(overview.redis.reason or "Redis does not answer")
    return overview
