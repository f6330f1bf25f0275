"""Model outputs -> regions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InternalError
from backend.label_config.calibration import Calibration
from backend.label_studio.bodies import Region
from backend.prediction.plan import Plan
from backend.prediction.read_regions import read_region
from backend.prediction.region_checks import validate_regions
from backend.prediction.regions import build_prediction, regions_for_image
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    ImageSize,
    ModelOutput,
    Texts,
)
from tests.unit.prediction.answers import SIZE, answered, found, outline, steps_for

BOXES = (
    '<RectangleLabels name="box" toName="img"><Label value="Cat" predicted_values="cat"/>'
    '<Label value="Dog" predicted_values="dog" model_score_threshold="0.8"/></RectangleLabels>'
)
PAIRS = '<Rectangle name="rect" toName="img"/><Labels name="lab" toName="img"><Label value="cat"/></Labels>'
SINGLE = (
    '<Choices name="scene" toName="img"><Choice value="in" predicted_values="kitchen,office"/>'
    '<Choice value="out" alias="o"/></Choices>'
)
MULTIPLE = '<Choices name="tags" toName="img" choice="multiple"><Choice value="a"/><Choice value="b"/></Choices>'
MOOD = '<Choices name="mood" toName="img" perRegion="true"{}><Choice value="calm"/><Choice value="wild"/></Choices>'
SECOND = Box(400, 100, 500, 200)


def regions(tags: str, *outputs: ModelOutput, size: ImageSize = SIZE) -> list[Region]:
    return regions_for_image(answered(tags, *outputs, size=size))


def told(*pairs: tuple[Detection, Any]) -> BoxOutputs:
    return BoxOutputs(tuple(BoxOutput(detection, output) for detection, output in pairs))


def test_a_box_becomes_percent_of_the_image() -> None:
    """x, y, width, height are percent; the region says which image size they belong to."""
    (region,) = regions(BOXES, Detections((found("cat", 0.9),)))

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
    made = regions(BOXES, Detections((found("cat", 0.5), found("dog", 0.5))))

    assert [region["value"]["rectanglelabels"] for region in made] == [["Cat"]]


def test_a_detection_without_a_score_is_not_passed_off_as_sure() -> None:
    """`None` reaches no threshold above zero."""
    assert regions(BOXES, Detections((found("cat", None),))) == []


def test_a_pair_shares_id_and_geometry() -> None:
    """Rectangle + Labels: two regions that the editor shows as one."""
    rectangle, labels = regions(PAIRS, Detections((found("cat", 0.9),)))

    assert rectangle["id"] == labels["id"]
    assert (rectangle["from_name"], rectangle["type"]) == ("rect", "rectangle")
    assert (labels["from_name"], labels["type"]) == ("lab", "labels")
    assert labels["value"] == {**rectangle["value"], "labels": ["cat"]}


def test_ids_are_stable_and_distinct() -> None:
    """The same input gives the same ids; two boxes that agree in everything still differ."""
    output = Detections((found("cat", 0.9), found("cat", 0.8), found("cat", 0.7, Box(0, 0, 9, 9))))

    first, second = ([region["id"] for region in regions(BOXES, output)] for _ in range(2))

    assert first == second
    assert len(set(first)) == 3


def test_single_choice_takes_the_best_and_adds_its_phrases() -> None:
    """Two phrases of one choice together outweigh the single best phrase."""
    output = Classification(("kitchen", "office", "out"), (0.3, 0.3, 0.4))

    (region,) = regions(SINGLE, output)

    assert region["value"] == {"choices": ["in"]}
    assert region["score"] == 0.6


def test_a_choice_is_written_by_its_alias() -> None:
    """Label Studio ticks nothing for the plain value of a choice that has an alias."""
    (region,) = regions(SINGLE, Classification(("kitchen", "office", "out"), (0.1, 0.1, 0.8)))

    assert region["value"] == {"choices": ["o"]}


@pytest.mark.parametrize(
    ("probabilities", "ticked"),
    [((0.9, 0.6), ["a", "b"]), ((0.9, 0.4), ["a"]), ((0.1, 0.1), None)],
)
def test_multiple_choice_ticks_what_is_more_likely_than_not(
    probabilities: tuple[float, float], ticked: list[str] | None
) -> None:
    """None may be ticked; then there is no region."""
    made = regions(MULTIPLE, Classification(("a", "b"), probabilities))

    assert [region["value"]["choices"] for region in made] == ([ticked] if ticked else [])


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

    validate_regions(regions(BOXES, output, size=ImageSize(*size)))


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

    (region,) = regions(BOXES, Detections((found("cat", 0.9, box),)), size=ImageSize(*size))

    value = region["value"]
    back = (
        value["x"] * size[0] / 100,
        value["y"] * size[1] / 100,
        (value["x"] + value["width"]) * size[0] / 100,
        (value["y"] + value["height"]) * size[1] / 100,
    )
    assert back == pytest.approx((box.x_min, box.y_min, box.x_max, box.y_max), abs=0.5)


def test_the_prediction_score_is_the_mean_of_its_regions() -> None:
    """Of a pair, and of what is per region, the region's own score counts."""
    mood = Classification(("calm", "wild"), (0.99, 0.01))
    cats = (found("cat", 0.9), found("cat", 0.5, SECOND))
    answers = answered(
        PAIRS + MULTIPLE + MOOD.format(""),
        Detections(cats),
        Classification(("a", "b"), (0.7, 0.1)),
        told((cats[0], mood), (cats[1], mood)),
    )

    prediction = build_prediction([answers], "v1")

    assert len(prediction.result) == 7
    assert prediction.score == 0.7
    assert prediction.model_version == "v1"


