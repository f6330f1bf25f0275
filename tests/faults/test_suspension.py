"""`rq suspend` and `rq resume`, while downloads are under way."""

from __future__ import annotations

from rq.suspension import resume, suspend

from tests.faults.rig import Rig, answered


def test_a_suspended_worker_gives_back_what_has_not_come_and_goes_on_when_resumed(
    rig: Rig,
) -> None:
    """At once: it does not take and give back the same images until it next looks after its registries."""
    rig.worker(lease_s=24)  # it looks every six seconds
    rig.submit(["stuck@a-1"])
    rig.until(lambda: rig.stock().leased)
    suspend(rig.connection)
    rig.until(lambda: rig.stock().queued)
    assert rig.job("stuck@a-1").retries_left == 2

    before = _scripts_run(rig)
    resume(rig.connection)
    rig.submit(["ok-1"])
    rig.until(lambda: "ok-1" in answered(rig.outcomes()))

    assert _scripts_run(rig) - before < 100


def _scripts_run(rig: Rig) -> int:
    return int(rig.connection.info("commandstats")["cmdstat_evalsha"]["calls"])
