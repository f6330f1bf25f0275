"""`firstpass drain --undo` says what is true afterwards: who is drained no more, and who still is."""

from __future__ import annotations

import os
import socket

import pytest
import redis
from typer.testing import CliRunner

from backend.cli.main import app
from backend.queue.drain import Drains, host_mark
from tests.integration.test_health import beat

pytestmark = pytest.mark.redis

HOST = socket.gethostname()
ME = f"{HOST}:{os.getpid()}"


@pytest.fixture(autouse=True)
def _redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)


def undo(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["drain", "--undo", *arguments])
    return done.exit_code, " ".join(done.output.split())


def test_another_mark_goes_on_holding(redis_connection: redis.Redis) -> None:
    """The host's is taken back, and that of all is not."""
    beat(redis_connection, "one")
    Drains(redis_connection).mark(["all", host_mark(HOST)])

    assert undo("--on", HOST) == (
        0,
        f"Still drained: {ME}, by the mark all. `firstpass drain --undo` takes every mark back.",
    )
    assert undo() == (0, f"Drained no more: {ME}.")


def test_nobody_was_meant(redis_connection: redis.Redis) -> None:
    """A mistyped name changes nothing, and ends with 1; so does one that was never drained."""
    beat(redis_connection, "one")
    for name in ("nope:1", ME):
        assert undo(name) == (
            1,
            f"There was no mark of worker:{name} to take back; nothing changed.",
        )
    assert undo() == (0, "There was no mark to take back; nothing changed.")


def test_marks_of_others_are_told_of(redis_connection: redis.Redis) -> None:
    """They hold who is started under them."""
    beat(redis_connection, "one")
    Drains(redis_connection).mark([host_mark("gpu-1"), host_mark("gpu-2"), f"worker:{ME}"])

    assert undo("--on", "gpu-1") == (
        0,
        "Taken back: host:gpu-1. No worker that it was for is alive. Other marks in force: host:gpu-2, "
        f"worker:{ME}. `firstpass drain --undo` takes every mark back.",
    )


def test_the_remedy_is_one_for_the_place(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In compose there is no `firstpass` at the reader's prompt."""
    monkeypatch.setenv("FIRSTPASS_RUNS_IN", "compose")
    beat(redis_connection, "one")
    Drains(redis_connection).mark(["all", host_mark(HOST)])

    assert "`docker compose exec web firstpass drain --undo` takes every" in undo("--on", HOST)[1]
    drained = CliRunner().invoke(app, ["drain", "--all", "--patience-s", "0"])
    assert "`docker compose exec web firstpass drain --undo` lets them" in " ".join(
        drained.output.split()
    )
