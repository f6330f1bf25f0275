"""Images that do not come: whoever asked for others waits for none of them."""

from __future__ import annotations

import signal
import time

import pytest

from backend.queue.fetches import AT_ONCE
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, answered

STUCK = [f"stuck@a-{i}" for i in range(2)]
GOOD = [f"ok-{i}" for i in range(10)]


def test_bulk_images_that_never_come_hold_nobody_up(rig: Rig) -> None:
    """Two of twelve: the ten others are answered, and so is each image that is opened meanwhile."""
    rig.submit([*STUCK, *GOOD])
    rig.worker()
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))

    for number in range(5):
        assert answered(rig.ask([f"ok-opened-{number}"])) == {f"ok-opened-{number}"}
    rig.submit(["ok-later"])
    rig.until(lambda: "ok-later" in answered(rig.outcomes()))

    assert len(rig.stock().leased) == 2
    assert not set(STUCK) & set(rig.outcomes())


def test_an_opened_image_that_never_comes_holds_no_other_up(rig: Rig) -> None:
    """Neither opened nor bulk ones."""
    rig.submit(STUCK, interactive=True)
    rig.worker()
    rig.until(lambda: len(rig.stock().leased) == 2)

    assert answered(rig.ask(["ok-opened"])) == {"ok-opened"}
    rig.submit(GOOD)
    rig.until(lambda: answered(rig.outcomes()) >= set(GOOD))


def test_what_comes_late_is_answered_then(rig: Rig) -> None:
    """It was held all the while, though its download outlasted its lease many times."""
    served = rig.folder / "served"
    served.mkdir()
    rig.submit([*STUCK, *GOOD])
    rig.worker(lease_s=1, served=served)
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))
    time.sleep(2.5)
    assert len(rig.stock().leased) == 2

    for name in STUCK:
        (served / name).touch()
    rig.until(rig.all_done)

    assert answered(rig.outcomes()) == {*STUCK, *GOOD}
    assert all(rig.runs(name) == 1 for name in STUCK)


@pytest.mark.parametrize("interactive", [False, True])
def test_many_images_of_a_place_that_hangs_let_others_pass(rig: Rig, interactive: bool) -> None:
    """A hundred of them lie before the good ones; they wait apart, and lose no try by it."""
    served = rig.folder / "served"
    served.mkdir()
    many = [f"stuck@a-{i}" for i in range(100)]
    rig.submit([*many, *GOOD], interactive=interactive)
    rig.worker(served=served)
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))

    assert rig.runs("stuck@a-0") == 0
    assert {rig.job(name).retries_left for name in many} == {2}
    for name in many:
        (served / name).touch()
    rig.until(rig.all_done)
    assert answered(rig.outcomes()) == {*many, *GOOD}


def test_many_places_that_hang_let_others_pass(rig: Rig) -> None:
    """Twelve images on twelve servers."""
    rig.submit([*(f"stuck@{letter}-1" for letter in "abcdefghijkl"), *GOOD])
    rig.worker()

    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))


def test_a_stopping_worker_gives_back_what_has_not_come(rig: Rig) -> None:
    """It ends at once, and the next one has these images; nothing was held against them."""
    served = rig.folder / "served"
    served.mkdir()
    rig.submit([*STUCK, *GOOD])
    worker = rig.worker(lease_s=600, served=served)
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert len(rig.stock().queued) == 2

    for name in STUCK:
        (served / name).touch()
    rig.worker(served=served)
    rig.until(rig.all_done)
    assert answered(rig.outcomes()) == {*STUCK, *GOOD}


def test_a_killed_worker_loses_nothing_that_was_on_its_way(rig: Rig) -> None:
    """Downloads were not begun: no image of them is a suspect, or has lost a try."""
    served = rig.folder / "served"
    served.mkdir()
    rig.submit([*STUCK, *GOOD])
    worker = rig.worker(served=served)
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))
    worker.kill()

    for name in STUCK:
        (served / name).touch()
    rig.worker(served=served, finished_ttl_s=3600)
    rig.until(rig.all_done)

    assert {rig.job(name).retries_left for name in STUCK} == {2}
    assert answered(rig.outcomes()) == {*STUCK, *GOOD}


def test_a_suspect_is_still_alone_beside_downloads_that_hang(rig: Rig) -> None:
    """What ends its worker is found out, though other images are on their way all the time."""
    rig.submit([*STUCK, *GOOD[:5], "kill-1", *GOOD[5:]])

    def through() -> bool:
        return set(rig.outcomes()) >= {*GOOD, "kill-1"}

    rig.keep_running(1, through, lease_s=1)

    assert answered(rig.outcomes()) == set(GOOD)
    assert {rig.job(name).retries_left for name in STUCK} == {2}


def test_a_download_that_outlasts_all_time_fails_alone(make_rig: MakeRig) -> None:
    """With the name of the limit; its worker ends, for a thread cannot be stopped."""
    rig = make_rig(timeout_s=2)
    rig.submit([*GOOD, "stuck@a-1"])

    rig.keep_running(1, rig.all_done, lease_s=1)

    assert answered(rig.outcomes()) == set(GOOD)
    assert "FIRSTPASS_JOB_TIMEOUT_S" in str(rig.outcomes()["stuck@a-1"])


def test_batches_are_bounded_by_pixels(rig: Rig) -> None:
    """Of a hundred megapixels each there are two in a batch, of small ones sixteen."""
    wide = [f"wide-{i}" for i in range(12)]
    small = [f"ok-{i}" for i in range(64)]
    rig.submit(small)
    rig.worker(batch_latency_s=1000)
    rig.until(rig.all_done)
    rig.submit(wide)
    rig.until(rig.all_done)

    lines = [line.split() for line in rig.record.read_text().splitlines()]
    assert max(len(line) for line in lines if line[0].startswith("ok")) == 16
    assert max(len(line) for line in lines if line[0].startswith("wide")) == 2


def test_one_place_is_asked_for_a_few_at_once(rig: Rig) -> None:
    """Its images come one after another, and all are answered."""
    served = rig.folder / "served"
    served.mkdir()
    names = [f"stuck@a-{i}" for i in range(3 * AT_ONCE)]
    rig.submit(names)
    rig.worker(served=served)
    for name in names:
        (served / name).touch()

    rig.until(rig.all_done)

    assert answered(rig.outcomes()) == set(names)


def test_a_download_may_take_its_own_time_beside_that_of_a_batch(make_rig: MakeRig) -> None:
    """A slow server within the bound of downloads costs no worker its models."""
    rig = make_rig(timeout_s=1)
    served = rig.folder / "served"
    served.mkdir()
    rig.submit(["stuck@a-1", *GOOD])
    worker = rig.worker(served=served, fetch_s=600)
    rig.until(lambda: answered(rig.outcomes()) == set(GOOD))
    time.sleep(2.5)
    assert worker.poll() is None

    (served / "stuck@a-1").touch()
    rig.until(rig.all_done)
    assert answered(rig.outcomes()) == {"stuck@a-1", *GOOD}
    assert rig.runs("stuck@a-1") == 1
