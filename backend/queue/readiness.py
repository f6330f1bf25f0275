"""Whether anybody predicts, and if nobody does, why and what to do: said in one place for all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.place import how_to_start_workers
from backend.queue.worker_card import WorkerCard

__all__ = ["LOADING", "NO_WORKER", "NotReady", "not_ready", "waiting_workers"]

#: The state of a worker whose models are on their way from the disk: it starts by itself.
LOADING = "loading"


@dataclass(frozen=True, slots=True)
class NotReady:
    """`reason` and `remedy` are parts of a sentence; an empty remedy: nothing need be done.

    `waits`: the workers that there are wait for something, so that no image asked now is soon answered.
    """

    reason: str
    remedy: str = ""
    waits: bool = False

    @property
    def sentence(self) -> str:
        """Both, as they stand in a message.

        >>> NotReady("no worker is alive", "start one").sentence
        'no worker is alive; start one'
        """
        return "; ".join(filter(None, (self.reason, self.remedy)))


NO_WORKER = "no worker is alive"


def not_ready(cards: Sequence[WorkerCard], now: float, runs_in: str) -> NotReady | None:
    """Why nobody predicts; `None` when at least one living worker does. `runs_in`: see `place`."""
    if any(card.takes_images(now) for card in cards):
        return None
    waiting = waiting_workers([card for card in cards if not card.is_late(now)])
    # One that loads is ready soon, whatever the others wait for.
    loads = [one for one in waiting if not one.waits]
    no_worker = NotReady(NO_WORKER, how_to_start_workers(runs_in))
    return next(iter([*loads, *waiting]), no_worker)


def waiting_workers(alive: Sequence[WorkerCard]) -> list[NotReady]:
    """What the workers that take no images yet wait for, each reason once.

    >>> waiting_workers([])
    []
    """
    found: dict[tuple[str, str, bool], int] = {}
    for card in alive:
        if card.waits_for:
            what = (card.waits_for, card.remedy, card.state != LOADING)
            found[what] = found.get(what, 0) + 1
    return [
        NotReady(f"{_workers(count)} {waits_for}", remedy, waits)
        for (waits_for, remedy, waits), count in found.items()
    ]


def _workers(count: int) -> str:
    return "the worker" if count == 1 else f"each of {count} workers"
