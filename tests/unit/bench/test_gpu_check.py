"""The check of a GPU: it runs from end to end with small models, and tells what it found."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from models.florence2.parsing import Answer
from tests.bench import gpu_check, gpu_check_models, gpu_check_peaks
from tests.bench.gpu_check_agreement import compared
from tests.bench.gpu_check_plan import SMOKE
from tests.bench.gpu_check_report import Found, markdown


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The report of one trial on a CPU, as JSON and as Markdown."""
    folder = tmp_path_factory.mktemp("gpu-check")
    paths = [folder / "found.json", folder / "found.md"]
    arguments = ["--smoke", "--report", *map(str, paths)]
    assert gpu_check.main(arguments) == 0
    return json.loads(paths[0].read_text()), paths[1].read_text()


def test_every_planned_figure_is_measured(trial: tuple[dict[str, Any], str]) -> None:
    found, _ = trial
    asked = {(row["images"], row["labels"]) for row in found["speeds"] if row["beams"] == 1}

    assert found["skipped"] == []
    assert asked == {(images, labels) for images in SMOKE.images for labels in SMOKE.labels}
    assert {row["beams"] for row in found["speeds"]} == {1, 3}
    assert [row["images"] for row in found["towers"]] == list(SMOKE.tower)
    assert {row["dtype"] for row in found["loads"]} == {"float32"}
    rows = [*found["speeds"], *found["towers"], *found["tags"]]
    assert min(row["images_per_s"] for row in rows) > 0


def test_a_batch_answers_as_single_images_do_and_the_answers_are_unlike(
    trial: tuple[dict[str, Any], str],
) -> None:
    found, _ = trial
    answered = [row for row in found["agreements"] if row["answers"] is not None]

    images, labels = SMOKE.compared
    assert {row["answers"] for row in answered} == {images * labels}
    assert all(row["equal"] == row["answers"] and row["unlike"] > 1 for row in answered)
    assert max(row["largest_gap"] for row in found["agreements"]) < 1e-4


def test_the_tables_have_a_row_for_each_figure(trial: tuple[dict[str, Any], str]) -> None:
    found, text = trial
    lines = text.splitlines()
    tables = [line for line in lines if line.startswith("|") and not line.startswith("| ---")]

    kept = ("loads", "towers", "speeds", "shares", "tags", "agreements")
    headings = sum(line.startswith("###") for line in lines)
    assert headings == len(kept)
    assert len(tables) == headings + sum(len(found[name]) for name in kept)
    assert text.startswith("**no GPU")


def test_examples_in_docstrings_hold() -> None:
    attempted = 0
    for module in (gpu_check_models, gpu_check_peaks):
        results = doctest.testmod(module)
        attempted += results.attempted
        assert results.failed == 0
    assert attempted >= 3


def test_answers_that_differ_are_counted_and_compared_up_to_the_difference() -> None:
    same = Answer((1, 2, 3), (-0.5, -0.25, -1.0), (0.0,) * 3, ((),) * 3, True)
    other = Answer((1, 2, 4), (-0.5, -0.75, -9.0), (0.0,) * 3, ((),) * 3, True)

    found = compared([same, same], [same, other])

    assert found == {"answers": 2, "unlike": 2, "equal": 1, "largest_gap": 0.5}


def test_without_a_gpu_there_is_one_sentence_and_no_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert gpu_check.main(["--report", str(tmp_path / "found.md")]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "expected a GPU that torch sees, found none" in told.err
    assert list(tmp_path.iterdir()) == []


def test_steps_that_find_no_time_or_no_memory_are_named_as_not_measured() -> None:
    found = Found({"name": "a card", "torch": "2", "runtime": "CUDA", "transformers": "5"}, {})
    found.settings |= {"tokens": 12, "rounds": 3}

    def too_much() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    gpu_check._take("large", too_much, found, 330.0)
    found.seconds["base"] = 400.0
    gpu_check._take("CLIP", too_much, found, 330.0)

    text = markdown(found)
    assert "Not measured: large, as the card's memory was too small." in text
    assert "Not measured: CLIP, as 330 s were over." in text
