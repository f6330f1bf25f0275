"""A source, a sink, and a ledger: for any long run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backend.errors import Failure
from backend.runs.job import Found, Job, KeptInLedger, Settled, Take
from backend.runs.ledger import Ledger, Listed, Result, TaskKey
from backend.runs.ledger_file import RunKey, open_ledger, passing_ledger
from backend.runs.progress import Progress

GONE = Failure("ImageNotFound", "gone", transient=False)
Vector = tuple[float, ...]


def progress() -> Progress:
    return Progress(lambda shown: None)


def job(ledger: Ledger, shown: Progress) -> Job[Vector]:
    """Of a run that has nothing to do with predictions: its figures say how long a vector is."""
    return Job(ledger, shown, things=int)


def vectors(
    take: Take, *, stops_at: str = ""
) -> Iterator[Mapping[TaskKey, Found[Vector] | Failure]]:
    """A vector for each key, two at a time; none for those that are called gone."""
    while keys := take(2):
        if stops_at in keys:
            raise KeyboardInterrupt
        yield {key: GONE if "gone" in key else Found("3", (0.0, 0.5, 1.0)) for key in keys}


@dataclass
class Later:
    """A sink that stores what it was given one call later, and takes neither of two keys."""

    ledger: Ledger
    waits: list[TaskKey] = field(default_factory=list)
    held: Sequence[TaskKey] = ()

    def put(self, found: Mapping[TaskKey, Found[Vector]]) -> None:
        self.ledger.write([Result(key, one.figures) for key, one in found.items()])
        self.waits += found

    def settled(self, *, all_of_them: bool = False) -> Iterator[Settled]:
        ready, self.held = [*self.held, *(self.waits if all_of_them else ())], self.waits
        self.waits = []
        stored = [key for key in ready if key not in ("busy", "odd")]
        again = [key for key in ready if key == "busy"]
        self.ledger.settle({**dict.fromkeys(stored, True), **dict.fromkeys(again, False)})
        yield Settled(stored, again, [(key, GONE) for key in ready if key == "odd"])


def test_results_are_kept_failures_noted_and_the_progress_counts_both(tmp_path: Path) -> None:
    shown = progress()
    with open_ledger(tmp_path, RunKey("here", "v"), "vectors") as ledger:
        ledger.note(map(Listed, ("a", "b", "c", "gone")))
        job(ledger, shown).run_waiting(vectors, KeptInLedger(ledger, str))

        assert dict(ledger.texts()) == dict.fromkeys("abc", "(0.0, 0.5, 1.0)")
        assert dict(ledger.outcomes()) == {**dict.fromkeys("abc", "3"), "gone": GONE}
    assert (shown.total, shown.made, shown.failed, shown.things) == (4, 3, 1, 9)


def test_a_job_that_was_stopped_goes_on_and_counts_what_was_done_before(tmp_path: Path) -> None:
    asked: list[str] = []

    def watched(take: Take) -> Iterator[Mapping[TaskKey, Found[Vector] | Failure]]:
        def noted(most: int) -> Sequence[str]:
            asked.extend(keys := take(most))
            return keys

        return vectors(noted)

    for stops_at in ("c", ""):
        shown = progress()
        with open_ledger(tmp_path, RunKey("here", "v"), "vectors") as ledger:
            ledger.note(map(Listed, "abcd"))
            kept: KeptInLedger[Vector] = KeptInLedger(ledger)
            if stops_at:
                with pytest.raises(KeyboardInterrupt):
                    job(ledger, shown).run_waiting(lambda take: vectors(take, stops_at="c"), kept)
            else:
                job(ledger, shown).run_waiting(watched, kept)

    assert asked == ["c", "d"]
    assert (shown.made, shown.things) == (4, 12)


def test_a_sink_may_store_later_refuse_and_ask_again(tmp_path: Path) -> None:
    """What it has not said to be stored counts as not done, and is done by the next start."""
    shown = progress()
    with open_ledger(tmp_path, RunKey("here", "v"), "vectors") as ledger:
        ledger.note(map(Listed, ("a", "b", "busy", "odd", "z")))
        sink = Later(ledger)
        job(ledger, shown).run_waiting(vectors, sink)
        while sink.waits or sink.held:
            list(sink.settled(all_of_them=True))

        assert ledger.waiting(9) == ["busy"]
        assert dict(ledger.outcomes())["odd"] == GONE


def test_a_ledger_in_memory_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with passing_ledger() as ledger:
        ledger.note([Listed("a")])
        job(ledger, progress()).run_waiting(vectors, KeptInLedger(ledger))

        assert ledger.stored() == 1
    assert list(tmp_path.iterdir()) == []
