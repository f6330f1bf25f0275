"""Curves from raw scores to shares of right boxes, fitted to what reviews say.

A straight line over the logit: few boxes fix two numbers. All labels of a tag share one, and each has its own, which
its boxes draw away from the shared one, the further the more there are. Labels differ mostly in how often they are
right at all, so the shift may stray far and the slope only a little. A tag's curves are taken only where they say it
better than the scores of now, on images that they were not fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.evaluation.intervals import Interval
from backend.label_config.calibration import MOST, Calibration, logit

__all__ = ["ENOUGH", "Judged", "TagCurves", "tag_curves"]

#: Reviewed boxes that a tag needs for any curve.
ENOUGH = 50
#: How far slope and shift are expected to stray: the shared ones from the scores as they are, a label's from these.
_OF_TAG, _OF_LABEL = (1.0, 2.0), (0.3, 1.2)
_FOLDS = 5
_DRAWS = 1000
#: Of 80 of 100 cases: a curve near the scores of now does little where it was chance.
_RANGE = (0.1, 0.9)
_LEAST_SLOPE = 0.05
_STEPS = 60

_AS_IT_IS = Calibration(1.0, 0.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """A reviewed box: its raw score, whether it was right, and the image it is on."""

    score: float
    right: bool
    image: int


@dataclass(frozen=True, slots=True)
class TagCurves:
    """The curves of a tag's labels; empty where none is taken, and `why` says why not.

    `gain` is how much better they say it, in nats a box, on images that they were not fitted to.
    """

    curves: Mapping[str, Calibration]
    boxes: int
    gain: Interval | None = None
    why: str = ""


def tag_curves(
    labels: Mapping[str, Sequence[Judged]], now: Mapping[str, Calibration | None]
) -> TagCurves:
    """The curves of one tag from all its labels' reviewed boxes; `now` has those that are set."""
    labels = {name: boxes for name, boxes in labels.items() if boxes}
    every = [box for boxes in labels.values() for box in boxes]
    if len(every) < ENOUGH:
        missing = ENOUGH - len(every)
        boxes = "box is" if missing == 1 else "boxes are"
        return TagCurves({}, len(every), why=f"too few: {missing} reviewed {boxes} missing")
    if all(box.right for box in every) or not any(box.right for box in every):
        return TagCurves({}, len(every), why="all boxes were right, or all wrong")
    gain = _gain(labels, now)
    if gain is None or gain.low <= 0:
        return TagCurves({}, len(every), gain, why="the scores of now say it as well")
    return TagCurves(_fitted(labels), len(every), gain)


def _fitted(labels: Mapping[str, Sequence[Judged]]) -> dict[str, Calibration]:
    shared = _fit([box for boxes in labels.values() for box in boxes], (1.0, 0.0), _OF_TAG)
    return {
        name: Calibration(
            *(round(each, 4) for each in (_fit(boxes, shared, _OF_LABEL) if boxes else shared))
        )
        for name, boxes in labels.items()
    }


def _fit(
    boxes: Sequence[Judged], expected: tuple[float, float], spread: tuple[float, float]
) -> tuple[float, float]:
    """Slope and shift that are likeliest, given what is expected of them (Newton's method)."""
    across = np.array([[logit(box.score), 1.0] for box in boxes])
    right = np.array([box.right for box in boxes], dtype=np.float64)
    middle, pull = np.array(expected), np.diag(1 / np.square(spread))
    found = middle.copy()
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-across @ found))
        slope = across.T @ (share - right) + pull @ (found - middle)
        curve = (across * (share * (1 - share))[:, np.newaxis]).T @ across + pull
        step = np.linalg.solve(curve, slope)
        found = found - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return (
        float(np.clip(found[0], _LEAST_SLOPE, MOST)),
        float(np.clip(found[1], -MOST, MOST)),
    )


def _gain(
    labels: Mapping[str, Sequence[Judged]], now: Mapping[str, Calibration | None]
) -> Interval | None:
    """How much less the curves of other images are surprised than those of now, image by image."""
    images = sorted({box.image for boxes in labels.values() for box in boxes})
    fold = {image: number % _FOLDS for number, image in enumerate(images)}
    gains = dict.fromkeys(images, 0.0)
    counts = dict.fromkeys(images, 0)
    for number in range(_FOLDS):
        kept = {
            name: [box for box in boxes if fold[box.image] != number]
            for name, boxes in labels.items()
        }
        if not any(kept.values()):
            return None
        curves = _fitted(kept)
        for name, boxes in labels.items():
            for box in boxes:
                if fold[box.image] == number:
                    said = curves[name].of(box.score)
                    before = (now.get(name) or _AS_IT_IS).of(box.score)
                    gains[box.image] += _surprise(before, box.right) - _surprise(said, box.right)
                    counts[box.image] += 1
    sums, numbers = np.array(list(gains.values())), np.array(list(counts.values()))
    chance = np.random.default_rng(0)
    drawn = chance.multinomial(len(images), np.full(len(images), 1 / len(images)), size=_DRAWS)
    low, high = np.quantile((drawn @ sums) / np.maximum(drawn @ numbers, 1), _RANGE)
    return Interval(float(low), float(high))


def _surprise(said: float, right: bool) -> float:
    """The negative logarithm of what was said of what came."""
    odds = logit(said)
    return float(np.logaddexp(0, -odds if right else odds))
