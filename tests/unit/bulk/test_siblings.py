"""Regions read back."""

from __future__ import annotations

from backend.bulk.siblings import siblings_of
from backend.prediction.read_regions import read_regions
from backend.prediction.region_shapes import Rectangle
from tests.unit.bulk.rows import SIZE, choice, entry, rectangle


def test_entries_with_one_id_are_one_group_named_by_what_labels_it() -> None:
    """The bare rectangle comes first and speaks for nobody."""
    place = {"x": 1, "y": 2, "width": 3, "height": 4}
    (group,) = siblings_of(
        read_regions(
            [
                {**entry("a", "where", place), **SIZE},
                {**entry("a", "what", {**place, "labels": ["car"]}), "score": 0.5},
                entry("a", "plate", {**place, "text": ["AB 123"]}),
            ]
        )
    )

    assert (group.control, group.image) == ("what", "image")
    assert group.words == ("car", "AB 123")
    assert group.caption == "car, AB 123 0.50"
    assert group.place == Rectangle(1, 2, 3, 4)


def test_a_choice_has_no_place() -> None:
    drawn, said = siblings_of(read_regions([rectangle("a", "car", None), choice("b", "x", "y")]))

    assert drawn.place is not None
    assert drawn.caption == "car"
    assert (said.place, said.caption) == (None, "x, y 0.90")


def test_words_of_every_kind_of_control_are_read() -> None:
    groups = siblings_of(
        read_regions(
            [
                entry("a", "t", {"taxonomy": [["Animal", "Cat"]]}),
                entry("b", "n", {"number": 3}),
                entry("c", "c", {"text": "plain"}),
                entry("d", "k", {"x": 1, "y": 1, "width": 0.5, "keypointlabels": ["nose"]}),
            ]
        )
    )

    assert [group.words for group in groups] == [("Animal > Cat",), ("3",), ("plain",), ("nose",)]
