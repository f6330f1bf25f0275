"""What people say is on images, whichever format it was read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.errors import Failure, TaskError
from models.boxes import clip
from models.types import Box, ImageSize

__all__ = ["ANY_IMAGE", "LabelledSet", "LabelledTask", "TrueBox", "Truth", "fractions"]

#: Name of the image in a format that has one per task, and no names for it.
ANY_IMAGE = ""
#: How far the sides of an image may be from what its annotation says, as a share of them.
SAME_SHAPE = 0.02


@dataclass(frozen=True, slots=True)
class TrueBox:
    """A thing that is there: `box` is in fractions (0..1) of the upright image's sides.

    `control` is the tag that it was drawn with; `None`: whichever has the label. An ignored one need not
    be found, nor is it an error to find it; a crowd is ignored, and its box holds many things.
    """

    label: str
    box: Box
    control: str | None = None
    ignored: bool = False
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is said of one image. `tags` has the choices ticked, by control tag.

    `size` is the image's as the annotation has it; `None` where it does not tell.
    """

    boxes: tuple[TrueBox, ...] = ()
    size: ImageSize | None = None
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def check(self, size: ImageSize) -> None:
        """Return for an image of that shape. Raises `TaskError` for one that cannot be the one annotated."""
        said = self.size
        if said is None:
            return
        ratio = said.width * size.height / (said.height * size.width)
        if abs(ratio - 1) <= SAME_SHAPE:
            return
        what = (
            f"annotated as {said.width}x{said.height}, but it has {size.width}x{size.height} pixels"
        )
        if abs(said.height * size.height / (said.width * size.width) - 1) <= SAME_SHAPE:
            raise TaskError(
                f"{what} upright: its boxes are of the image before EXIF turned it; save the image "
                "upright and annotate that"
            )
        raise TaskError(f"{what}: another image; put the one that was annotated in its place")


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """One task, or one image of a dataset: `key` names it for people and in the ledger.

    `data` is a task's, with the image's address; `stamp` changes with the image file. `truths` is by
    the image's name in the label config. A task with a `failure` cannot be used, for that reason.
    """

    key: str
    data: Mapping[str, Any]
    truths: Mapping[str, Truth]
    task_id: int | None = None
    stamp: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """All labelled images, and what was left out of them, in sentences.

    `source` is the same text for the same place, `words` what a person calls it. `classes` are a
    dataset's, in its order; empty for tasks, whose label config lists them.
    """

    source: str
    words: str
    tasks: Sequence[LabelledTask]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def labels(self) -> Counter[str]:
        """How many boxes there are of each label, ignored ones left out."""
        return Counter(
            box.label
            for task in self.tasks
            for truth in task.truths.values()
            for box in truth.boxes
            if not box.ignored
        )


def fractions(
    x_min: float, y_min: float, x_max: float, y_max: float, width: float, height: float
) -> Box | None:
    """A box in fractions of a frame's sides, cut to the frame; `None` where no area is left.

    >>> fractions(10, 20, 30, 60, width=100, height=100)
    Box(x_min=0.1, y_min=0.2, x_max=0.3, y_max=0.6)
    """
    sides = (x_min / width, y_min / height, x_max / width, y_max / height)
    try:
        return clip(Box(*sides), ImageSize(1, 1))
    except ValueError:  # without area, or not finite
        return None
