"""Figures of choices on cases worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backend.evaluation.on_image import Ticked
from backend.evaluation.tag_figures import tag_figures

BOTH = {"day": 0.5, "wet": 0.5}


def ticked(scores: Mapping[str, float], *truth: str, multiple: bool = True) -> Ticked:
    least = BOTH if multiple else {"day": 0.0, "night": 0.0}
    return Ticked("a", "scene", multiple, scores, least, frozenset(truth))


def test_one_of_many() -> None:
    """Of each image the best choice is known."""
    got = tag_figures(
        [
            ticked({"day": 0.9}, "day", multiple=False),
            ticked({"day": 0.6}, "night", multiple=False),
            ticked({"night": 0.8}, "night", multiple=False),
            ticked({"night": 0.7}, "night", multiple=False),
        ]
    )

    assert (got.images, got.accuracy, got.auroc) == (4, 0.75, 1.0)
    assert got.ece == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    day, night = got.choices
    assert (day.choice, day.truths, day.ticked, day.precision, day.recall) == (
        "day",
        1,
        2,
        0.5,
        1.0,
    )
    assert (night.truths, night.ticked, night.precision) == (3, 2, 1.0)
    assert night.recall == pytest.approx(2 / 3)
    assert day.best_threshold is None


def test_any_number_of_choices() -> None:
    """Each is judged alone, and has a best threshold of its own."""
    got = tag_figures(
        [
            ticked({"day": 0.9, "wet": 0.2}, "day"),
            ticked({"day": 0.7, "wet": 0.4}, "wet"),
            ticked({"day": 0.1, "wet": 0.1}),
        ]
    )

    assert got.accuracy == pytest.approx(2 / 3)
    day, wet = got.choices
    assert (day.precision, day.recall, day.best_threshold, day.best_f1) == (0.5, 1.0, 0.75, 1.0)
    assert (wet.precision, wet.recall, wet.best_threshold, wet.best_f1) == (None, 0.0, 0.4, 1.0)
    assert (day.auroc, wet.auroc) == (1.0, 1.0)
    assert not day.is_enough
