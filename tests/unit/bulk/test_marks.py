"""What one prediction says."""

from __future__ import annotations

from backend.bulk.marks import Mark, Marks, marks_of
from tests.unit.bulk.rows import choice, entry, polygon, rectangle


def test_each_label_of_each_control_has_its_regions_and_scores() -> None:
    """Two cars and a tree, and the scene."""
    marks = marks_of(
        [
            rectangle("a", "car", 0.5),
            rectangle("b", "car", 0.25),
            polygon("c", "tree", (0, 0), (9, 0), (9, 9)),
            choice("d", "street"),
        ]
    )

    assert marks.labels == (
        Mark("box", "car", 2, 2, 0.75, (50, 25)),
        Mark("outline", "tree", 1, 1, 0.5, (50,)),
        Mark("scene", "street", 1, 1, 0.9, (90,)),
    )
    assert (marks.regions, marks.entries) == (3, 4)


def test_a_rectangle_with_its_labels_and_what_is_said_of_it_is_one_region() -> None:
    """Siblings share an id; the bare rectangle names nothing by itself."""
    place = {"x": 1, "y": 2, "width": 3, "height": 4}
    marks = marks_of(
        [
            entry("a", "where", place),
            entry("a", "what", {**place, "labels": ["car"]}),
            entry("a", "state", {**place, "choices": ["clean"]}),
            entry("a", "plate", {**place, "text": ["AB 123"]}),
        ]
    )

    assert [(mark.control, mark.label, mark.regions) for mark in marks.labels] == [
        ("what", "car", 1),
        ("state", "clean", 1),
        ("plate", "", 1),
    ]
    assert (marks.regions, marks.entries) == (1, 1)


def test_a_shape_that_nothing_names_is_counted_for_its_control() -> None:
    marks = marks_of([entry("a", "spot", {"x": 1, "y": 2, "width": 0.5})])

    assert [(mark.control, mark.label) for mark in marks.labels] == [("spot", "")]
    assert marks.regions == 1


def test_texts_and_numbers_are_counted_not_listed() -> None:
    """Each text would be a label of its own."""
    marks = marks_of(
        [
            entry("a", "caption", {"text": ["a red car"]}),
            entry("b", "count", {"number": 3}),
            entry("c", "kind", {"taxonomy": [["Animal", "Cat"], ["Thing"]]}),
            entry("d", "part", {"choices": [["Car", "Door"]]}),
        ]
    )

    assert [(mark.control, mark.label) for mark in marks.labels] == [
        ("caption", ""),
        ("count", ""),
        ("kind", "Animal > Cat"),
        ("kind", "Thing"),
        ("part", "Car > Door"),
    ]
    assert marks.regions == 0


def test_a_region_without_a_score_counts_as_a_region_and_not_as_a_score() -> None:
    (mark,) = marks_of([rectangle("a", "car", None), rectangle("b", "car", 0.5)]).labels

    assert (mark.regions, mark.scored, mark.score_sum) == (2, 1, 0.5)


def test_marks_come_back_from_json_as_they_were() -> None:
    marks = marks_of([rectangle("a", 'Größe, "m"', 0.5), choice("b", "x", "y")])

    assert Marks.from_json(marks.to_json()) == marks
