"""Redis is killed, stopped, or loses what it acknowledged."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from backend.errors import QueueUnavailable
from backend.queue.window import Window
from tests.conftest import missing
from tests.faults.conftest import MakeRig
from tests.faults.rig import PATIENCE_S, Rig, answered

SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
  usleep(800000);
  return real(fd);
}
"""


@pytest.fixture
def slow_disk(tmp_path: Path) -> dict[str, str]:
    """The environment of a process for which each fdatasync takes 0.8 s."""
    compiler = shutil.which("gcc")
    if compiler is None:
        missing("expected gcc, to build a library that slows the disk down")
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW_DISK)
    subprocess.run(
        [str(compiler), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True
    )
    return {"LD_PRELOAD": str(library)}


def submit_in_parts(rig: Rig, parts: int, size: int, stop: threading.Event) -> None:
    """Submit part after part; one that Redis did not acknowledge is submitted again."""
    for part in range(parts):
        while not stop.is_set():
            try:
                rig.submit(f"ok-{part}-{i}" for i in range(size))
                break
            except QueueUnavailable:
                time.sleep(0.1)


def test_redis_killed_four_times_under_load(make_rig: MakeRig, dice: random.Random) -> None:
    """With its append-only file each acknowledged image is answered, and both workers live on."""
    rig = make_rig(appendonly="yes", appendfsync="always")
    stop = threading.Event()
    workers = [rig.worker(base_s=0.02, image_s=0.004) for _ in range(2)]
    submitting = threading.Thread(target=submit_in_parts, args=(rig, 40, 40, stop))
    submitting.start()
    try:
        for _ in range(4):
            time.sleep(dice.uniform(0.5, 1.5))
            rig.server.kill()
            time.sleep(dice.uniform(0.2, 3))
            rig.server.start()
    finally:
        submitting.join(PATIENCE_S)
        stop.set()

    rig.until(rig.all_done)

    assert len(rig.ids) == 1600
    assert answered(rig.outcomes()) == set(rig.ids.values())
    assert [worker.poll() for worker in workers] == [None, None]


def test_a_worker_outlives_a_long_outage(make_rig: MakeRig) -> None:
    """Redis is away for longer than a batch may take: its outcome is stored afterwards, run once."""
    rig = make_rig(timeout_s=20, appendonly="yes", appendfsync="always")
    worker = rig.worker(base_s=1)
    rig.submit(["ok-1"])
    rig.until(lambda: rig.runs("ok-1"))

    rig.server.kill()
    time.sleep(25)
    rig.server.start()

    rig.until(rig.all_done)
    assert worker.poll() is None
    assert rig.runs("ok-1") == 1
    rig.submit(["ok-2"])
    rig.until(rig.all_done)


def test_a_redis_that_hangs_for_seconds(make_rig: MakeRig) -> None:
    """Stopped for longer than a lease and than a socket's time-out, it costs no image and no worker."""
    rig = make_rig(appendonly="yes")
    workers = [rig.worker(base_s=0.02, image_s=0.01) for _ in range(2)]
    rig.submit(f"ok-{i}" for i in range(800))
    for seconds in (1, 7):
        time.sleep(0.5)
        rig.server.stop()
        time.sleep(seconds)
        rig.server.resume()

    rig.until(rig.all_done)

    assert answered(rig.outcomes()) == set(rig.ids.values())
    assert [worker.poll() for worker in workers] == [None, None]


def test_a_slow_disk_loses_nothing_with_appendfsync_always(
    make_rig: MakeRig, slow_disk: dict[str, str]
) -> None:
    """What was acknowledged before each of two kills is there after it."""
    rig = make_rig(env=slow_disk, appendonly="yes", appendfsync="always")
    for kill in range(2):
        for part in range(2):
            rig.submit(f"ok-{kill}-{part}-{i}" for i in range(50))
        rig.server.kill()
        rig.server.start()

        assert rig.stock().queued == set(rig.ids)


def test_what_everysec_loses_on_a_slow_disk_is_submitted_again(
    make_rig: MakeRig, slow_disk: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that wait get their answers although Redis forgot jobs that it had acknowledged."""
    seen, look = threading.Event(), Window._look

    def look_when_seen(window: Window) -> None:
        seen.wait()  # so that no waiter mends the loss before it is looked at
        look(window)

    monkeypatch.setattr(Window, "_look", look_when_seen)
    rig = make_rig(recheck_s=1.0, env=slow_disk, appendonly="yes", appendfsync="everysec")
    got: dict[str, object] = {}

    def ask(part: int) -> None:
        names = [f"ok-{part}-{i}" for i in range(20)]
        while True:
            try:
                return got.update(rig.ask(names))
            except QueueUnavailable:  # not acknowledged, so asked again
                time.sleep(0.1)

    threads: list[threading.Thread] = []
    lost: set[str] = set()
    try:
        while not lost:
            threads.append(threading.Thread(target=ask, args=(len(threads),)))
            threads[-1].start()
            time.sleep(0.25)
            if len(threads) >= 5 and rig.connection.info("persistence")["aof_buffer_length"]:
                rig.server.kill()  # with acknowledged jobs that are not written yet
                rig.server.start()
                lost = set(rig.ids) - rig.stock().everything
    finally:
        seen.set()
    rig.worker()
    for thread in threads:
        thread.join()

    assert set(got) == set(rig.ids.values()) == answered(rig.outcomes())


def test_a_full_disk_is_waited_out(make_rig: MakeRig, tmp_path: Path) -> None:
    """While Redis takes no writes the worker stays, with its models; then all is answered, run once.

    It meets the refusal in a script, in a pipeline and in a transaction; a snapshot that cannot be
    written has Redis refuse as a full disk does.
    """
    rig = make_rig(dbfilename="dump.rdb")
    rig.connection.config_set("save", "3600 1000000")
    worker = rig.worker(base_s=1)
    idle = rig.worker(base_s=0.1)
    rig.submit(["ok-1"])
    rig.until(lambda: rig.runs("ok-1"))

    in_the_way = tmp_path / "redis" / "dump.rdb"
    (in_the_way / "file").mkdir(parents=True)
    rig.connection.bgsave()
    rig.until(lambda: rig.connection.info("persistence")["rdb_last_bgsave_status"] == "err")
    with pytest.raises(QueueUnavailable, match="Redis refused: MISCONF"):
        rig.submit(["ok-2"])
    time.sleep(8)  # heartbeats, leases and the outcome all meet it
    shutil.rmtree(in_the_way)
    rig.connection.bgsave()
    rig.until(lambda: rig.connection.info("persistence")["rdb_last_bgsave_status"] == "ok")

    rig.submit(["ok-2"])
    rig.until(rig.all_done)
    assert [worker.poll(), idle.poll()] == [None, None]
    assert answered(rig.outcomes()) == {"ok-1", "ok-2"}
