"""What a sweep advises: no more than the images tell."""

from __future__ import annotations

import pytest

from backend.evaluation.comparison import Compared, advice, compared
from backend.evaluation.evaluated import Evaluated, Seen, evaluated
from backend.evaluation.intervals import Interval
from backend.evaluation.on_image import LabelKey
from tests.unit.evaluation.sets import CAR, FAR, found, on_image


def row(
    way: str,
    f1: float | None,
    seconds: float,
    difference: tuple[float, float] | None = None,
    *,
    setting: str = "X=1",
    images: int = 100,
    accuracy: float | None = None,
) -> Compared:
    interval = Interval(*difference) if difference else None
    return Compared(
        "tiny", way, setting, images, f1, None, 0.5, 0.4, 0.3, 0.1, accuracy, seconds, interval
    )


NOW = row("now", 0.8, 1.0, setting="nothing to change")


@pytest.mark.parametrize(
    ("others", "begins", "holds"),
    [
        ([row("3 beams", 0.9, 3.0, (0.05, 0.15))], "Take '3 beams'", "To have it: X=1"),
        ([row("3 beams", 0.9, 3.0, (-0.01, 0.2))], "Stay", "F1 0.900 against 0.800"),
        ([row("1 beam", 0.8, 0.5, (-0.01, 0.01))], "Take '1 beam'", "as good and quicker"),
        ([row("1 beam", 0.8, 0.5, (-0.1, 0.1))], "Stay", "more than chance"),
        ([row("1 beam", 0.8, 0.9, (-0.01, 0.01))], "Stay", "more than chance"),
        ([row("joined", 0.9, 0.5, (0.05, 0.15), setting="")], "Stay", "no setting has it so"),
        (
            [row("tiles", 0.9, 9.0, (0.05, 0.15)), row("3 beams", 0.85, 3.0, (0.01, 0.1))],
            "Take 'tiles'",
            "9.00 s an image against 1.00 s",
        ),
        ([], "There was nothing", "100 images"),
    ],
)
def test_what_to_take(others: list[Compared], begins: str, holds: str) -> None:
    said = advice([NOW, *others])

    assert said.startswith(begins)
    assert holds in said


def test_few_images_are_said_to_be_few() -> None:
    said = advice([row("now", 0.8, 1.0, images=12), row("3 beams", 0.9, 3.0, (0.05, 0.15))])

    assert "12 images are few" in said


def test_choices_alone_are_compared_by_what_is_right() -> None:
    said = advice([row("now", None, 1.0, accuracy=0.8), row("now", None, 1.0, accuracy=0.9)])

    assert "0.900 against 0.800" in said
    assert "nothing to compare" in advice([row("now", None, 1.0, accuracy=0.8)])


def of(*right: bool) -> Evaluated:
    """Images with a car each, found or not."""
    boxes = [
        on_image(str(number), [found(CAR if yes else FAR)], [CAR])
        for number, yes in enumerate(right)
    ]
    images = tuple(str(number) for number in range(len(right)))
    return evaluated(Seen(images, {LabelKey("box", "car"): boxes}, {}, 0.5, "cpu"))


def test_rows_are_compared_with_the_first_on_the_same_images() -> None:
    many = 40
    worse, better = of(*[n % 2 == 0 for n in range(many)]), of(*[n % 4 != 0 for n in range(many)])

    first, second = compared([("tiny", "now", "", worse), ("tiny", "other", "X", better)])

    assert (first.f1, second.f1) == (0.5, 0.75)
    assert first.difference is None
    assert second.difference is not None
    assert second.difference.low < 0.25 < second.difference.high


def test_an_image_that_only_one_model_could_look_at_is_left_out_of_the_difference() -> None:
    whole, part = of(True, True, False), of(True, True)

    _, second = compared([("a", "now", "", whole), ("b", "now", "X", part)])

    assert second.difference == Interval(0.0, 0.0)
