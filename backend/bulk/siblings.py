"""A prediction's regions read back: each with its siblings, its words and its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.prediction.read_regions import ReadRegion
from backend.prediction.region_shapes import Shape

__all__ = ["Siblings", "siblings_of"]


@dataclass(frozen=True, slots=True)
class Siblings:
    """All entries of a result that share an id: one thing drawn, or one thing said of the image.

    `place` is `None` where it has none. Thresholds are about `predicted_label` and `raw_score`.
    """

    control: str
    image: str
    words: tuple[str, ...]
    score: float | None
    place: Shape | None
    predicted_label: str
    raw_score: float | None

    @property
    def caption(self) -> str:
        """Words and score, as a person reads them."""
        score = () if self.score is None else (f"{self.score:.2f}",)
        return " ".join((*((", ".join(self.words),) if self.words else ()), *score))


def siblings_of(regions: Sequence[ReadRegion]) -> Iterator[Siblings]:
    """The groups of entries in a prediction, in the order of its result.

    >>> from backend.prediction.read_regions import read_regions
    >>> scene = {"id": "a", "from_name": "scene", "to_name": "img", "value": {"choices": ["indoor"]}}
    >>> [group.caption for group in siblings_of(read_regions([{**scene, "score": 0.5}]))]
    ['indoor 0.50']
    """
    groups: dict[str, list[ReadRegion]] = {}
    for region in regions:
        groups.setdefault(region.id, []).append(region)
    for parts in groups.values():
        # A <Rectangle> beside its <Labels>: the tag that names it is the one to speak of.
        named = next((part for part in parts if part.words), parts[0])
        yield Siblings(
            control=named.from_name,
            image=named.to_name,
            words=tuple(dict.fromkeys(word for part in parts for word in part.words)),
            score=next((part.score for part in parts if part.score is not None), None),
            place=next((part.shape for part in parts if part.is_drawn), None),
            predicted_label=next(iter(named.predicted_labels), ""),
            raw_score=next((part.raw_score for part in parts if part.raw_score is not None), None),
        )
