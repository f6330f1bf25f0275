"""A folder from its files to its predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from backend.bulk.drawing import LabelColours
from backend.bulk.offline import FolderRun, one_image
from backend.bulk.report import Report
from backend.errors import BadRequest
from backend.runs.ledger import TaskKey
from backend.runs.ledger_file import open_ledger
from backend.runs.progress import Progress
from backend.settings import Settings
from tests.unit.bulk.folders import StandInHandler, folder_of, images_of, predictor


def run(folder: Path, **options: Any) -> FolderRun:
    return FolderRun(folder, predictor(), Progress(lambda progress: None), **options)


def start(home: Path, one: FolderRun, handler: StandInHandler) -> tuple[dict[str, Any], Report]:
    """One start to its end: the predictions that it would write by path, and its report."""
    with open_ledger(home, one.key) as ledger:
        one.note(ledger)
        one.predict(ledger, images_of(handler))
        rows: list[tuple[str, str]] = []

        def target(given: Iterable[tuple[str, str]]) -> int:
            rows.extend(given)
            return len(rows)

        assert one.write(ledger, target) == len(rows)
        return {path: json.loads(row) for path, row in rows}, one.report(ledger)


def test_a_folder_is_predicted_and_reported(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", "a.png", "b/bad.png", "b/c.png", "empty.png")
    handler = StandInHandler()

    written, report = start(tmp_path / "home", one := run(folder), handler)

    assert list(written) == ["a.png", "b/c.png", "empty.png"]
    assert (report.predicted, report.failed, report.regions, report.undrawn) == (3, 1, 2, 1)
    assert (report.facts.left, report.facts.source) == (0, str(folder))
    assert one.progress.done == 4


def test_a_start_that_was_stopped_is_gone_on_with(tmp_path: Path) -> None:
    """What was predicted is asked no second time, and all of it is in the report and in the file."""
    folder = folder_of(tmp_path / "in", "a.png", "b.png", "c-stop.png", "d.png", "bad.png")
    first, second = StandInHandler(), StandInHandler()
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "home", run(folder), first)
    (folder / "c-stop.png").rename(folder / "c.png")

    _, report = start(tmp_path / "home", run(folder), second)

    assert first.asked
    assert sorted(first.asked + second.asked) == ["a.png", "b.png", "c.png", "d.png"]
    assert (report.predicted, report.failed) == (4, 1)


def test_a_finished_run_asks_nothing_more_and_writes_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", "a.png", "bad.png")
    written, _ = start(tmp_path / "home", run(folder), StandInHandler())
    again = StandInHandler()

    rewritten, _ = start(tmp_path / "home", run(folder), again)

    assert again.asked == []
    assert rewritten == written


def test_new_and_changed_images_are_predicted_and_those_gone_are_left_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", "a.png", "b.png", "c.png")
    start(tmp_path / "home", run(folder), StandInHandler())
    (folder / "a.png").unlink()
    (folder / "b.png").write_bytes((folder / "c.png").read_bytes() + b"changed")
    folder_of(folder, "d.png")
    handler = StandInHandler()

    written, report = start(tmp_path / "home", run(folder), handler)

    assert sorted(handler.asked) == ["b.png", "d.png"]
    assert written.keys() == {"b.png", "c.png", "d.png"}
    assert report.predicted == 3


def test_failed_images_are_tried_again_only_when_told_to(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", "a.png", "raise.png")
    start(tmp_path / "home", run(folder), StandInHandler())
    unasked, mended = StandInHandler(), StandInHandler(mended=True)

    _, kept = start(tmp_path / "home", run(folder), unasked)
    _, retried = start(tmp_path / "home", run(folder, retry_failed=True), mended)

    assert (kept.failed, unasked.asked) == (1, [])
    assert (retried.failed, mended.asked) == (0, ["raise.png"])


def test_a_limit_takes_the_first_and_what_it_did_is_not_done_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", *(f"{number}.png" for number in range(6)))
    few, rest = StandInHandler(), StandInHandler()

    written, _ = start(tmp_path / "home", run(folder, limit=2), few)
    assert written.keys() == {"0.png", "1.png"}

    _, report = start(tmp_path / "home", run(folder), rest)
    assert report.predicted == 6
    assert rest.asked == ["2.png", "3.png", "4.png", "5.png"]


def test_a_sample_is_the_same_every_time_and_another_for_another_seed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", *(f"{number:02}.png" for number in range(40)))

    def sampled(seed: int) -> list[TaskKey]:
        with open_ledger(tmp_path / str(seed), run(folder).key) as ledger:
            run(folder, sample=5, seed=seed).note(ledger)
            return ledger.waiting(100)

    assert sampled(1) == sampled(1)
    assert len(sampled(1)) == 5
    assert sampled(1) != sampled(2)


def test_a_dry_run_draws_and_counts_and_keeps_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", "a.png", "b.png", "bad.png")

    sheet, done = run(folder).dry(
        images_of(StandInHandler()), LabelColours(), Settings(home=tmp_path / "home")
    )

    report = done.report

    assert sheet.width > 100
    assert (report.predicted, report.failed, report.facts.ledger) == (2, 1, "")
    assert not (tmp_path / "home").exists()


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("x")

    with (
        pytest.raises(BadRequest, match="found none"),
        open_ledger(tmp_path, run(tmp_path).key) as ledger,
    ):
        run(tmp_path / "in").note(ledger)


def test_a_label_config_that_reads_two_images_per_task_is_refused() -> None:
    """A folder does not say which belong together."""
    two = (
        '<View><Image name="left" value="$l"/><Image name="right" value="$r"/>'
        '<Choices name="a" toName="left"><Choice value="x"/></Choices>'
        '<Choices name="b" toName="right"><Choice value="x"/></Choices></View>'
    )

    with pytest.raises(BadRequest, match=r"'left' \(\$l\), 'right' \(\$r\)"):
        one_image(predictor(two))
    assert one_image(predictor()).data_key == "photo"
