"""What the courier tells about itself."""

from __future__ import annotations

import pytest
import redis

from backend.delivery.card import CARD_TTL_S, CourierCard, card_of, read_card, write_card
from backend.delivery.keys import COURIER

pytestmark = pytest.mark.redis

CARD = CourierCard("box", 17, "http://ls", 5.0, 9.5, stored=3, failed=1, waiting="no connection")


def test_it_is_read_as_written_until_it_expires(redis_connection: redis.Redis) -> None:
    """A courier that ended is gone after half a minute."""
    assert read_card(redis_connection) is None

    write_card(redis_connection, CARD)

    assert read_card(redis_connection) == CARD
    assert 0 < redis_connection.ttl(COURIER) <= CARD_TTL_S


@pytest.mark.parametrize("text", [b"{", b"{}", b"[]", b'"x"', b'{"host": 1}', None])
def test_what_is_no_card_is_none(text: bytes | None) -> None:
    """One of another version of Firstpass keeps neither `/predict` nor the status from answering."""
    assert card_of(text) is None


def test_fields_of_a_newer_version_are_left_out(redis_connection: redis.Redis) -> None:
    """While an installation is brought up to date, both versions run."""
    write_card(redis_connection, CARD)
    text = redis_connection.get(COURIER)
    assert isinstance(text, bytes)

    assert card_of(text.replace(b"{", b'{"mood": "good", ', 1)) == CARD


def test_it_says_how_long_it_has_been_silent() -> None:
    """Clocks of two machines differ: never less than nothing."""
    assert (CARD.silent_s(12.0), CARD.silent_s(9.0)) == (2.5, 0.0)
