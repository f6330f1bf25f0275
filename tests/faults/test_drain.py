"""`firstpass drain`, with real workers: nothing is lost, nothing stays leased, others go on."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import ExitStack

from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.queue.drain import EVERYBODY, Drains
from backend.queue.readiness import not_ready
from backend.queue.worker_card import DRAINED_STATE
from backend.status.plain import overview_json
from backend.status.reading import read_overview
from backend.status.verdict import problems
from backend.status.wording import worker_name
from tests.faults.rig import PATIENCE_S, Rig, answered


def run(rig: Rig, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["drain", *arguments], env={"COLUMNS": "200", "FIRSTPASS_REDIS_URL": rig.server.url()}
    )


def states(rig: Rig) -> list[str]:
    return [card.state for card in read_overview(rig.connection).workers]


def test_a_drained_worker_finishes_its_batch_and_leaves_the_rest_to_others(rig: Rig) -> None:
    """What it had not begun is back at once, what it had begun is stored; then another does all else."""
    gate = rig.folder / "gate"
    worker = rig.worker(gate=gate, batch_max=2)
    rig.submit(["stuck@a-1", *(f"ok-{i}" for i in range(12))])
    rig.until(lambda: rig.record.exists())  # its first batch is held
    results: list[Result] = []
    draining = threading.Thread(
        target=lambda: results.append(run(rig, "--all", "--patience-s", str(PATIENCE_S)))
    )
    with ExitStack() as stack:
        stack.callback(draining.join)
        stack.callback(gate.touch)
        draining.start()
        rig.until(lambda: Drains(rig.connection).marks() == [EVERYBODY])

    assert results[0].exit_code == 0, results[0].output
    assert "holds nothing and takes nothing" in results[0].output
    assert states(rig) == [DRAINED_STATE]
    stock = rig.stock()
    assert stock.leased == set()
    assert len(stock.queued) == 13 - len(answered(rig.outcomes()))
    (problem,) = problems(read_overview(rig.connection))
    assert problem.startswith("The worker is drained and takes no images, and no other is alive; ")
    assert "`firstpass drain --undo`" in problem
    overview = read_overview(rig.connection)
    assert (unready := not_ready(overview.workers, overview.at, "host")) is not None
    assert unready.waits
    assert worker.poll() is None

    assert run(rig, "--undo").exit_code == 0
    served = rig.folder / "served"
    served.mkdir()
    (served / "stuck@a-1").touch()
    worker.kill()
    rig.worker(served=served)
    rig.until(rig.all_done)
    assert answered(rig.outcomes()) == set(rig.ids.values())


def test_one_is_drained_and_the_other_works_on(rig: Rig) -> None:
    """By its name; that is a note, and nothing is wrong. Undone, both take images."""
    for _ in range(2):
        rig.worker(lease_s=60)
    rig.until(lambda: len(read_overview(rig.connection).workers) == 2)
    first, second = read_overview(rig.connection).workers

    assert run(rig, worker_name(first)).exit_code == 0
    rig.submit(f"ok-{i}" for i in range(20))
    rig.until(rig.all_done)

    told = {card.name: card for card in read_overview(rig.connection).workers}
    assert (told[first.name].state, told[first.name].images) == (DRAINED_STATE, 0)
    assert told[second.name].images == 20
    assert problems(read_overview(rig.connection)) == []
    notes = " ".join(overview_json(read_overview(rig.connection))["notes"])
    assert f"{worker_name(first)} (drained)" in notes

    assert "Drained no more: " in run(rig, "--undo", worker_name(first)).output
    rig.until(lambda: DRAINED_STATE not in states(rig))


def test_a_worker_that_is_started_under_a_mark_takes_nothing_and_ends_at_once(rig: Rig) -> None:
    """An update begins with `--all`; new workers wait for the end of it as well."""
    assert "No worker is alive" in run(rig, "--all").output
    rig.submit(["ok-1"])
    worker = rig.worker(lease_s=60)
    rig.until(lambda: states(rig) == [DRAINED_STATE])

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE_S) == 0
    assert rig.stock().queued == set(rig.ids)


def test_an_older_drain_is_no_answer_to_a_new_one(rig: Rig) -> None:
    """A worker that hangs since it was drained does not count as drained again."""
    worker = rig.worker(lease_s=60)
    rig.until(lambda: len(read_overview(rig.connection).workers) == 1)
    assert run(rig, "--all").exit_code == 0
    worker.send_signal(signal.SIGSTOP)
    try:
        run(rig, "--undo")
        result = run(rig, "--all", "--patience-s", "0.5")
    finally:
        worker.send_signal(signal.SIGCONT)

    assert result.exit_code == 1
    assert "has not said within 0.5 s" in result.output


def test_who_is_not_there_is_not_drained(rig: Rig) -> None:
    """A mistyped name ends with those that there are; nothing is marked."""
    rig.worker(lease_s=60)
    rig.until(lambda: len(read_overview(rig.connection).workers) == 1)
    (card,) = read_overview(rig.connection).workers
    for arguments in (["nobody:1"], ["--on", "nobody"]):
        result = run(rig, *arguments)
        assert worker_name(card) in str(result.exception)
    assert "expected WORKERs, --on HOST or --all" in str(run(rig).exception)
    assert Drains(rig.connection).marks() == []
    assert json.dumps(rig.connection.exists("firstpass:drained")) == "0"


def test_garbage_in_place_of_the_marks_stops_nobody(rig: Rig) -> None:
    """A value of another type under our name: workers go on as before."""
    rig.connection.set("firstpass:drained", "garbage")
    rig.worker()
    rig.submit(["ok-1"])
    rig.until(rig.all_done)
    rig.connection.delete("firstpass:drained")
