"""Whether somebody answers what a bulk run asks, and with the models that it takes them for."""

from __future__ import annotations

import time

import redis

from backend.engine import Engine
from backend.errors import OperatorError, QueueUnavailable
from backend.queue.overview import read_overview
from backend.queue.vitals import WorkerCard
from backend.queue.wording import resting, worker_name

__all__ = ["NobodyServes", "check_workers", "why_silent"]


#: A worker that was started together with this command shows within this, unless its models are large.
STARTING_S = 10.0
LOOK_EVERY_S = 0.5


class NobodyServes(OperatorError):
    """No worker is alive or takes images, or one answers with other models than ours."""


def check_workers(connection: redis.Redis, ours: Engine, *, wait_s: float = STARTING_S) -> None:
    """Return when at least one worker is alive and all answer as our settings say.

    Answers are kept under the names of our models, whoever gives them. A worker that is just starting is
    waited for. Raises `NobodyServes` and `QueueUnavailable`.
    """
    deadline = time.monotonic() + wait_s
    while not (alive := _alive(connection)) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    if not alive:
        raise NobodyServes(
            "no worker is alive to predict anything; start one: `firstpass worker` (or `firstpass up`)"
        )
    if all(card.rests for card in alive):
        raise NobodyServes(f"no worker takes images: {resting(alive)}")
    others = [card for card in alive if card.fingerprint != ours.fingerprint]
    if others:
        named = ", ".join(
            f"{worker_name(card)} holds {card.model} ({card.fingerprint})" for card in others
        )
        raise NobodyServes(
            f"expected workers that answer as {ours.name} ({ours.fingerprint}); {named}. Give this command "
            "the same FIRSTPASS_MODEL (--model), FIRSTPASS_NUM_BEAMS, FIRSTPASS_MAX_NEW_TOKENS and "
            "FIRSTPASS_GATE as the workers, and the same Firstpass"
        )


def why_silent(connection: redis.Redis) -> str:
    """Why no answers come, in words; empty where that does not show."""
    try:
        alive = _alive(connection)
        if alive and all(card.rests for card in alive):
            return f"no worker takes images: {resting(alive)}"
        return "" if alive else "no worker is alive: start `firstpass worker`"
    except QueueUnavailable as error:
        return str(error)


def _alive(connection: redis.Redis) -> list[WorkerCard]:
    overview = read_overview(connection, failures=0)
    if not overview.redis.up:
        raise QueueUnavailable(overview.redis.reason or "Redis does not answer")
    return list(overview.alive)