def test_nothing_found_is_an_empty_prediction_without_a_score() -> None:
    """There was nothing to be sure of, so no score is made up."""
    prediction = build_prediction([answered(BOXES, Detections(()))], "v1")

    assert (prediction.result, prediction.score) == ([], None)


@pytest.mark.parametrize(
    ("tags", "outputs"),
    [
        (BOXES, [Classification(("cat",), (1.0,))]),
        (SINGLE, [Detections(())]),
        ('<TextArea name="t" toName="img"/>', [Classification(("a",), (1.0,))]),
        (BOXES + MOOD.format(""), [Detections((found("cat", 0.9),)), Texts(("x",), 0.5)]),
        ('<Number name="n" toName="img" model_count="x"/>', [Texts(("x",), 0.5)]),
    ],
)
def test_an_output_of_another_kind_is_our_mistake(tags: str, outputs: list[ModelOutput]) -> None:
    """Boxes cannot be filled from a classification, nor choices from boxes."""
    with pytest.raises(InternalError, match="got a"):
        regions(tags, *outputs)


def test_what_is_per_region_shares_its_id_and_geometry() -> None:
    """Each sibling belongs to its own box, whatever the order of the answers."""
    cat, dog = found("cat", 0.9), found("dog", 0.85, SECOND)
    calm, wild = (Classification(("calm", "wild"), shares) for shares in ((0.8, 0.2), (0.1, 0.9)))

    made = regions(BOXES + MOOD.format(""), Detections((cat, dog)), told((dog, wild), (cat, calm)))

    boxes, moods = made[:2], made[2:]
    assert [region["id"] for region in moods] == [region["id"] for region in boxes]
    assert [region["value"]["choices"] for region in moods] == [["calm"], ["wild"]]
    assert [region["score"] for region in moods] == [0.8, 0.9]
    for box, mood in zip(boxes, moods, strict=True):
        geometry = {key: box["value"][key] for key in ("x", "y", "width", "height", "rotation")}
        assert mood["value"] == {**geometry, "choices": mood["value"]["choices"]}
        assert (mood["from_name"], mood["type"], mood["original_width"]) == ("mood", "choices", 640)
    validate_regions(made)


def test_a_box_that_is_not_drawn_has_no_siblings() -> None:
    """The dog is under its threshold, though it was asked about."""
    cat, dog = found("cat", 0.9), found("dog", 0.5, SECOND)
    calm = Classification(("calm", "wild"), (0.8, 0.2))

    made = regions(BOXES + MOOD.format(""), Detections((cat, dog)), told((cat, calm), (dog, calm)))

    assert len(made) == 2


def test_a_box_that_was_not_asked_about_is_drawn_without_siblings() -> None:
    """Too small to judge, or one of too many."""
    made = regions(BOXES + MOOD.format(""), Detections((found("cat", 0.9),)), told())

    assert [region["type"] for region in made] == ["rectanglelabels"]


def test_siblings_of_some_labels_alone() -> None:
    """whenLabelValue: the editor shows the choices for cats, so dogs get none."""
    cat, dog = found("cat", 0.9), found("dog", 0.85, SECOND)
    calm = Classification(("calm", "wild"), (0.8, 0.2))

    made = regions(
        BOXES + MOOD.format(' whenLabelValue="Cat"'),
        Detections((cat, dog)),
        told((cat, calm), (dog, calm)),
    )

    assert [region["id"] for region in made if region["type"] == "choices"] == [made[0]["id"]]


