"""Waiting for who does not answer."""

from __future__ import annotations

import threading
import time

import pytest

from backend.errors import LabelStudioRefuses, LabelStudioUnavailable, QueueUnavailable
from backend.runs.patience import Abandoned, Patience

#: The first wait of those that are waited out here.
SOON_S = 0.01


def test_it_calls_until_there_is_an_answer_and_says_what_it_waits_for() -> None:
    said: list[str] = []
    errors = iter([LabelStudioUnavailable("no connection"), QueueUnavailable("no Redis")])

    def call() -> int:
        error = next(errors, None)
        if error is not None:
            raise error
        return 7

    assert Patience(said.append, back_off_s=SOON_S).insist(call) == 7
    assert said == ["waiting: no connection", "waiting: no Redis", ""]


def test_nothing_is_said_when_all_is_well() -> None:
    said: list[str] = []

    assert Patience(said.append).insist(lambda: None) is None
    assert said == []


def test_what_will_not_pass_is_raised_at_once() -> None:
    def refuse() -> None:
        raise LabelStudioRefuses("401", 401)

    with pytest.raises(LabelStudioRefuses):
        Patience(lambda line: None).insist(refuse)


def test_a_stop_ends_the_waiting_in_another_thread() -> None:
    patience = Patience(lambda line: None, back_off_s=60.0)

    def call() -> None:
        raise LabelStudioUnavailable("no connection")

    threading.Timer(0.1, patience.stop).start()
    began = time.monotonic()
    with pytest.raises(Abandoned):
        patience.insist(call)
    assert time.monotonic() - began < 10
    with pytest.raises(Abandoned):
        patience.rest(60)
