"""One look-up, every address checked, and the connection goes to what was checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import httpcore
import pytest

from backend.errors import ImageRefused, ImageUnreachable
from backend.images.addresses import AllowList
from backend.images.guard import Deadline, GuardedBackend

NOTHING = AllowList(frozenset())


class Sockets(httpcore.NetworkBackend):
    """Remembers where it was told to connect; refuses the addresses in `dead`."""

    def __init__(self, dead: Sequence[str] = ()) -> None:
        self.dead = dead
        self.asked: list[str] = []
        self.timeouts: list[float | None] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.asked.append(host)
        self.timeouts.append(timeout)
        if host in self.dead:
            raise httpcore.ConnectError("refused")
        return httpcore.MockStream([b"answer"])


def backend_for(
    answers: Sequence[Sequence[str]], sockets: Sockets, allow: AllowList = NOTHING
) -> tuple[GuardedBackend, list[str]]:
    """A guard whose look-ups give these answers in turn, and the list of names it looked up."""
    turns = iter(answers)
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return next(turns)

    return GuardedBackend(allow, Deadline(), resolve, sockets), looked_up


def test_a_rebinding_name_is_reached_only_at_the_address_that_was_checked() -> None:
    sockets = Sockets()
    backend, looked_up = backend_for([["8.8.8.8"], ["127.0.0.1"]], sockets)
    backend.connect_tcp("rebind.test", 80)
    assert looked_up == ["rebind.test"]
    assert sockets.asked == ["8.8.8.8"]
    with pytest.raises(ImageRefused):
        backend.connect_tcp("rebind.test", 80)
    assert sockets.asked == ["8.8.8.8"]


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["8.8.8.8", "fe80::1%lo"], ["junk"]]
)
def test_one_forbidden_address_refuses_the_host(answer: list[str]) -> None:
    sockets = Sockets()
    backend, _ = backend_for([answer], sockets)
    with pytest.raises(ImageRefused, match="FIRSTPASS_IMAGE_ALLOW"):
        backend.connect_tcp("mixed.test", 80)
    assert sockets.asked == []


def test_a_listed_host_may_be_private() -> None:
    sockets = Sockets()
    allow = AllowList.of(["minio:9000"], label_studio_url=None)
    backend, _ = backend_for([["10.0.0.7"], ["10.0.0.7"]], sockets, allow)
    backend.connect_tcp("minio", 9000)
    assert sockets.asked == ["10.0.0.7"]
    with pytest.raises(ImageRefused):
        backend.connect_tcp("minio", 9001)


def test_the_next_address_is_tried_when_one_is_dead() -> None:
    sockets = Sockets(dead=["2606:4700::1"])
    backend, _ = backend_for([["2606:4700::1", "8.8.8.8"]], sockets)
    backend.connect_tcp("dual.test", 80)
    assert sockets.asked == ["2606:4700::1", "8.8.8.8"]


def test_when_all_addresses_are_dead_the_connection_fails() -> None:
    backend, _ = backend_for([["8.8.8.8"]], Sockets(dead=["8.8.8.8"]))
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("dead.test", 80)


def test_a_name_without_addresses_is_unreachable() -> None:
    backend, _ = backend_for([[]], Sockets())
    with pytest.raises(ImageUnreachable):
        backend.connect_tcp("empty.test", 80)


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_failing_look_up_is_unreachable(error: Exception) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise error

    backend = GuardedBackend(NOTHING, Deadline(), resolve, Sockets())
    with pytest.raises(ImageUnreachable, match="looked up"):
        backend.connect_tcp("nope.test", 80)


def test_a_look_up_that_hangs_ends_at_the_deadline() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        release.wait(5)
        return ["8.8.8.8"]

    deadline = Deadline()
    backend = GuardedBackend(NOTHING, deadline, resolve, Sockets())
    started = time.monotonic()
    with deadline.within(0.1), pytest.raises(ImageUnreachable, match="too long"):
        backend.connect_tcp("slow.test", 80)
    release.set()
    assert time.monotonic() - started < 2


def test_unix_sockets_are_refused() -> None:
    backend, _ = backend_for([], Sockets())
    with pytest.raises(ImageRefused):
        backend.connect_unix_socket("/var/run/docker.sock")


def test_the_deadline_cuts_timeouts_and_then_ends_everything() -> None:
    deadline = Deadline()
    assert deadline.bound(7.0) == 7.0
    assert deadline.bound(None) is None
    with deadline.within(5.0):
        assert deadline.bound(1.0) == 1.0
        assert 4.0 < (deadline.bound(None) or 0) <= 5.0
        assert 4.0 < (deadline.bound(60.0) or 0) <= 5.0
    with deadline.within(0.0), pytest.raises(httpcore.ReadTimeout):
        deadline.bound(1.0)
    assert deadline.bound(7.0) == 7.0


def test_each_thread_has_its_own_deadline() -> None:
    deadline = Deadline()
    seen: list[float | None] = []
    with deadline.within(0.0):
        thread = threading.Thread(target=lambda: seen.append(deadline.bound(3.0)))
        thread.start()
        thread.join()
    assert seen == [3.0]


def test_reads_and_writes_after_the_deadline_fail() -> None:
    deadline = Deadline()
    backend = GuardedBackend(NOTHING, deadline, lambda host, port: ["8.8.8.8"], Sockets())
    stream = backend.connect_tcp("a.test", 80)
    with deadline.within(0.0):
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(10, timeout=60)
        with pytest.raises(httpcore.ReadTimeout):
            stream.write(b"x", timeout=60)
    assert stream.read(10) == b"answer"