def test_an_outline_becomes_a_polygon_with_the_boxs_score() -> None:
    """In percent, the largest part alone; the outline's own probability is not the thing's."""
    cat = found("cat", 0.9)
    triangle = outline((64, 48), (320, 48), (320, 240))
    tags = '<PolygonLabels name="p" toName="img"><Label value="cat"/></PolygonLabels>'

    (region,) = regions(tags, Detections((cat,)), told((cat, triangle)))

    assert (region["type"], region["score"]) == ("polygonlabels", 0.9)
    assert region["value"] == {
        "points": [[10.0, 10.0], [50.0, 10.0], [50.0, 50.0]],
        "closed": True,
        "polygonlabels": ["cat"],
    }


@pytest.mark.parametrize("shape", ["Polygon", "Brush"])
def test_without_an_outline_nothing_is_drawn(shape: str) -> None:
    """Least of all the box in its place."""
    cat = found("cat", 0.9)
    tags = f'<{shape}Labels name="p" toName="img"><Label value="cat"/></{shape}Labels>'

    assert regions(tags, Detections((cat,)), told((cat, Detections(())))) == []
    assert regions(tags, Detections((cat,)), told()) == []


@pytest.mark.parametrize(
    ("shape", "geometry"),
    [
        ("Ellipse", {"x": 30.0, "y": 30.0, "radiusX": 20.0, "radiusY": 20.0, "rotation": 0}),
        ("KeyPoint", {"x": 30.0, "y": 30.0, "width": 0.5}),
    ],
)
def test_shapes_made_of_the_box(shape: str, geometry: dict[str, float]) -> None:
    """The ellipse that fills it, the point in its middle; alone or paired with Labels."""
    label = '<Label value="cat"/>'
    own = f'<{shape}Labels name="s" toName="img">{label}</{shape}Labels>'
    pair = f'<{shape} name="s" toName="img"/><Labels name="l" toName="img">{label}</Labels>'
    output = Detections((found("cat", 0.9),))
    kind = shape.lower()

    (alone,) = regions(own, output)
    drawn, labelled = regions(pair, output)

    assert (alone["type"], alone["value"]) == (
        f"{kind}labels",
        {**geometry, f"{kind}labels": ["cat"]},
    )
    assert (drawn["type"], drawn["value"]) == (kind, geometry)
    assert (labelled["type"], labelled["value"]) == ("labels", {**geometry, "labels": ["cat"]})
    assert drawn["id"] == labelled["id"]


def test_choices_of_a_mask_repeat_the_mask() -> None:
    """As of any other geometry."""
    cat = found("cat", 0.9)
    calm = Classification(("calm", "wild"), (0.8, 0.2))
    tags = (
        '<Brush name="b" toName="img"/><Labels name="l" toName="img"><Label value="cat"/></Labels>'
    )
    square = outline((64, 48), (320, 48), (320, 240), (64, 240))

    made = regions(
        tags + MOOD.format(""), Detections((cat,)), told((cat, square)), told((cat, calm))
    )

    assert [region["type"] for region in made] == ["brush", "labels", "choices"]
    assert len({str(region["value"]["rle"]) for region in made}) == 1
    validate_regions(made)


def test_text_boxes_carry_what_was_read() -> None:
    """One query gives the box and its text."""
    lines = (
        found("INVOICE", 0.9),
        found("12.50", 0.8, SECOND),
        found("smudge", 0.1, Box(0, 0, 9, 9)),
    )
    tags = (
        '<RectangleLabels name="line" toName="img" model_task="ocr"><Label value="Text"/></RectangleLabels>'
        '<TextArea name="read" toName="img" perRegion="true"/>'
    )

    made = regions(tags, Detections(lines))

    assert [region["value"].get("rectanglelabels") for region in made[:2]] == [["Text"], ["Text"]]
    assert [region["value"]["text"] for region in made[2:]] == [["INVOICE"], ["12.50"]]
    assert [region["id"] for region in made[2:]] == [region["id"] for region in made[:2]]


def test_text_of_a_region() -> None:
    """What stands in the box; a box with nothing in it gets none."""
    cat, dog = found("cat", 0.9), found("dog", 0.85, SECOND)
    tags = BOXES + '<TextArea name="t" toName="img" perRegion="true"/>'

    made = regions(
        tags, Detections((cat, dog)), told((cat, Texts(("Tom",), 0.7)), (dog, Texts((" ",), 0.9)))
    )

    (text,) = (region for region in made if region["type"] == "textarea")
    assert (text["id"], text["value"]["text"], text["score"]) == (made[0]["id"], ["Tom"], 0.7)


def test_a_caption_is_a_text_about_the_image() -> None:
    """It has no geometry; an empty one, or one under the tag's threshold, is none."""
    tag = '<TextArea name="t" toName="img"{}/>'

    (region,) = regions(tag.format(""), Texts(("a cat ",), 0.6))

    assert (region["type"], region["value"], region["score"]) == (
        "textarea",
        {"text": ["a cat"]},
        0.6,
    )
    assert regions(tag.format(""), Texts(("",), 0.6)) == []
    assert regions(tag.format(' model_score_threshold="0.7"'), Texts(("a cat",), 0.6)) == []


