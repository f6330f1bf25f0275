"""What the courier tells about itself: written by it, read by status, metrics and doctor."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import redis
from pydantic import TypeAdapter, ValidationError

from backend.delivery.keys import COURIER, COURIERS

__all__ = [
    "CARD_TTL_S",
    "CourierCard",
    "card_of",
    "living",
    "read_card",
    "read_cards",
    "take_back_card",
    "write_card",
]

#: A courier that has been silent for so long is not there.
CARD_TTL_S = 30


@dataclass(frozen=True, slots=True)
class CourierCard:
    """A live courier. Times are seconds since the epoch; the counts are tasks since its start."""

    host: str
    pid: int
    label_studio_url: str
    started_at: float
    seen_at: float
    stored: int
    failed: int
    #: Why nothing is delivered at present; `None` while all is well.
    waiting: str | None = None

    #: Whether it delivers nothing itself, and waits to take over from the one that does.
    stands_by: bool = False
    #: Whether it lacks what it needs to deliver at all; `waiting` says what that is.
    unable: bool = False

    def silent_s(self, now: float) -> float:
        """Seconds since it was last heard of."""
        return max(0.0, now - self.seen_at)


_CARD = TypeAdapter(CourierCard)


def write_card(connection: redis.Redis, card: CourierCard) -> None:
    """Show this card until it expires. Raises Redis's own errors."""
    text = json.dumps(asdict(card))
    with connection.pipeline() as pipeline:
        if not (card.stands_by or card.unable):
            pipeline.set(COURIER, text, ex=CARD_TTL_S)
        pipeline.hset(COURIERS, f"{card.host}:{card.pid}", text)
        # Cards of those that were killed stay while any courier lives, and are known by their age.
        pipeline.expire(COURIERS, CARD_TTL_S)
        pipeline.execute()


def read_cards(connection: redis.Redis, now: float) -> list[CourierCard]:
    """The cards of all couriers that are alive; `now` is by Redis's clock. Raises Redis's own errors."""
    return living(connection.hvals(COURIERS), now)


def living(stored: Iterable[object], now: float) -> list[CourierCard]:
    """The cards among what is stored so, of those couriers that are alive at `now`, by Redis's clock."""
    cards = map(card_of, stored)
    return [card for card in cards if card is not None and card.silent_s(now) < CARD_TTL_S]


def take_back_card(connection: redis.Redis) -> None:
    """Show this process's card no more, among all that are alive. Raises Redis's own errors."""
    connection.hdel(COURIERS, f"{socket.gethostname()}:{os.getpid()}")


def read_card(connection: redis.Redis) -> CourierCard | None:
    """The card of the courier that was last heard of delivering; `None` when none does."""
    return card_of(connection.get(COURIER))


def card_of(text: object) -> CourierCard | None:
    """The card that is stored so; `None` for none, and for one of another version of Firstpass."""
    if not isinstance(text, str | bytes):
        return None
    try:
        return _CARD.validate_json(text)
    except ValidationError:
        return None
