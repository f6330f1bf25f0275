"""What choices are worth: tag by tag, and choice by choice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.evaluation.box_figures import ENOUGH
from backend.evaluation.on_image import Ticked
from models.measures import Counts, auroc, best_threshold, calibration_error

__all__ = ["ChoiceFigures", "TagFigures", "tag_figures"]


@dataclass(frozen=True, slots=True)
class ChoiceFigures:
    """One choice; `truths` are images that people gave it. `best_threshold` is for any number of choices."""

    choice: str
    truths: int
    ticked: int
    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    auroc: float | None
    best_threshold: float | None
    best_f1: float | None

    @property
    def is_enough(self) -> bool:
        """Whether there are images enough for the best threshold to be more than chance."""
        return self.truths >= ENOUGH


@dataclass(frozen=True, slots=True)
class TagFigures:
    """One tag. `accuracy`: share of images on which exactly what people ticked is ticked.

    `auroc` and `ece` are of the scores of what could be ticked: the best choice of one of many, and every
    choice of any number.
    """

    control: str
    multiple: bool
    images: int
    accuracy: float
    auroc: float | None
    ece: float | None
    choices: tuple[ChoiceFigures, ...]


def tag_figures(images: Sequence[Ticked]) -> TagFigures:
    """The figures of one tag from all images."""
    first = images[0]
    pairs = [(score, name in one.truth) for one in images for name, score in one.scores.items()]
    scores, true = [score for score, _ in pairs], [right for _, right in pairs]
    names = dict.fromkeys(
        name
        for one in images
        for name in (*one.thresholds, *sorted(one.truth))
        if _is_told(name, one)
    )
    return TagFigures(
        control=first.control,
        multiple=first.multiple,
        images=len(images),
        accuracy=sum(one.shown() == one.truth for one in images) / len(images),
        auroc=auroc(scores, true),
        ece=calibration_error(scores, true),
        choices=tuple(_choice(name, images) for name in names),
    )


def _is_told(name: str, one: Ticked) -> bool:
    """Whether a choice can be ticked at all: inner nodes of a tree mostly cannot."""
    return name in one.scores or name in one.truth or not one.multiple


def _choice(name: str, images: Sequence[Ticked]) -> ChoiceFigures:
    multiple = images[0].multiple
    threshold = next((one.thresholds[name] for one in images if name in one.thresholds), 0.0)
    now = _counts(name, images)
    best = tried = None
    if multiple:
        best, tried = best_threshold(lambda least: _counts(name, images, least), threshold)
    pairs = [(one.scores[name], name in one.truth) for one in images if name in one.scores]
    return ChoiceFigures(
        choice=name,
        truths=now.there,
        ticked=now.given,
        threshold=threshold,
        precision=now.precision if now.given else None,
        recall=now.recall if now.there else None,
        f1=now.f1 if now.given or now.there else None,
        auroc=auroc([score for score, _ in pairs], [right for _, right in pairs]),
        best_threshold=best,
        best_f1=tried[best].f1 if tried is not None and best is not None else None,
    )


def _counts(name: str, images: Sequence[Ticked], threshold: float | None = None) -> Counts:
    least: Mapping[str, float] | None = None if threshold is None else {name: threshold}
    total = Counts()
    for one in images:
        given, there = name in one.shown(least), name in one.truth
        total += Counts(given and there, given, there)
    return total
