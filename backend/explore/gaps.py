"""What a set lacks: labels that are rarer in a scene than their counts elsewhere let expect. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Gap", "gaps"]

#: Fewer expected images say nothing when they are not there.
LEAST_EXPECTED = 3.0
#: A gap is told when chance alone makes one like it in at most this share of sets without any.
MOST_CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Gap:
    """A label in a scene: how many images have both, and how many would if neither had to do with the other.

    `chance`: how likely so few are by chance, with regard to how many pairs were looked at.
    """

    label: str
    scene: str
    there: int
    expected: float
    chance: float

    @property
    def reason(self) -> str:
        """
        >>> Gap("car", "night", 0, 12.34, 0.0002).reason
        'none of car in night, where 12 are expected'
        """
        there = "none" if not self.there else f"{self.there:,}"
        return f"{there} of {self.label} in {self.scene}, where {self.expected:.0f} are expected"


def gaps(
    labels: Sequence[frozenset[str] | None], scenes: Sequence[str | None]
) -> tuple[list[Gap], int]:
    """Give the gaps, the surest first, and how many pairs of a label and a scene were looked at.

    Images without labels (`None`) or without a scene do not count. That an image lacks a label counts as little
    as that nobody has annotated it: pass only annotated ones.
    """
    from scipy.stats import hypergeom

    known = [
        (each, scene)
        for each, scene in zip(labels, scenes, strict=True)
        if each is not None and scene is not None
    ]
    of_label = Counter(label for each, _ in known for label in each)
    of_scene = Counter(scene for _, scene in known)
    both = Counter((label, scene) for each, scene in known for label in each)
    # What is expected too little of can be no gap, so it does not make the others less sure.
    pairs = [
        (label, scene, of_label[label] * of_scene[scene] / len(known))
        for label in sorted(of_label)
        for scene in sorted(of_scene)
        if of_label[label] * of_scene[scene] / len(known) >= LEAST_EXPECTED
    ]
    found = []
    for label, scene, expected in pairs:
        there = both[label, scene]
        if there < expected:
            one = hypergeom.cdf(there, len(known), of_label[label], of_scene[scene])
            chance = min(1.0, float(one) * len(pairs))
            if chance <= MOST_CHANCE:
                found.append(Gap(label, scene, there, round(expected, 2), chance))
    found.sort(key=lambda gap: (gap.chance, gap.there - gap.expected, gap.label, gap.scene))
    return found, len(pairs)
