"""What a person's annotation says of one thing that was predicted: the examples that a head is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.label_config.control_tags import ControlTag, RegionTag, Shape
from models.types import Box

__all__ = ["FloatArray", "Observed", "TagEvidence", "stacked"]

#: Of float32.
FloatArray: TypeAlias = NDArray[Any]

#: Labels that are gone, of which so many are named.
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Observed:
    """A box, or the choice of an image, as predicted without anything learned, and what a person made of it.

    Boxes are in pixels of the upright image. `vector` is `None` for a box too small to judge.
    """

    #: `None`: nothing was. Its box is where the models found something by themselves, if they did.
    predicted: str | None
    #: `None`: the person deleted it, or marked nothing there.
    true: str | None
    #: Names the image's content: what shows the same is learned and tested together.
    image: str
    vector: FloatArray | None = None
    box: Box | None = None
    true_box: Box | None = None
    #: Around what stands out in the box.
    fit: Box | None = None


@dataclass(frozen=True, slots=True)
class TagEvidence:
    """All of one control tag. `texts` has a vector of length 1 for each label, shape (labels, width)."""

    tag: str
    labels: tuple[str, ...]
    texts: FloatArray
    observed: tuple[Observed, ...]
    #: Whether its boxes may be drawn otherwise: of an outline they may not.
    is_box: bool = False
    #: Whether it is about boxes, of which some may be left out.
    has_regions: bool = True

    @classmethod
    def of_tag(
        cls,
        control: ControlTag,
        texts: Mapping[str, FloatArray],
        observed: Mapping[str, Sequence[Observed]],
    ) -> TagEvidence:
        """That of a control tag; texts and what was observed are by its name."""
        is_region = isinstance(control, RegionTag)
        return cls(
            control.name,
            tuple(label.value for label in control.labels),
            texts[control.name],
            tuple(observed.get(control.name, ())),
            is_box=isinstance(control, RegionTag) and control.shape is Shape.RECTANGLE,
            has_regions=is_region,
        )

    def notes(self) -> Iterator[str]:
        """What of it teaches nothing, a sentence each."""
        known = {*self.labels, None}
        gone = Counter(one.true for one in self.observed if one.true not in known)
        for label, count in sorted(gone.items(), key=lambda each: -each[1])[:_MOST_NAMED]:
            yield (
                f"not used: {count:,} that people called {label!r}, which is no label of {self.tag!r} any more"
            )
        small = sum(one.vector is None and one.predicted is not None for one in self.observed)
        if small:
            yield f"too small to be looked at by themselves, or too many in one image: {small:,} boxes of {self.tag!r}"

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.texts.shape[1])

    @property
    def compared(self) -> int:
        """How many things were predicted and set against what a person made of them."""
        return sum(one.predicted is not None for one in self.observed)

    def of(self, label: str) -> list[Observed]:
        """What was predicted as a label."""
        return [one for one in self.observed if one.predicted == label]


def stacked(observed: list[Observed], width: int) -> FloatArray:
    """The vectors of what has one, shape (observed, width)."""
    vectors = [one.vector for one in observed if one.vector is not None]
    return np.stack(vectors) if vectors else np.zeros((0, width), np.float32)
