"""Round after round, through all that may be away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest
import redis

from backend.delivery.courier import Courier
from backend.errors import LabelStudioRefuses, LabelStudioUnavailable, QueueUnavailable
from backend.processes.courier import BACK_OFF_S, MOST_BACK_OFF_S, POLL_S, _Pulse, deliver

Round = Callable[[], bool]


class Stop(threading.Event):
    """Set after so many waits; remembers how long each was."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.left -= 1
        if self.left == 0:
            self.set()
        return self.is_set()


def refusing(error: Exception) -> Round:
    def round_() -> bool:
        raise error

    return round_


def test_it_looks_again_soon_when_nothing_was_owed() -> None:
    """And without a pause when there was."""
    rounds = [True, True, False, False]
    stop, said = Stop(2), list[str | None]()

    deliver(lambda: rounds.pop(0), stop, said.append)

    assert rounds == []
    assert stop.waited == [POLL_S, POLL_S]
    assert said == [None] * 4


@pytest.mark.parametrize(
    "error",
    [
        LabelStudioUnavailable("no connection"),
        LabelStudioRefuses("401 make a new token", 401),
        QueueUnavailable("Redis does not answer"),
        redis.ConnectionError("gone"),
    ],
)
def test_what_is_away_is_waited_for_longer_each_time(error: Exception) -> None:
    """Up to a bound, and the reason is said."""
    stop, said = Stop(8), list[str | None]()

    deliver(refusing(error), stop, said.append)

    assert stop.waited == [BACK_OFF_S * 2**n for n in range(5)] + [MOST_BACK_OFF_S] * 3
    assert said == [str(error)] * 8


def test_after_a_success_the_patience_begins_anew() -> None:
    """And it is said that nothing is waited for."""
    rounds: list[Round] = [
        refusing(LabelStudioUnavailable("a")),
        refusing(LabelStudioUnavailable("b")),
        lambda: True,
        refusing(LabelStudioUnavailable("c")),
    ]
    stop, said = Stop(3), list[str | None]()

    deliver(lambda: rounds.pop(0)(), stop, said.append)

    assert stop.waited == [BACK_OFF_S, 2 * BACK_OFF_S, BACK_OFF_S]
    assert said == ["a", "b", None, "c"]


def test_an_error_without_words_is_said_by_its_name() -> None:
    """A reason that is empty would read as none."""
    said: list[str | None] = []

    deliver(refusing(redis.TimeoutError()), Stop(1), said.append)

    assert said == ["TimeoutError"]


def test_a_bug_is_not_waited_out() -> None:
    """The process ends with it, and is started anew by who watches over it."""
    with pytest.raises(KeyError):
        deliver(refusing(KeyError("x")), Stop(1), lambda reason: None)


class Busy:
    """Stands in for a courier."""

    def __init__(self) -> None:
        self.counts = Counter(stored=3, failed=1, undeliverable=2, present=9)


def test_the_card_tells_what_was_done_and_what_is_waited_for() -> None:
    """As soon as anything is done again, nothing is waited for: a round may take many minutes."""
    courier = Busy()
    pulse = _Pulse(redis.Redis(), "http://ls", cast(Courier, courier), lambda: 5.0)
    assert (pulse.card().stored, pulse.card().failed, pulse.card().waiting) == (3, 3, None)

    pulse.wait_for("Label Studio does not answer")
    assert pulse.card().waiting == "Label Studio does not answer"
    courier.counts["stored"] += 1
    assert pulse.card().waiting is None

    pulse.wait_for("again")
    assert pulse.card().waiting == "again"
    pulse.wait_for(None)
    assert pulse.card().waiting is None
