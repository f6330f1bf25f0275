"""What a head names where nothing was predicted: places that the models found by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import Region
from backend.learning.head_file import head_bytes
from backend.learning.learned_tag import learned_tag
from backend.prediction.engine import Engine, engine_for
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.prediction.read_regions import PREDICTED_LABEL, RAW_SCORE
from backend.prediction.regions import ImageAnswers, build_prediction
from backend.queue.heads import HeadShelf
from models.heads import read_card
from models.queries import Detect, Judge, PerBox, Query
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Detection,
    Detections,
    ImageSize,
    Judgement,
    ModelOutput,
)
from tests.unit.learning.examples import evidence, observed
from tests.unit.learning.heads import CLASSIFIER, CONFIG

LABELS = ("car", "dog", "cat")
CAR = Detection(Box(100, 100, 200, 200), "car", 0.9)
A_DOG = Judgement(LABELS, (0.02, 0.96, 0.02))


def a_head_of_places() -> tuple[str, bytes]:
    """Names dogs where nothing was predicted, and changes nothing else."""
    found = [replace(one, predicted=None) for one in observed("car", "dog", 40, looks=5)]
    nothing = [replace(one, predicted=None) for one in observed("car", None, 40, looks=6)]
    some = evidence(observed("car", "car", 30, looks=0), found, nothing)
    made = head_bytes(CLASSIFIER, [learned_tag(some, 4000)])
    assert made is not None
    return made


NAME, DATA = a_head_of_places()
NAMED = with_head(CONFIG, ["box"], NAME)


def predictor(xml: str = NAMED, engine: Engine | None = None) -> Predictor:
    settings = PredictorSettings(
        engine or engine_for("tiny"), 0.3, None, heads=lambda name: read_card(DATA, name)
    )
    return settings.for_label_config(xml)


def regions(*places: tuple[Detection, Judgement], xml: str = NAMED) -> list[Region]:
    """The prediction where one car was predicted, and this was found besides."""
    plan = predictor(xml).plan
    step = plan.steps[0]
    besides = step.judging_places
    assert step.judging is not None
    assert besides is not None
    sure = Judgement(LABELS, (0.98, 0.01, 0.01))
    outputs: dict[Query, ModelOutput] = {
        step.boxes: Detections((CAR,)),
        step.judging: BoxOutputs((BoxOutput(CAR, sure),)),
        besides.boxes: Detections(tuple(one for one, _ in places)),
        besides: BoxOutputs(tuple(BoxOutput(one, judgement) for one, judgement in places)),
    }
    return build_prediction([ImageAnswers(plan.steps, outputs, ImageSize(1000, 1000))], "v").result


def test_what_else_there_is_is_looked_for_only_where_the_head_names_it() -> None:
    plain, learned = predictor(CONFIG), predictor()

    (image,) = learned.plan.images
    asked = set(learned.plan.queries(image)) - set(plain.plan.queries(image))
    tiling = learned.plan.steps[0].boxes.tiling  # type: ignore[union-attr]
    boxes = learned.plan.steps[0].boxes
    assert asked == {
        Detect(tiling),
        PerBox(Detect(tiling), Judge(NAME)),
        PerBox(boxes, Judge(NAME)),
    }
    assert not any(isinstance(query, Detect) for query in plain.plan.queries(image))
    assert learned.version != plain.version


def test_plan_says_that_it_is_looked_for(tmp_path: Path) -> None:
    HeadShelf(None, tmp_path / "home").put(NAME, DATA)
    config = tmp_path / "config.xml"
    config.write_text(NAMED)
    given = ("plan", str(config), "--model", "tiny", "--home", str(tmp_path / "home"))

    result = CliRunner().invoke(app, given, catch_exceptions=False)

    printed = " ".join(result.output.split())
    assert f"what was learned ({NAME}) judges it; and what Detect finds besides" in printed


def test_a_place_is_drawn_under_the_label_that_the_head_gives_it() -> None:
    """No label was predicted there, and thresholds have no say: both are told beside it."""
    place = Detection(Box(500, 500, 600, 600), "red star", 0.8)

    car, dog = regions((place, A_DOG))

    assert (car["value"]["rectanglelabels"], car["score"]) == (["car"], 0.9)
    assert dog["value"]["rectanglelabels"] == ["dog"]
    assert dog["score"] == pytest.approx(0.8 * 0.96)
    assert dog["meta"] == {RAW_SCORE: 0.8, PREDICTED_LABEL: ""}


@pytest.mark.parametrize(
    ("place", "judgement", "why"),
    [
        (Detection(Box(105, 100, 200, 200), "red star", 0.95), A_DOG, "a car is predicted there"),
        (Detection(Box(500, 500, 600, 600), "red star", 0.2), A_DOG, "below every threshold"),
        (
            Detection(Box(500, 500, 600, 600), "red star", 0.9),
            replace(A_DOG, unwanted=0.97),
            "it looks like what people mark as nothing",
        ),
        (
            Detection(Box(500, 500, 600, 600), "red star", 0.9),
            Judgement(LABELS, (0.02, 0.02, 0.96)),
            "cats are not named",
        ),
        (
            Detection(Box(500, 500, 600, 600), "red star", 0.9),
            Judgement(LABELS, (0.4, 0.45, 0.15), unwanted=0.9),
            "it is not sure what that is",
        ),
    ],
)
def test_a_place_is_left_where(place: Detection, judgement: Judgement, why: str) -> None:
    (car,) = regions((place, judgement))

    assert car["value"]["rectanglelabels"] == ["car"], why


def test_one_thing_is_named_once() -> None:
    """The surest of what overlaps, whatever the model calls it."""
    star = Detection(Box(500, 500, 600, 600), "red star", 0.8)
    circle = Detection(Box(502, 500, 600, 605), "red circle", 0.7)

    found = regions((circle, A_DOG), (star, A_DOG))

    assert [one["score"] for one in found] == [0.9, pytest.approx(0.8 * 0.96)]


def test_a_count_counts_what_is_named() -> None:
    number = '<Number name="dogs" toName="image" model_count="dog"/></View>'
    place = Detection(Box(500, 500, 600, 600), "red star", 0.8)

    found = regions((place, A_DOG), xml=NAMED.replace("</View>", number))

    (count,) = [one["value"]["number"] for one in found if one["from_name"] == "dogs"]
    assert count == 1


def test_where_no_model_finds_things_by_itself_all_is_as_without_a_head() -> None:
    """And it is said."""
    engine = engine_for("tiny")
    entries = tuple(replace(one, queries=one.queries - {Detect}) for one in engine.entries)
    unable = replace(engine, entries=entries)

    left, plain = predictor(NAMED, unable), predictor(CONFIG, unable)

    assert (left.version, left.plan.steps) == (plain.version, plain.plan.steps)
    (complaint,) = left.complaints
    assert "it names what is found besides what was asked for, and" in complaint
    assert "Detect" in complaint
