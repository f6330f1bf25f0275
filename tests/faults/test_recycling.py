"""Workers that end themselves after some batches, or past some memory, while downloads are under way."""

from __future__ import annotations

from tests.faults.rig import Rig, answered

GOOD = [f"ok-{i}" for i in range(6)]


def test_a_worker_past_its_memory_from_the_start_does_some_work_in_each_life(rig: Rig) -> None:
    """The models alone may be past the bound: then each life is short, and none is for nothing."""
    rig.submit(GOOD)

    ended = rig.keep_running(1, rig.all_done, recycle_memory_mb=1)

    assert answered(rig.outcomes()) == set(GOOD)
    assert ended <= len(GOOD)


def test_a_worker_that_recycles_gives_back_what_has_not_come(rig: Rig) -> None:
    """It ends though a download hangs, and nothing is held against that image."""
    rig.submit(["stuck@a-1", *GOOD])

    rig.keep_running(1, lambda: answered(rig.outcomes()) == set(GOOD), recycle_batches=1)

    assert rig.job("stuck@a-1").retries_left == 2
    assert rig.runs("stuck@a-1") == 0
