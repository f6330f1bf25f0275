"""Images that end, hang or spoil the process that looks at them."""

from __future__ import annotations

import pytest

from backend.queue.leases import EXIT_HUNG
from backend.status.reading import read_overview
from backend.status.verdict import problems
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, answered, failed

GOOD = [f"ok-{i}" for i in range(40)]


@pytest.mark.parametrize(
    "deadly",
    [["kill-1"], ["crash-1"], ["kill-1", "kill-2"], ["crash-1", "kill-1"], ["device-1"]],
    ids=lambda names: "+".join(names),
)
def test_what_ends_its_worker_fails_alone(rig: Rig, deadly: list[str]) -> None:
    """Two that lie side by side are found out too: they fail, and the 40 around them do not."""
    names = [*GOOD[:20], *deadly, *GOOD[20:]]
    rig.submit(names)

    rig.keep_running(1, rig.all_done, lease_s=1)

    outcomes = rig.outcomes()
    assert failed(outcomes) == dict.fromkeys(deadly, "InferenceFailed")
    assert answered(outcomes) == set(GOOD)


def test_a_deadly_image_is_tried_three_times_alone(rig: Rig) -> None:
    """It ends four workers: one in company, and three that it has to itself."""
    rig.submit([*GOOD[:10], "kill-1"])

    ended = rig.keep_running(1, rig.all_done, lease_s=1)

    assert ended == 4
    alone = [line for line in rig.record.read_text().splitlines() if line == "kill-1"]
    assert len(alone) >= 3


def test_batch_mates_of_many_deadly_images_lose_no_try(rig: Rig) -> None:
    """More images end their worker than a job has tries; those beside and behind them have all left."""
    deadly = [f"kill-{i}" for i in range(4)]
    mixed = [name for pair in zip(GOOD[4:8], deadly, strict=True) for name in pair]
    rig.submit([*GOOD[:4], *mixed, *GOOD[8:12]])

    rig.keep_running(1, rig.all_done, lease_s=1, batch_max=4, base_s=0.1, finished_ttl_s=3600)

    assert answered(rig.outcomes()) == set(GOOD[:12])
    assert {rig.job(name).retries_left for name in GOOD[:12]} == {2}
    assert {rig.job(name).retries_left for name in deadly} == {0}


@pytest.mark.parametrize("deadly", ["hang-1", "seize-1"])
def test_a_hung_model_is_ended_and_its_image_fails(make_rig: MakeRig, deadly: str) -> None:
    """Whether or not it lets other threads run: its worker ends, and only that image fails."""
    hangs = deadly == "hang-1"
    rig = make_rig(timeout_s=1 if hangs else 3600)
    rig.submit([*GOOD[:5], deadly])

    rig.keep_running(1, rig.all_done, lease_s=1, seized_s=600 if hangs else 0)

    outcomes = rig.outcomes()
    assert failed(outcomes) == {deadly: "TookTooLong" if hangs else "InferenceFailed"}
    assert answered(outcomes) == set(GOOD[:5])
    if hangs:
        assert "took longer than FIRSTPASS_JOB_TIMEOUT_S = 1;" in str(outcomes[deadly])
        assert any(
            "FIRSTPASS_JOB_TIMEOUT_S" in line for line in problems(read_overview(rig.connection))
        )
    codes = {worker.poll() for worker in rig.workers} - {None}
    assert codes == {EXIT_HUNG if hangs else 1}


def test_bad_images_fail_at_once_and_alone(rig: Rig) -> None:
    """One that does not decode and one that the model chokes on are tried once, and fail."""
    rig.submit([*GOOD, "bad-1", "raise-1"])
    rig.worker()
    rig.until(rig.all_done)

    outcomes = rig.outcomes()

    assert failed(outcomes) == {"bad-1": "ImageUnreadable", "raise-1": "InferenceFailed"}
    assert answered(outcomes) == set(GOOD)
    assert len([line for line in rig.record.read_text().splitlines() if line == "raise-1"]) == 1


def test_what_may_pass_is_tried_again_and_not_alone(rig: Rig) -> None:
    """An image out of reach and one out of memory succeed later; one never reached fails at last."""
    rig.submit([*GOOD, "flaky-1", "memory-1", "away-1"])
    rig.worker(lease_s=1)
    rig.until(rig.all_done)

    outcomes = rig.outcomes()

    assert failed(outcomes) == {"away-1": "ImageUnreachable"}
    assert answered(outcomes) == {*GOOD, "flaky-1", "memory-1"}
