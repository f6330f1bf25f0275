"""What is asked of each box that another query finds."""

from __future__ import annotations

from models.per_box import asked_first, collected, questions
from models.queries import Caption, Classify, Ground, InBox, PerBox, ReadText
from models.types import Box, BoxOutput, Classification, Detection, Detections, Texts

CARS = Ground(("car",))
COLOURS = Classify(("red", "blue"))


def car(score: float | None, left: float = 0, side: float = 50) -> Detection:
    return Detection(Box(left, 0, left + side, side), "car", score)


def test_boxes_are_found_first_and_once() -> None:
    """Two questions about the same boxes, and the boxes themselves, are one query to begin with."""
    asked = (PerBox(CARS, "text"), CARS, PerBox(CARS, COLOURS), PerBox(ReadText(), COLOURS))

    assert asked_first((Caption(), *asked)) == (Caption(), CARS, ReadText())


def test_the_best_boxes_are_asked_about() -> None:
    """In order, down to the least score and up to the limit; how many are left out is said."""
    query = PerBox(CARS, "text", limit=2, least_score=0.3)
    found = Detections((car(0.9, 0), car(0.5, 100), car(0.4, 200), car(0.2, 300)))

    asked = questions({query: found})

    assert asked == (InBox(found.items[0].box, "text"), InBox(found.items[1].box, "text"))
    outputs = collected(query, found, dict.fromkeys(asked, Texts(("a",), 0.5)))
    assert [item.detection for item in outputs.items] == list(found.items[:2])
    assert outputs.truncated == 1


def test_boxes_below_the_least_score_are_not_counted_as_left_out() -> None:
    query = PerBox(CARS, "text", limit=2)
    found = Detections((car(0.9), car(0.05, 100), car(None, 200)))

    outputs = collected(query, found, {InBox(found.items[0].box, "text"): Texts(("a",), 0.5)})

    assert (len(outputs.items), outputs.truncated) == (1, 0)


def test_a_box_of_a_few_pixels_is_not_shown_to_clip() -> None:
    """It would be answered with a guess; Florence-2 sees the whole image and is asked."""
    found = Detections((car(0.9, side=20),))

    assert questions({PerBox(CARS, COLOURS): found}) == ()
    assert len(questions({PerBox(CARS, "category"): found})) == 1


def test_one_question_of_two_queries_is_asked_once() -> None:
    found = Detections((car(0.9),))

    assert len(questions({PerBox(CARS, "text"): found, PerBox(CARS, "text", limit=9): found})) == 1


def test_each_answer_stands_beside_its_box() -> None:
    query = PerBox(CARS, COLOURS)
    found = Detections((car(0.9, 0), car(0.8, 100)))
    red, blue = (
        Classification(("red", "blue"), (0.9, 0.1)),
        Classification(("red", "blue"), (0.2, 0.8)),
    )

    outputs = collected(
        query,
        found,
        {InBox(found.items[1].box, COLOURS): blue, InBox(found.items[0].box, COLOURS): red},
    )

    assert outputs.items == (BoxOutput(found.items[0], red), BoxOutput(found.items[1], blue))


def test_an_outline_that_fits_no_box_leaves_it_without_one() -> None:
    """No region is drawn then, least of all the box itself as an outline."""
    query = PerBox(CARS, "outline")
    found = Detections((car(0.9),))
    far = ((400.0, 400.0), (420.0, 400.0), (420.0, 430.0))
    said = Detections((Detection(Box(400, 400, 420, 430), "", 0.9, polygon=far),))

    (item,) = collected(query, found, {InBox(found.items[0].box, "outline"): said}).items

    assert item.output == Detections(())
