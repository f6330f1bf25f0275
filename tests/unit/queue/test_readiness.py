"""Why nobody predicts, from the workers' cards."""

from __future__ import annotations

from backend.queue.readiness import LOADING, NotReady, not_ready, waiting_workers
from tests.unit.web.overviews import AT, worker

NO_MODELS = {
    "state": "waiting",
    "waits_for": "waits for its models: a is not there",
    "remedy": "run x",
}


def test_one_that_takes_images_is_enough() -> None:
    assert not_ready([worker(), worker(**NO_MODELS)], AT, "host") is None


def test_without_any_it_is_said_how_to_start_one() -> None:
    """One that has been silent for longer than its lease is none."""
    nobody = NotReady("no worker is alive", "start one: `firstpass worker` (or `firstpass up`)")
    assert not_ready([], AT, "host") == nobody
    assert not_ready([worker(seen_at=AT - 20)], AT, "host") == nobody
    contained = not_ready([], AT, "compose")
    assert contained is not None
    assert contained.remedy == "start one: `docker compose up -d worker`"


def test_what_all_wait_for_is_said_once() -> None:
    """With how many they are; and no answer is to be expected."""
    both = [worker(**NO_MODELS), worker(name="w2", **NO_MODELS)]

    assert not_ready(both, AT, "host") == NotReady(
        "each of 2 workers waits for its models: a is not there", "run x", waits=True
    )
    assert not_ready(both[:1], AT, "host").reason.startswith("the worker waits")  # type: ignore[union-attr]


def test_one_that_loads_will_answer() -> None:
    """So it is worth waiting for, whatever another lacks."""
    loads = worker(state=LOADING, waits_for="loads its models")

    unready = not_ready([worker(**NO_MODELS), loads], AT, "host")

    assert unready == NotReady("the worker loads its models")
    assert [one.waits for one in waiting_workers([worker(**NO_MODELS), loads])] == [True, False]
