"""Workers that are killed at any moment."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest

from tests.faults.rig import ENDLESS_S, PATIENCE_S, Rig, answered

LEASE_S = 2


def test_3000_images_survive_random_kills(rig: Rig, dice: random.Random) -> None:
    """With a worker killed in the middle of each 375, all are answered and nothing is left over."""
    names = [f"ok-{i}" for i in range(3000)]
    options = {"base_s": 0.02, "image_s": 0.004, "lease_s": LEASE_S}

    rig.kill_in_each((names[i::8] for i in range(8)), options, dice, workers=2)
    rig.until(rig.all_done)

    assert answered(rig.outcomes()) == set(names)
    stock = rig.stock()
    assert stock.under_way == set()
    assert stock.odd == []


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_signals_at_any_point_conserve_the_ids(
    rig: Rig, dice: random.Random, signum: signal.Signals
) -> None:
    """Ten workers with a model that costs nothing are ended at random: no id is lost or made."""
    for i in range(10):
        rig.submit(f"ok-{i}-{j}" for j in range(300))
        before = len(rig.outcomes())
        worker = rig.worker(batch_max=8)
        rig.until(lambda before=before: len(rig.outcomes()) > before)  # type: ignore[misc]
        time.sleep(dice.uniform(0, 0.1))
        worker.send_signal(signum)

        code = worker.wait(PATIENCE_S)

        stock = rig.stock()
        assert stock.odd == []
        assert stock.everything == set(rig.ids)
        if signum == signal.SIGTERM:
            assert code == 0
            assert stock.leased == set()


def test_recovery_takes_no_longer_than_a_lease_and_a_little(rig: Rig) -> None:
    """What a killed worker held is taken up by another within its lease and 5 seconds.

    Seconds of this process: a machine that stands still has not kept anybody waiting.
    """
    victim = rig.worker(base_s=ENDLESS_S, lease_s=LEASE_S)
    rig.submit(["ok-1"], interactive=True)
    rig.until(lambda: rig.runs("ok-1"))
    rig.worker(lease_s=LEASE_S)
    rig.until_at_work(2)

    victim.kill()

    for _ in range(10 * (LEASE_S + 5)):
        if rig.all_done():
            break
        time.sleep(0.1)
    assert rig.all_done()


def test_leases_of_the_dead_are_seen_to_during_a_long_run(rig: Rig) -> None:
    """A worker that always has a next batch takes up a dead worker's image before its own run ends."""
    victim = rig.worker(base_s=ENDLESS_S)
    rig.submit(["ok-orphan"], interactive=True)
    rig.until(lambda: rig.runs("ok-orphan"))
    rig.submit(f"ok-{i}" for i in range(3000))
    rig.worker(base_s=0.05, image_s=0.01, batch_max=4)
    rig.until(lambda: len(rig.outcomes()) > 4)

    victim.kill()

    rig.until(lambda: "ok-orphan" in rig.outcomes())
    assert rig.stock().queued


def test_waiting_requests_survive_a_killed_worker(rig: Rig) -> None:
    """48 requests wait while the worker is killed; another one's answers reach all of them."""
    names = [f"ok-{i}" for i in range(48)]
    got: dict[str, object] = {}
    threads = [threading.Thread(target=lambda n=n: got.update(rig.ask([n]))) for n in names]
    victim = rig.worker(base_s=ENDLESS_S)
    for thread in threads:
        thread.start()
    rig.until(lambda: rig.stock().leased)
    victim.kill()
    rig.worker()
    for thread in threads:
        thread.join()

    assert set(got) == set(names) == answered(rig.outcomes())


def test_two_workers_share_the_load(rig: Rig) -> None:
    """Both work on one queue at the same time, and no image is given to both."""
    names = [f"ok-{i}" for i in range(400)]
    records, gate = [rig.folder / "a", rig.folder / "b"], rig.folder / "gate"
    for record in records:
        rig.worker(base_s=0.02, image_s=0.01, lease_s=120, record=record, gate=gate)
    rig.submit(names)
    rig.until(lambda: all(record.exists() for record in records))
    gate.touch()
    rig.until(rig.all_done)

    ran = [record.read_text().split() for record in records]

    assert sorted(ran[0] + ran[1]) == sorted(names)
