"""What people submitted in Label Studio, read as truth."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from backend.evaluation.annotations import chosen_annotation, truths_of
from backend.evaluation.labelled import TrueBox
from backend.label_studio.records import AnnotationRow
from backend.prediction.brush_rle import rle_of_outlines
from models.types import Box, ImageSize


def region(kind: str, value: dict[str, Any], control: str = "box") -> dict[str, Any]:
    return {
        "id": "r", "from_name": control, "to_name": "img", "type": kind, "value": value,
        "original_width": 200, "original_height": 100, "image_rotation": 0,
    }  # fmt: skip


RECTANGLE = {"x": 10, "y": 20, "width": 20, "height": 40, "rotation": 0}


def boxes(*regions: dict[str, Any]) -> tuple[TrueBox, ...]:
    troubles: Counter[str] = Counter()
    found = truths_of(regions, troubles)
    assert not troubles
    return found["img"].boxes


def rounded(box: Box) -> tuple[float, ...]:
    return tuple(round(side, 4) for side in (box.x_min, box.y_min, box.x_max, box.y_max))


def test_a_rectangle_in_percent_is_a_box_in_fractions() -> None:
    found = boxes(region("rectanglelabels", {**RECTANGLE, "rectanglelabels": ["Car"]}))

    assert [(one.label, one.control, rounded(one.box)) for one in found] == [
        ("Car", "box", (0.1, 0.2, 0.3, 0.6))
    ]


@pytest.mark.parametrize(
    ("kind", "value", "around"),
    [
        # Turned by 90 degrees around its corner, 40 pixels wide and 40 high on 200x100: it lies to the left.
        ("rectanglelabels", {**RECTANGLE, "x": 50, "rotation": 90}, (0.3, 0.2, 0.5, 0.6)),
        ("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20}, (0.4, 0.3, 0.6, 0.7)),
        ("polygonlabels", {"points": [[10, 20], [30, 25], [20, 60]]}, (0.1, 0.2, 0.3, 0.6)),
    ],
)
def test_other_shapes_count_by_the_box_around_them(
    kind: str, value: dict[str, Any], around: tuple[float, ...]
) -> None:
    (one,) = boxes(region(kind, {**value, kind: ["Car"]}))

    assert rounded(one.box) == around


def test_a_brush_counts_by_the_box_around_what_is_painted() -> None:
    size = ImageSize(200, 100)
    painted = ((20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0))
    rle = rle_of_outlines([painted], size)

    (one,) = boxes(region("brushlabels", {"format": "rle", "rle": rle, "brushlabels": ["Car"]}))

    assert rounded(one.box) == pytest.approx((0.1, 0.2, 0.3, 0.6), abs=0.011)


def test_a_pair_of_shape_and_labels_is_one_box_and_two_labels_are_two() -> None:
    found = boxes(
        region("rectangle", RECTANGLE, "shape"),
        region("labels", {**RECTANGLE, "labels": ["Car", "Red"]}, "names"),
    )

    assert [(one.label, one.control) for one in found] == [("Car", "names"), ("Red", "names")]


def test_choices_and_taxonomies_are_tags_unless_they_are_of_a_region() -> None:
    found = truths_of(
        [
            region("choices", {"choices": ["day", "dry"]}, "scene"),
            region("taxonomy", {"taxonomy": [["Animal", "Dog"], ["Plant"]]}, "kind"),
            region("choices", {**RECTANGLE, "choices": ["new"]}, "state"),
        ],
        Counter(),
    )

    assert found["img"].tags == {
        "scene": frozenset({"day", "dry"}),
        "kind": frozenset({"Animal > Dog", "Plant"}),
    }
    assert found["img"].boxes == ()


def test_what_has_no_box_is_counted_and_relations_are_passed_over() -> None:
    troubles: Counter[str] = Counter()

    found = truths_of(
        [
            region("keypointlabels", {"x": 1, "y": 2, "width": 1, "keypointlabels": ["Car"]}),
            region("polygonlabels", {"points": [[1, 2]], "polygonlabels": ["Car"]}),
            {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
            "nonsense",
        ],
        troubles,
    )

    assert found["img"].boxes == ()
    assert troubles == {"regions without a box, key points": 1, "regions that cannot be read": 1}


def annotation(number: int, **more: object) -> AnnotationRow:
    body = {"id": number, "result": [], "updated_at": f"2026-01-0{number}T00:00:00Z", **more}
    return AnnotationRow.model_validate(body)


@pytest.mark.parametrize(
    ("annotations", "chosen"),
    [
        ([annotation(1), annotation(2)], 2),
        ([annotation(2), annotation(1)], 2),
        ([annotation(1, ground_truth=True), annotation(2)], 1),
        ([annotation(1), annotation(2, was_cancelled=True)], 1),
        ([annotation(1, was_cancelled=True)], None),
        ([annotation(1, updated_at="2026-02-01T00:00:00Z"), annotation(2)], 1),
        ([], None),
    ],
)
def test_of_several_annotations_ground_truth_comes_first_then_the_newest(
    annotations: list[AnnotationRow], chosen: int | None
) -> None:
    """Skipped ones are none."""
    found = chosen_annotation(annotations)

    assert (found and found.id) == chosen


def test_the_size_is_what_the_regions_say() -> None:
    found = truths_of(
        [region("rectanglelabels", {**RECTANGLE, "rectanglelabels": ["a"]})], Counter()
    )
    assert found["img"].size == ImageSize(200, 100)


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((200.0, 100), ImageSize(200, 100)),
        ((10**400, 100), None),
        ((0.5, 100), None),
        (("2", 1), None),
    ],
)
def test_sides_of_an_image_are_taken_however_they_are_written(
    sides: tuple[object, object], size: ImageSize | None
) -> None:
    """Those that no image has are not known, and the box stays."""
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["Car"]}
    written = {"original_width": sides[0], "original_height": sides[1]}

    truth = truths_of([region("rectanglelabels", value) | written], Counter())["img"]

    assert truth.size == size
    assert [box.label for box in truth.boxes] == ["Car"]
