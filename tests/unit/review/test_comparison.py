"""What became of each part of a prediction: the cases that the recorded project does not hold."""

from __future__ import annotations

from backend.label_studio.records import AnnotationRow, PredictionRow
from backend.plain import Json
from backend.review.annotation_review import AnnotationReview, Beginning, Fate
from backend.review.comparison import base_of, review_of
from tests.reviewer import box


def reviewed(then: list[Json], now: list[Json], **annotation: object) -> AnnotationReview:
    base = PredictionRow(id=1, model_version="tiny-0123456789", result=then)
    given = {"lead_time": 5.0, "parent_prediction": 1, "result": now, **annotation}
    return review_of(AnnotationRow.model_validate(given), base)


def fates(review: AnnotationReview) -> list[Fate]:
    return [one.fate for one in review.regions]


def point(name: str, x: float) -> Json:
    made = box(name, "eye", x, 50, 1, 1, None)
    made["type"], made["value"] = "keypointlabels", {"x": x, "y": 50, "width": 1}
    made["value"]["keypointlabels"] = ["eye"]
    return made


def test_a_prediction_without_ids_is_compared_by_place() -> None:
    """The editor gives its regions new ids; what nobody touched was not drawn anew."""
    bare = {key: value for key, value in box("", "car", 10, 10, 20, 20, 0.9).items() if key != "id"}

    kept = reviewed([bare], [{**box("n1", "car", 10, 10, 20, 20, 0.9), "origin": "prediction"}])
    gone = reviewed([bare], [])

    assert (fates(kept), kept.added) == ([Fate.KEPT], ())
    assert fates(gone) == [Fate.DELETED]


def test_the_label_may_stand_in_an_entry_of_its_own() -> None:
    """`<Rectangle>` with `<Labels>`: two entries of one id are one region."""
    place = box("r", "car", 10, 10, 20, 20, 0.9)
    shape = {**place, "from_name": "rect", "type": "rectangle"}
    labels = {**place, "from_name": "lab", "type": "labels"}
    labels["value"] = {**place["value"], "labels": ["car"]}
    del labels["value"]["rectanglelabels"]
    shape["value"] = {key: place["value"][key] for key in ("x", "y", "width", "height")}
    now = {**labels, "value": {**labels["value"], "labels": ["bus"]}}

    found = reviewed([shape, labels], [shape, now])

    assert fates(found) == [Fate.RELABELLED]
    assert found.regions[0].key == ("lab", "car")
    assert found.edits == 1


def test_what_is_said_of_a_region_goes_with_it() -> None:
    """A choice of a deleted region is no further edit; one of a region that stays is."""
    boxes = [box(name, "car", x, 10, 20, 20, 0.9) for name, x in (("r", 10), ("s", 60))]
    said = [
        {
            **one,
            "from_name": "colour",
            "type": "choices",
            "value": {**one["value"], "choices": ["red"]},
        }
        for one in boxes
    ]
    blue = {**said[0], "value": {**said[0]["value"], "choices": ["blue"]}}

    found = reviewed([*boxes, *said], [boxes[0], blue])

    assert sorted(fates(found)) == [Fate.DELETED, Fate.KEPT]
    assert [one.fate for one in found.statements] == ["changed"]
    assert found.edits == 2


def test_key_points_are_kept_where_they_are() -> None:
    """They have no area to overlap."""
    assert fates(reviewed([point("p", 50)], [point("p", 51)])) == [Fate.KEPT]
    assert fates(reviewed([point("p", 50)], [point("p", 60)])) == [Fate.MOVED]


def test_key_points_without_ids_are_compared_by_place() -> None:
    """As boxes are: the editor gives them ids of its own. The nearest belong together."""
    bare = [{k: v for k, v in point("", x).items() if k != "id"} for x in (50.0, 51.5)]
    now = [{**point(f"n{x}", x), "origin": "prediction"} for x in (51.0, 49.0)]

    kept = reviewed(bare, now)

    assert (fates(kept), kept.added) == ([Fate.KEPT, Fate.KEPT], ())
    assert {one.thing.drawn.entry["value"]["x"] for one in kept.regions} == {50.0, 51.5}