def test_text_of_the_image_is_in_reading_order() -> None:
    """Lines from the top, words from the left; what is too unsure is left out."""
    pieces = (
        found("world", 0.9, Box(60, 2, 110, 20)),
        found("below", 0.8, Box(0, 40, 50, 60)),
        found("hello", 0.7, Box(0, 0, 50, 20)),
        found("smudge", 0.1, Box(0, 80, 50, 99)),
    )

    (region,) = regions('<TextArea name="t" toName="img" model_task="ocr"/>', Detections(pieces))

    assert region["value"]["text"] == ["hello world\nbelow"]
    assert region["score"] == 0.8


@pytest.mark.parametrize(
    ("attributes", "number"),
    [
        ("", 2),
        ('model_count="Cat"', 1),
        ('model_count="Dog"', 1),
        ('model_score_threshold="0.1"', 4),
    ],
)
def test_boxes_are_counted(attributes: str, number: int) -> None:
    """Those of a label or all, above the same thresholds as they are drawn, or the count's own."""
    boxes = (
        found("cat", 0.9),
        found("dog", 0.85, SECOND),
        found("dog", 0.5, Box(0, 0, 9, 9)),
        found("cat", 0.2, Box(9, 9, 99, 99)),
    )

    made = regions(BOXES + f'<Number name="n" toName="img" {attributes}/>', Detections(boxes))

    assert made[-1]["value"] == {"number": number}
    assert isinstance(made[-1]["value"]["number"], int)
    assert len(made) == 3


def test_a_thing_that_two_tags_draw_is_counted_once() -> None:
    """As a box, and again as an ellipse."""
    tag = '<{0}Labels name="{0}" toName="img"><Label value="cat"/></{0}Labels>'
    tags = tag.format("Rectangle") + tag.format("Ellipse") + '<Number name="n" toName="img"/>'

    made = regions(tags, Detections((found("cat", 0.9), found("cat", 0.8, SECOND))))

    assert len(made) == 5
    assert made[-1]["value"] == {"number": 2}


def test_none_is_a_count_too() -> None:
    """Zero is an answer, without a score: there was nothing to be sure of."""
    (region,) = regions('<Number name="n" toName="img" model_count="x"/>', Detections(()))

    assert region["value"] == {"number": 0}
    assert "score" not in region


def test_regions_of_several_images_have_their_own_sizes() -> None:
    """Percent is of the image that the region is on."""
    front = answered(BOXES, Detections((found("cat", 0.9),)), size=ImageSize(640, 480))
    back = answered(BOXES, Detections((found("cat", 0.9),)), size=ImageSize(1280, 960))

    prediction = build_prediction([front, back], "v1")

    assert [region["original_width"] for region in prediction.result] == [640, 1280]
    assert [region["value"]["width"] for region in prediction.result] == [40.0, 20.0]


CALIBRATED = (
    '<RectangleLabels name="box" toName="img"><Label value="cat" model_score_threshold="0.4"{}/>'
    '<Label value="dog"/></RectangleLabels><Number name="n" toName="img" model_count="cat"/>'
)
CURVE = ' model_calibration="1 -2"'


def test_a_calibrated_score_goes_into_regions_and_the_raw_one_beside_it() -> None:
    """Thresholds are about raw scores: what is drawn is the same with and without calibration."""
    there = Detections(
        (found("cat", 0.5), found("cat", 0.3, SECOND), found("dog", 0.5, Box(1, 1, 50, 50)))
    )

    plain = regions(CALIBRATED.format(""), there)
    cat, dog, count = regions(CALIBRATED.format(CURVE), there)

    assert [one["id"] for one in plain] == [cat["id"], dog["id"], count["id"]]
    assert cat["score"] == count["score"] == 0.1192
    assert cat["meta"] == {"raw_score": 0.5}
    assert dog["score"] == 0.5
    assert "meta" not in dog
    assert read_region(cat).raw_score == read_region(dog).raw_score == 0.5  # type: ignore[union-attr]


def test_a_calibration_changes_the_version_and_asks_the_models_nothing_new() -> None:
    (plain, _), (curved, _) = (steps_for(CALIBRATED.format(text)) for text in ("", CURVE))

    assert Plan((plain,), ()).digest() != Plan((curved,), ()).digest()
    assert plain.queries == curved.queries


@given(st.floats(0.01, 20), st.floats(-20, 20), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_a_calibration_keeps_the_order_and_stays_a_share(
    slope: float, shift: float, pair: list[float]
) -> None:
    low, high = (Calibration(slope, shift).of(score) for score in sorted(pair))

    assert 0 <= low <= high <= 1
