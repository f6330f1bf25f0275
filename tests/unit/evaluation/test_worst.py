"""What was missed, false and badly placed."""

from __future__ import annotations

from PIL import Image

from backend.evaluation.pictures import COLOURS, drawn
from backend.evaluation.worst import Mark, marks_on, worst_images
from backend.pages.inline_picture import inline_jpeg
from models.matching import Ignored
from models.types import Box
from tests.unit.evaluation.sets import CAR, FAR, found, on_image

#: It overlaps `CAR` with an IoU of a third.
BESIDE_CAR = Box(20, 10, 40, 30)


def kinds(*arguments: object) -> list[tuple[str, Box]]:
    return [(mark.kind, mark.box) for mark in marks_on(on_image("a", *arguments))]  # type: ignore[arg-type]


def test_a_right_box_and_a_missed_one() -> None:
    assert kinds([found(CAR)], [CAR, FAR]) == [("right", CAR), ("there", CAR), ("missed", FAR)]


def test_a_box_beside_the_thing_is_badly_placed_and_not_also_missed() -> None:
    assert kinds([found(BESIDE_CAR)], [CAR]) == [("misplaced", BESIDE_CAR), ("meant", CAR)]


def test_a_box_of_nothing_is_false_and_so_is_a_second_one_of_the_same_thing() -> None:
    assert kinds([found(FAR)], [CAR]) == [("false", FAR), ("missed", CAR)]
    assert ("false", BESIDE_CAR) in kinds([found(CAR), found(BESIDE_CAR)], [CAR])


def test_what_is_ignored_or_below_the_threshold_is_no_mistake() -> None:
    assert kinds([found(FAR)], [], [Ignored("car", FAR)]) == []
    assert kinds([found(FAR, 0.2)], []) == []


def test_the_worst_come_first_and_the_flawless_not_at_all() -> None:
    """Mistakes of all labels of an image add up."""
    ranked = worst_images(
        [
            on_image("good", [found(CAR)], [CAR]),
            on_image("one", [], [CAR]),
            on_image("two", [found(FAR)], [CAR]),
            on_image("two", [found(FAR, 0.9, "dog")], [], label="dog"),
        ]
    )

    assert [(one.image, one.missed, one.false, one.misplaced) for one in ranked] == [
        ("two", 1, 2, 0),
        ("one", 1, 0, 0),
    ]
    assert len(worst_images((on_image(str(n), [], [CAR]) for n in range(9)), most=4)) == 4


def test_marks_are_drawn_in_their_colours_on_a_smaller_copy() -> None:
    image = Image.new("RGB", (1280, 640), "white")

    picture = drawn(image, [Mark("false", "car", Box(200, 200, 600, 400), 0.5)])

    assert (picture.size, image.size) == ((640, 320), (1280, 640))
    assert picture.getpixel((100, 150)) == COLOURS["false"][0]
    assert picture.getpixel((200, 150)) == (255, 255, 255)
    assert inline_jpeg(picture).startswith("data:image/jpeg;base64,")


def test_what_people_drew_is_dashed() -> None:
    picture = drawn(
        Image.new("RGB", (200, 100), "white"), [Mark("missed", "", Box(10, 50, 190, 90))]
    )

    along = {picture.getpixel((x, 50)) for x in range(12, 188)}
    assert along == {COLOURS["missed"][0], (255, 255, 255)}
