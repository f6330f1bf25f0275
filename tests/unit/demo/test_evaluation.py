"""Holding predictions against the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backend.demo.evaluation import Labelled, Truth, boxes_of, compare
from backend.demo.images import demo_images
from backend.demo.report import Report, write_json
from backend.label_config.label_config import parse_label_config
from models.measures import Counts
from models.tiny.scenes import BACKGROUND_NAMES, SHAPES
from models.types import Box, Detection, ImageSize

SIZE = ImageSize(200, 100)
REPOSITORY = Path(__file__).parents[3]


def rectangle(label: str, *, x: float, width: float, score: float | None = 0.9) -> dict[str, Any]:
    return {
        "type": "rectanglelabels",
        "score": score,
        "value": {"x": x, "y": 0, "width": width, "height": 100, "rectanglelabels": [label]},
    }


def choice(*ticked: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": list(ticked)}}


def labelled(label: str, x_min: float, x_max: float) -> Labelled:
    return Labelled(label, Box(x_min, 0, x_max, 100))


def test_percent_becomes_pixels():
    """A region of half the image's width covers half of its pixels."""
    (found,) = boxes_of({"result": [rectangle("ring", x=25, width=50), choice("snow")]}, SIZE)

    assert found == Detection(Box(50, 0, 150, 100), "ring", 0.9)


def test_figures_of_a_mixed_run():
    """Right, wrong, surplus and missing predictions each count where they should."""
    truth = Truth(SIZE, (labelled("ring", 0, 100), labelled("star", 100, 200)), "snow")
    right = {"result": [rectangle("ring", x=0, width=50), choice("snow")]}
    wrong = {"result": [rectangle("heart", x=0, width=50), choice("night")]}
    several = {"result": [choice("snow", "night")]}

    tally = compare([(truth, right), (truth, wrong), (truth, several), (truth, None)])

    assert (tally.tasks, tally.predicted_tasks) == (4, 3)
    assert tally.boxes == Counts(hits=1, given=2, there=8)
    assert tally.boxes.f1 == pytest.approx(2 * 1 / (2 + 8))
    assert tally.tag_accuracy == pytest.approx(1 / 4)
    assert tally.tags == 4


def test_the_report_has_the_promised_keys(tmp_path: Path):
    """What CI reads from the JSON file."""
    report = Report.of(
        compare([(Truth(SIZE, (), "snow"), None)]),
        12.345,
        label_studio_version="1",
        firstpass_version="2",
        model_version="3",
    )
    write_json(report, tmp_path / "new" / "report.json")
    written = json.loads((tmp_path / "new" / "report.json").read_text())

    promised = "tasks predicted_tasks boxes f1_50 tag_accuracy label_studio_version"
    promised += " firstpass_version model_version seconds"
    assert set(promised.split()) <= written.keys()
    assert written["seconds"] == 12.3
    assert not report.complete


def test_the_images_and_the_label_config_use_the_same_words():
    """Every shape is a label of the demo's config and every background a choice."""
    config = parse_label_config((REPOSITORY / "label_config" / "demo.xml").read_text())
    named = {control.name: {label.value for label in control.labels} for control in config.controls}

    assert named == {"box": set(SHAPES), "scene": set(BACKGROUND_NAMES)}


def test_the_images_are_the_same_every_time():
    """Figures of two runs can be compared."""
    first, second = demo_images(3), demo_images(5)

    assert first == second[:3]
    assert len({image.name for image in second}) == 5
    assert all(image.truth.boxes for image in second)
