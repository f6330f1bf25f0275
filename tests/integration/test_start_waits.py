"""Couriers and workers that lack what comes later stay up, say what they wait for, and begin when it is there."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from backend.delivery.card import read_card
from backend.status.reading import read_overview
from backend.status.verdict import problems
from tests import forks
from tests.forks import Forked
from tests.integration.conftest import StartCommand
from tests.integration.following import said
from tests.integration.test_web_end import until

pytestmark = pytest.mark.redis

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "models" / "tiny" / "florence2"
TOKEN = "0" * 40

Start = Callable[..., tuple[Forked, Path]]


@pytest.fixture
def environment(redis_url: str) -> dict[str, str]:
    """What every command here is told; the Label Studio answers nobody."""
    return {
        "PATH": os.defpath,
        "REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_LABEL_STUDIO_URL": "http://127.0.0.1:1",
    }


@pytest.fixture
def start(environment: dict[str, str], start_command: StartCommand) -> Start:
    """Starts a command of ours with more variables; gives it and its log."""
    return lambda *command, **more: start_command(*command, env=environment | more)


def run(environment: dict[str, str], *command: str, **more: str) -> tuple[int, str]:
    """Exit code and words of a command that ends."""
    done = forks.run(*command, env=environment | more, timeout_s=240, models=command[0] == "worker")
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_courier_waits_for_the_file_of_its_token(
    environment: dict[str, str], redis_connection: redis.Redis, start: Start, tmp_path: Path
) -> None:
    """Said once in its log, and by status, doctor and health; with the file it delivers, under the same process."""
    key = tmp_path / "token"
    environment["FIRSTPASS_LABEL_STUDIO_API_KEY_FILE"] = str(key)
    courier, log = start("courier")
    until(lambda: read_overview(redis_connection).courier is not None)

    expected = f"cannot read {key}: No such file or directory; the file is read again"
    assert any(expected in problem for problem in problems(read_overview(redis_connection)))
    for command, code in (("status", 1), ("doctor", 1), ("health courier", 0)):
        ended, words = run(environment, *command.split(), COLUMNS="400")
        assert (ended, expected in words) == (code, True), words
    # Late predictions are not promised for one that cannot deliver.
    assert read_card(redis_connection) is None

    key.write_text("half a token")
    until(lambda: len(said(log, "courier waits")) == 2)
    key.write_text(TOKEN)
    until(lambda: said(log, "courier ready"))
    until(lambda: read_card(redis_connection) is not None)
    assert len(said(log, "courier waits")) == 2
    assert courier.poll() is None
    courier.send_signal(signal.SIGTERM)
    assert courier.wait(60) == 0


@pytest.mark.parametrize(
    ("runs_in", "remedy"),
    [
        ("compose", "set LABEL_STUDIO_API_KEY in docker/.env, then `docker compose up -d courier`"),
        (
            "systemd",
            "in /etc/firstpass/firstpass.env, then `systemctl restart 'firstpass-courier'`",
        ),
        ("host", "set FIRSTPASS_LABEL_STUDIO_API_KEY and start the courier again"),
    ],
)
def test_a_courier_says_where_a_variable_alone_can_help(
    redis_connection: redis.Redis, start: Start, runs_in: str, remedy: str
) -> None:
    """It stays up, tells how that is set where it runs, and ends at once when told to."""
    courier, log = start("courier", FIRSTPASS_RUNS_IN=runs_in)
    until(lambda: said(log, "courier waits"))
    until(lambda: read_overview(redis_connection).courier is not None)

    (line,) = said(log, "courier waits")
    assert remedy in line["reason"]
    assert courier.poll() is None
    courier.send_signal(signal.SIGTERM)
    assert courier.wait(60) == 0
    assert read_overview(redis_connection).courier is None


def test_a_courier_that_cannot_deliver_keeps_none_from_it(
    redis_connection: redis.Redis, start: Start
) -> None:
    """Beside it another one works, and is the one that is told of."""
    _, log = start("courier")
    until(lambda: said(log, "courier waits"))
    able, _ = start("courier", FIRSTPASS_LABEL_STUDIO_API_KEY=TOKEN)

    until(lambda: (card := read_card(redis_connection)) is not None and card.pid == able.pid)
    told = read_overview(redis_connection).courier
    assert told is not None
    assert told.pid == able.pid


def test_what_is_not_waited_for_ends_with_a_sentence(environment: dict[str, str]) -> None:
    """By `--no-wait`, and a name of no model in any case."""
    assert run(environment, "courier", "--no-wait") == (
        2,
        "firstpass: expected FIRSTPASS_LABEL_STUDIO_URL and a token for it in FIRSTPASS_LABEL_STUDIO_API_KEY "
        "(or a file that holds it in FIRSTPASS_LABEL_STUDIO_API_KEY_FILE); make a token in Label Studio under "
        "Account & Settings > Personal Access Token",
    )
    code, words = run(environment, "courier", "--model", "florence-3")
    assert (code, "expected one of tiny" in words) == (2, True)


def test_a_worker_waits_for_the_file_of_its_token(
    redis_connection: redis.Redis, start: Start, tmp_path: Path
) -> None:
    """It fetches uploads with it."""
    key = tmp_path / "token"
    worker, log = start("worker", FIRSTPASS_LABEL_STUDIO_API_KEY_FILE=str(key))
    until(lambda: "waits for its token" in waits_for(redis_connection))
    assert f"cannot read {key}" in waits_for(redis_connection)

    key.write_text(TOKEN)
    until(lambda: read_overview(redis_connection).able)
    assert len(said(log, "waiting")) == 1
    assert worker.poll() is None


def test_a_folder_that_is_absent_and_then_in_pieces_is_waited_for(
    environment: dict[str, str], redis_connection: redis.Redis, start: Start, tmp_path: Path
) -> None:
    """By the worker and the courier, each by itself."""
    folder = tmp_path / "mine"
    environment["FIRSTPASS_MODEL"] = str(folder)
    worker, _ = start("worker")
    courier, log = start("courier", FIRSTPASS_LABEL_STUDIO_API_KEY=TOKEN)
    until(lambda: "there is none; correct the path" in waits_for(redis_connection))
    until(lambda: said(log, "courier waits"))
    assert "copy the whole folder there" in said(log, "courier waits")[0]["reason"]

    folder.mkdir()
    until(lambda: "No such file or directory" in waits_for(redis_connection))
    for path in TINY.glob("*.json"):
        shutil.copy(path, folder)
    until(lambda: "expected weights" in waits_for(redis_connection))
    until(lambda: "expected weights" in said(log, "courier waits")[-1]["reason"])
    for path in TINY.glob("*"):
        if path.is_file():
            shutil.copy(path, folder)
    until(lambda: read_overview(redis_connection).able)
    until(lambda: said(log, "courier ready"))
    assert (worker.poll(), courier.poll()) == (None, None)


def test_a_device_that_never_comes_is_not_waited_for(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Although the models are missing too, which it would wait for."""
    code, words = run(
        environment,
        "worker",
        FIRSTPASS_DEVICE="cuda:auto",
        FIRSTPASS_MODEL=str(tmp_path / "absent"),
        CUDA_VISIBLE_DEVICES="",
    )

    assert (code, "expected a CUDA device for cuda:auto, but torch finds none" in words) == (
        2,
        True,
    )


def waits_for(connection: redis.Redis) -> str:
    return "; ".join(card.waits_for for card in read_overview(connection).workers)
