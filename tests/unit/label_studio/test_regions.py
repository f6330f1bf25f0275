"""Model outputs -> regions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engine import engine_for
from backend.errors import InternalError, InvalidPrediction
from backend.label_studio.regions import build_prediction, regions_for_step, validate_regions
from backend.plan import Step, plan_label_config
from models.types import Box, Classification, Detection, Detections, ImageSize, ModelOutput

SIZE = ImageSize(640, 480)
MIDDLE = Box(64, 48, 320, 240)


def step_for(tags: str) -> Step:
    xml = f'<View><Image name="img" value="$image"/>{tags}</View>'
    return plan_label_config(xml, 0.3, engine_for("tiny")).steps[0]


BOXES = step_for(
    '<RectangleLabels name="box" toName="img"><Label value="Cat" predicted_values="cat"/>'
    '<Label value="Dog" predicted_values="dog" model_score_threshold="0.8"/></RectangleLabels>'
)
PAIRS = step_for(
    '<Rectangle name="rect" toName="img"/><Labels name="lab" toName="img"><Label value="cat"/></Labels>'
)
SINGLE = step_for(
    '<Choices name="scene" toName="img"><Choice value="in" predicted_values="kitchen,office"/>'
    '<Choice value="out" alias="o"/></Choices>'
)
MULTIPLE = step_for(
    '<Choices name="tags" toName="img" choice="multiple"><Choice value="a"/><Choice value="b"/></Choices>'
)


def found(phrase: str, score: float | None, box: Box = MIDDLE) -> Detection:
    return Detection(box, phrase, score)


def test_a_box_becomes_percent_of_the_image() -> None:
    """x, y, width, height are percent; the region says which image size they belong to."""
    (region,) = regions_for_step(BOXES, Detections((found("cat", 0.9),)), SIZE)

    assert region.pop("id")
    assert region == {
        "from_name": "box",
        "to_name": "img",
        "type": "rectanglelabels",
        "original_width": 640,
        "original_height": 480,
        "image_rotation": 0,
        "value": {
            "x": 10.0,
            "y": 10.0,
            "width": 40.0,
            "height": 40.0,
            "rotation": 0,
            "rectanglelabels": ["Cat"],
        },
        "score": 0.9,
    }


def test_each_label_has_its_own_threshold() -> None:
    """0.5 is enough for a cat (default 0.3) and too little for a dog (0.8)."""
    regions = regions_for_step(BOXES, Detections((found("cat", 0.5), found("dog", 0.5))), SIZE)

    assert [region["value"]["rectanglelabels"] for region in regions] == [["Cat"]]


def test_a_detection_without_a_score_is_not_passed_off_as_sure() -> None:
    """`None` reaches no threshold above zero."""
    assert regions_for_step(BOXES, Detections((found("cat", None),)), SIZE) == []


def test_a_pair_shares_id_and_geometry() -> None:
    """Rectangle + Labels: two regions that the editor shows as one."""
    rectangle, labels = regions_for_step(PAIRS, Detections((found("cat", 0.9),)), SIZE)

    assert rectangle["id"] == labels["id"]
    assert (rectangle["from_name"], rectangle["type"]) == ("rect", "rectangle")
    assert (labels["from_name"], labels["type"]) == ("lab", "labels")
    assert labels["value"] == {**rectangle["value"], "labels": ["cat"]}


def test_ids_are_stable_and_distinct() -> None:
    """The same input gives the same ids; two boxes that agree in everything still differ."""
    output = Detections((found("cat", 0.9), found("cat", 0.8), found("cat", 0.7, Box(0, 0, 9, 9))))

    first, second = (
        [region["id"] for region in regions_for_step(BOXES, output, SIZE)] for _ in range(2)
    )

    assert first == second
    assert len(set(first)) == 3


def test_single_choice_takes_the_best_and_adds_its_phrases() -> None:
    """Two phrases of one choice together outweigh the single best phrase."""
    output = Classification(("kitchen", "office", "out"), (0.3, 0.3, 0.4))

    (region,) = regions_for_step(SINGLE, output, SIZE)

    assert region["value"] == {"choices": ["in"]}
    assert region["score"] == 0.6


def test_a_choice_is_written_by_its_alias() -> None:
    """Label Studio ticks nothing for the plain value of a choice that has an alias."""
    (region,) = regions_for_step(
        SINGLE, Classification(("kitchen", "office", "out"), (0.1, 0.1, 0.8)), SIZE
    )

    assert region["value"] == {"choices": ["o"]}


@pytest.mark.parametrize(
    ("probabilities", "ticked"),
    [((0.9, 0.6), ["a", "b"]), ((0.9, 0.4), ["a"]), ((0.1, 0.1), None)],
)
def test_multiple_choice_ticks_what_is_more_likely_than_not(
    probabilities: tuple[float, float], ticked: list[str] | None
) -> None:
    """None may be ticked; then there is no region."""
    regions = regions_for_step(MULTIPLE, Classification(("a", "b"), probabilities), SIZE)

    assert [region["value"]["choices"] for region in regions] == ([ticked] if ticked else [])


@given(
    sides=st.tuples(*[st.floats(-500, 1500) for _ in range(4)]),
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
)
def test_coordinates_never_leave_the_image(
    sides: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    """Whatever the model says, each region is valid or absent."""
    x0, x1 = sorted(sides[:2])
    y0, y1 = sorted(sides[2:])
    if x0 == x1 or y0 == y1:
        return
    output = Detections((found("cat", 0.9, Box(x0, y0, x1, y1)),))

    regions = regions_for_step(BOXES, output, ImageSize(*size))

    validate_regions(regions)


@given(
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    extent=st.tuples(st.floats(0.01, 0.1), st.floats(0.01, 0.1)),
    size=st.tuples(st.integers(50, 5000), st.integers(50, 5000)),
)
def test_pixels_survive_the_way_through_percent(
    corner: tuple[float, float], extent: tuple[float, float], size: tuple[int, int]
) -> None:
    """Pixels -> percent -> pixels within half a pixel."""
    box = Box(
        corner[0] * size[0],
        corner[1] * size[1],
        (corner[0] + extent[0]) * size[0],
        (corner[1] + extent[1]) * size[1],
    )

    (region,) = regions_for_step(BOXES, Detections((found("cat", 0.9, box),)), ImageSize(*size))

    value = region["value"]
    back = (
        value["x"] * size[0] / 100,
        value["y"] * size[1] / 100,
        (value["x"] + value["width"]) * size[0] / 100,
        (value["y"] + value["height"]) * size[1] / 100,
    )
    assert back == pytest.approx((box.x_min, box.y_min, box.x_max, box.y_max), abs=0.5)


def test_the_prediction_score_is_the_mean_of_its_regions() -> None:
    """A pair of siblings counts once."""
    answers: list[tuple[Step, ModelOutput, ImageSize]] = [
        (PAIRS, Detections((found("cat", 0.9), found("cat", 0.5, Box(0, 0, 5, 5)))), SIZE),
        (MULTIPLE, Classification(("a", "b"), (0.7, 0.1)), SIZE),
    ]

    prediction = build_prediction(answers, "v1")

    assert prediction.score == 0.7
    assert prediction.model_version == "v1"


def test_nothing_found_is_an_empty_prediction_without_a_score() -> None:
    """There was nothing to be sure of, so no score is made up."""
    prediction = build_prediction([(BOXES, Detections(()), SIZE)], "v1")

    assert (prediction.result, prediction.score) == ([], None)


def test_an_output_of_another_kind_is_our_mistake() -> None:
    """Boxes cannot be filled from a classification."""
    with pytest.raises(InternalError, match="Classification"):
        regions_for_step(BOXES, Classification(("cat",), (1.0,)), SIZE)


def rectangle(**value: Any) -> dict[str, Any]:
    base = {"x": 1.0, "y": 1.0, "width": 10.0, "height": 10.0, "rotation": 0}
    return {
        "id": "a",
        "from_name": "box",
        "to_name": "img",
        "type": "rectanglelabels",
        "value": {**base, **value},
    }


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        ([rectangle(x=95.0)], "leaves the image"),
        ([rectangle(x=-1.0)], "expected 0..100"),
        ([rectangle(y=float("nan"))], "expected 0..100"),
        ([rectangle(width="10")], "expected a number"),
        ([rectangle() | {"score": "0.9"}], "expected a number"),
        ([rectangle() | {"score": 1.5}], "expected 0..1"),
        ([rectangle(), rectangle()], "appears twice"),
        ([rectangle() | {"type": "choices", "value": {"choices": "a"}}], "list of choices"),
        ([rectangle() | {"type": "video"}], "no check"),
    ],
)
def test_what_would_break_the_editor_is_refused(regions: list[dict[str, Any]], reason: str) -> None:
    """Label Studio's own check lets most of these through, and the editor then dies."""
    with pytest.raises(InvalidPrediction, match=reason):
        validate_regions(regions)
