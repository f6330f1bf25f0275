"""How well stored predictions match what is known to be in the images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.plain import Json
from models.boxes import iou
from models.types import Box, ImageSize

__all__ = ["Labelled", "Tally", "Truth", "boxes_of", "choices_of", "compare", "match_count"]

IOU_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Labelled:
    """A box in pixels, what it is, and how sure the model was (1.0 for the truth)."""

    label: str
    box: Box
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What one image shows."""

    size: ImageSize
    boxes: tuple[Labelled, ...]
    tag: str


@dataclass(slots=True)
class Tally:
    """Counts over all tasks seen so far."""

    predicted_tasks: int = 0
    boxes: int = 0
    true_boxes: int = 0
    matched: int = 0
    tags: int = 0
    tags_right: int = 0
    tasks: int = 0

    @property
    def f1(self) -> float:
        """Of boxes at IoU 0.5, in 0..1; 1 where there is nothing to find and nothing was found."""
        total = self.boxes + self.true_boxes
        return 2 * self.matched / total if total else 1.0

    @property
    def tag_accuracy(self) -> float:
        """Tasks with the right tag, of all tasks, in 0..1."""
        return self.tags_right / self.tasks if self.tasks else 0.0


def compare(pairs: Iterable[tuple[Truth, Json | None]]) -> Tally:
    """Counts over pairs of truth and stored prediction; `None` for a task that got none."""
    tally = Tally()
    for truth, prediction in pairs:
        tally.tasks += 1
        tally.true_boxes += len(truth.boxes)
        if prediction is None:
            continue
        found = boxes_of(prediction, truth.size)
        tags = choices_of(prediction)
        tally.predicted_tasks += 1
        tally.boxes += len(found)
        tally.matched += match_count(found, truth.boxes)
        tally.tags += len(tags)
        tally.tags_right += tags == [truth.tag]
    return tally


def boxes_of(prediction: Json, size: ImageSize) -> list[Labelled]:
    """The prediction's rectangles, from percent to pixels."""
    found = []
    for region in prediction["result"]:
        if region["type"] != "rectanglelabels":
            continue
        value = region["value"]
        x, y = value["x"] * size.width / 100, value["y"] * size.height / 100
        width, height = value["width"] * size.width / 100, value["height"] * size.height / 100
        box = Box(x, y, x + width, y + height)
        found.append(Labelled(value["rectanglelabels"][0], box, region.get("score") or 0.0))
    return found


def choices_of(prediction: Json) -> list[str]:
    """The choices that the prediction ticks."""
    return [
        choice
        for region in prediction["result"]
        if region["type"] == "choices"
        for choice in region["value"]["choices"]
    ]


def match_count(found: Sequence[Labelled], truth: Sequence[Labelled]) -> int:
    """How many found boxes match one true box each: same label, IoU of at least 0.5, surest first.

    >>> one, other = Box(0, 0, 10, 10), Box(1, 0, 11, 10)
    >>> match_count([Labelled("cat", one), Labelled("cat", other, 0.4)], [Labelled("cat", other)])
    1
    """
    left = list(truth)
    matched = 0
    for candidate in sorted(found, key=lambda one: -one.score):
        same = [one for one in left if one.label == candidate.label]
        best = max(same, key=lambda one: iou(one.box, candidate.box), default=None)
        if best is not None and iou(best.box, candidate.box) >= IOU_LEAST:
            left.remove(best)
            matched += 1
    return matched
