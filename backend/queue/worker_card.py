"""What a worker tells about itself, as it stands in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from backend.queue.histograms import number_of

__all__ = ["DRAINED_STATE", "RESTING", "SUSPENDED_STATE", "WorkerCard", "card_of"]

#: What a worker says of itself that holds nothing and takes nothing, by `firstpass drain` and `rq suspend`.
DRAINED_STATE = "drained"
SUSPENDED_STATE = "suspended"
RESTING = (DRAINED_STATE, SUSPENDED_STATE)


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """One live worker. Rates are images per second over the last minute and the last 15.

    The defaults stand for what a worker of another version does not tell.
    """

    name: str
    host: str = "?"
    pid: int = 0
    device: str = "?"
    model: str = "?"
    state: str = "?"
    batch_size: int = 0
    images: int = 0
    rate_1m: float = 0.0
    rate_15m: float = 0.0
    memory_mb: int = 0
    #: Seconds of silence after which the card expires: three leases.
    ttl_s: int = 30
    #: Seconds since the epoch, by Redis's clock.
    started_at: float = 0.0
    seen_at: float = 0.0
    #: What its answers depend on; empty where it does not say.
    fingerprint: str = ""
    #: When the mark ends by which it takes nothing, seconds since the epoch; 0 where it takes images.
    drained_until: float = 0.0
    #: Why it takes no images yet, and what is to be done about it; empty when it takes them.
    waits_for: str = ""
    remedy: str = ""

    def silent_s(self, now: float) -> float:
        """Seconds since the last heartbeat; both times are of Redis's clock."""
        return max(0.0, now - self.seen_at)

    def is_late(self, now: float) -> bool:
        """Whether it has been silent for longer than a lease, so that its images go to another."""
        return self.silent_s(now) > self.ttl_s / 3 + 1

    def takes_images(self, now: float) -> bool:
        """Whether it lives and waits for nothing; `now` is by Redis's clock."""
        return not self.waits_for and not self.is_late(now)


def card_of(name: str, stored: Mapping[str, str]) -> WorkerCard:
    """A worker's card from its hash."""
    told: dict[str, Any] = {
        field.name: number_of(text, type(field.default))
        if isinstance(field.default, int | float)
        else text
        for field in fields(WorkerCard)
        if (text := stored.get(field.name)) is not None
    }
    return WorkerCard(**{**told, "name": name})
