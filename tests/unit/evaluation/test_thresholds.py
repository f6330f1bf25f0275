"""The best thresholds in the label config: which are written, and where."""

from __future__ import annotations

import resource
from codecs import BOM_UTF8
from pathlib import Path
from typing import cast

import pytest

from backend.dataset.target_project import TargetProject, target_project
from backend.errors import BadRequest
from backend.evaluation.evaluated import Evaluated, Seen, evaluated
from backend.evaluation.on_image import LabelKey, OnImage, Ticked
from backend.evaluation.thresholds import (
    in_file,
    in_project,
    threshold_changes,
)
from backend.label_config.label_config import parse_label_config
from backend.label_config.label_config_file import label_config_in
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Project
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.runs.output_file import OutputUnwritable
from tests.unit.evaluation.sets import CAR, FAR, found, on_image

CONFIG = (
    '<View><!-- mine -->\n<Image name="image" value="$photo"/>\n'
    '<RectangleLabels name="box" toName="image">\n  <Label value="car" background="red"/>\n'
    '  <Label value="dog"/></RectangleLabels>\n'
    '<Choices name="scene" toName="image" choice="multiple"><Choice value="day"/></Choices></View>'
)
PREDICTORS = PredictorSettings(engine_for("tiny"), 0.3, None)


def cars(count: int, label: str = "car") -> list[OnImage]:
    """Right boxes at 0.8 and wrong ones at 0.5: the best threshold is 0.55."""
    return [
        on_image(str(number), [found(CAR, 0.8, label), found(FAR, 0.5, label)], [CAR], label=label)
        for number in range(count)
    ]


def measured(
    cars_count: int = 12, dogs_count: int = 3, ticked: list[Ticked] | None = None
) -> Evaluated:
    boxes = {
        LabelKey("box", "car"): cars(cars_count),
        LabelKey("box", "dog"): cars(dogs_count, "dog"),
    }
    images = tuple(str(number) for number in range(max(cars_count, dogs_count)))
    return evaluated(Seen(images, boxes, {"scene": ticked} if ticked else {}, 1.0, "cpu"))


def days(count: int) -> list[Ticked]:
    """Ticked by people from 0.25 on, by the label config from 0.5 on."""
    return [
        Ticked(str(number), "scene", True, {"day": score}, {"day": 0.5}, frozenset(truth))
        for number in range(count)
        for score, truth in ((0.25, {"day"}), (0.1, set()))
    ]


def test_a_label_with_few_boxes_keeps_its_threshold_and_says_why() -> None:
    car, dog = threshold_changes(measured())

    assert (car.now, car.best, car.kept_because) == (0.3, 0.55, "")
    assert "0.3 -> 0.55, F1 0.667 -> 1.000" in car.line
    assert "people marked it 3 times; with under 10" in dog.line


def test_a_threshold_that_is_best_already_stays() -> None:
    boxes = {LabelKey("box", "car"): [on_image(str(n), [found(CAR)], [CAR]) for n in range(12)]}
    (car,) = threshold_changes(evaluated(Seen(("0",), boxes, {}, 1.0, "cpu")))

    assert car.kept_because == "no other threshold is better"


def test_they_are_written_into_the_file_and_nothing_else_of_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.xml"
    path.write_text(CONFIG)

    written = in_file(path, CONFIG, threshold_changes(measured(ticked=days(12))), PREDICTORS)

    after = path.read_text()
    assert (written.count, written.place) == (2, str(path))
    assert written.before == PREDICTORS.for_label_config(CONFIG).version
    assert written.after == PREDICTORS.for_label_config(after).version != written.before
    expected = CONFIG.replace(
        '<Label value="car"', '<Label value="car" model_score_threshold="0.55"'
    ).replace('<Choice value="day"', '<Choice value="day" model_score_threshold="0.25"')
    assert after == expected
    box, _ = parse_label_config(after).controls
    assert [label.score_threshold for label in box.labels] == [0.55, None]


def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    path, text = tmp_path / "c.xml", CONFIG.replace("\n", "\r\n")
    path.write_bytes(BOM_UTF8 + text.encode())

    in_file(path, label_config_in(path), threshold_changes(measured()), PREDICTORS)

    wanted = text.replace('value="car"', 'value="car" model_score_threshold="0.55"')
    assert path.read_bytes() == BOM_UTF8 + wanted.encode()


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.xml"
    path.write_text(CONFIG.replace("mine", "yours"))

    with pytest.raises(BadRequest, match="changed while it was measured"):
        in_file(path, CONFIG, threshold_changes(measured()), PREDICTORS)

    assert path.read_text() == CONFIG.replace("mine", "yours")


def test_without_room_for_it_the_file_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c.xml"
    path.write_text(CONFIG)
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONFIG) + 3, most))
    try:
        with pytest.raises(OutputUnwritable, match="cannot be written"):
            in_file(path, CONFIG, threshold_changes(measured()), PREDICTORS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))

    assert path.read_text() == CONFIG


def test_where_nothing_is_better_the_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.xml"
    path.write_text(CONFIG)
    before = path.stat().st_mtime_ns

    written = in_file(path, CONFIG, threshold_changes(measured(3, 3)), PREDICTORS)

    assert (written.count, written.before) == (0, written.after)
    assert path.stat().st_mtime_ns == before


class StandInApi:
    """A project whose label config can be changed."""

    url = "http://label-studio"

    def __init__(self) -> None:
        self.config = CONFIG

    def project(self, project: int) -> Project:
        return Project(
            id=project, title="Cars", created_at="2026-01-01T00:00:00Z", label_config=self.config,
            task_number=1, model_version="", show_collab_predictions=True,
        )  # fmt: skip

    def update_project(self, project: int, *, label_config: str) -> None:
        self.config = label_config


def target(api: StandInApi) -> TargetProject:
    return target_project(cast("LabelStudioApi", api), 3, PREDICTORS)


def test_they_are_written_into_the_project() -> None:
    api = StandInApi()

    written = in_project(api, target(api), threshold_changes(measured()))  # type: ignore[arg-type]

    assert 'value="car" model_score_threshold="0.55"' in api.config
    assert written.after == PREDICTORS.for_label_config(api.config).version


def test_a_label_config_that_changed_meanwhile_is_left_alone() -> None:
    api = StandInApi()
    measured_then = target(api)
    api.config = CONFIG.replace("mine", "theirs")

    with pytest.raises(BadRequest, match="nothing is written"):
        in_project(api, measured_then, threshold_changes(measured()))  # type: ignore[arg-type]

    assert "model_score_threshold" not in api.config