def test_a_key_point_drawn_anew_where_one_was_deleted_stands_for_it() -> None:
    """But not one of another label, in another place, or on another page."""
    anew = {**point("n", 51), "origin": "manual"}
    other = {**anew, "value": {**anew["value"], "keypointlabels": ["ear"]}}

    found = reviewed([point("p", 50)], [anew])

    assert (fates(found), found.added) == ([Fate.REPLACED], ())
    for now in (other, {**anew, "item_index": 1}, {**point("n", 60), "origin": "manual"}):
        apart = reviewed([point("p", 50)], [now])
        assert (fates(apart), len(apart.added)) == ([Fate.DELETED], 1)


def test_a_box_drawn_on_another_page_does_not_stand_for_a_deleted_one() -> None:
    other = {**box("n", "car", 10, 10, 20, 20, None), "item_index": 1, "origin": "manual"}

    found = reviewed([{**box("r", "car", 10, 10, 20, 20, 0.9), "item_index": 0}], [other])

    assert fates(found) == [Fate.DELETED]
    assert len(found.added) == 1


def test_two_equal_boxes_are_two() -> None:
    """One was deleted, the other kept."""
    twins = [box(name, "car", 10, 10, 20, 20, 0.9) for name in ("r", "s")]

    assert sorted(fates(reviewed(twins, twins[:1]))) == [Fate.DELETED, Fate.KEPT]


def test_an_empty_prediction_is_one() -> None:
    """The models found nothing: what a person draws was missed."""
    found = reviewed([], [{**box("n", "car", 10, 10, 20, 20, None), "origin": "manual"}])

    assert found.began is Beginning.PREDICTION
    assert [one.key for one in found.added] == [("box", "car")]


def test_an_empty_prediction_that_was_accepted_in_bulk_was_seen_by_nobody() -> None:
    """Label Studio's action writes no time and names the parent; with its row only a copy may be left."""
    copy = {"id": 1, "model_version": "tiny-0123456789", "result": []}
    left = AnnotationRow.model_validate({"result": [], "lead_time": None, "prediction": copy})

    assert reviewed([], [], lead_time=None).began is Beginning.UNSEEN
    assert review_of(left, base_of(left, {})).began is Beginning.UNSEEN
    assert reviewed([], []).began is Beginning.PREDICTION
    assert reviewed([box("r", "car", 1, 1, 9, 9, 0.9)], []).began is Beginning.PREDICTION


def test_an_annotation_without_anything_began_from_nothing() -> None:
    left = AnnotationRow.model_validate({"result": [], "lead_time": None})

    assert review_of(left, None).began is Beginning.NOTHING


def test_a_copy_of_another_prediction_is_not_taken_for_the_one_that_was_deleted() -> None:
    """With its row the parent's id is gone; regions from it that the copy lacks tell."""
    mine = {**box("r", "car", 10, 10, 20, 20, 0.9), "origin": "prediction"}
    copy = {"id": 2, "model_version": "yolo-v8", "result": [box("z", "car", 70, 70, 9, 9, 0.9)]}
    annotation = AnnotationRow.model_validate(
        {"result": [mine], "lead_time": 5, "parent_prediction": None, "prediction": copy}
    )

    found = review_of(annotation, base_of(annotation, {}))

    assert found.began is Beginning.LOST


def test_submitted_untouched_in_no_time_is_told_apart() -> None:
    same = [box("r", "car", 10, 10, 20, 20, 0.9)]
    given = [{**same[0], "origin": "prediction"}]

    assert reviewed(same, given, lead_time=1.5).hasty
    assert not reviewed(same, given, lead_time=2.5).hasty
    assert not reviewed(same, [], lead_time=1.5).hasty


def test_what_cannot_be_read_ends_nothing() -> None:
    """Entries that are no regions, geometry that is none, labels that are no list."""
    odd = box("r", "car", 10, 10, 20, 20, 0.9)
    odd["value"] = {"x": "left", "y": 1, "width": 1, "height": 1, "rectanglelabels": "car"}

    found = reviewed([odd, None, 7, {}], [odd, "text", {"value": []}])  # type: ignore[list-item]

    assert fates(found) == [Fate.KEPT]
