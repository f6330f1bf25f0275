"""How likely people correct what a prediction holds, by its score and by what they corrected so far. Pure.

Of a score the raw chance is what it lacks to 1. What was reviewed bends that into a logistic curve over the
log-odds of the raw chance: first one for all labels, held to the raw chance, then one for each label, held to
that. So little evidence bends little, and none leaves the raw chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import exp, log

from backend.review.annotation_review import AnnotationReview, Beginning, Fate
from backend.review.disagreements import Meanings, disagreements

__all__ = ["ENOUGH", "Curve", "EditChances", "EditCounts", "Key"]

#: A tag, and a label of it; of a tag that says something of the image an empty label.
Key = tuple[str, str]

#: Reviewed parts from which on the raw chance is bent at all.
ENOUGH = 30
#: Images from which on it is told how many regions people add to one.
_ENOUGH_IMAGES = 10
#: So much evidence weighs what a curve is held to, in units of the curve's own parameters.
_HOLD = 4.0
#: Scores are told apart by hundredths, and none counts as surer than the last of them.
_STEPS = 100
_ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Curve:
    """`slope` and `shift` of the log-odds; as it stands it is the raw chance."""

    slope: float = 1.0
    shift: float = 0.0

    def chance(self, score: float) -> float:
        """Of a part with this score.

        >>> round(Curve().chance(0.9), 2)
        0.1
        """
        return _chance(self.slope * _log_odds(score) + self.shift)


@dataclass(frozen=True, slots=True)
class EditChances:
    """Fitted chances: a curve for each label, `regions` and `tags` for those nothing is known of."""

    curves: Mapping[Key, Curve] = field(default_factory=dict)
    regions: Curve = Curve()
    tags: Curve = Curve()
    #: Without a score: the share of such parts that was corrected, a half where that is not known.
    unscored: float = 0.5
    #: Regions that people add to an image in which something was found, and in which nothing was.
    added: float = 0.0
    added_to_nothing: float = 0.0
    #: Of two things said that cannot both be right: how often one of them was corrected.
    disagreement: float = 0.5
    #: Parts that the curves are fitted to; fewer than `ENOUGH` are not used.
    parts: int = 0

    @property
    def calibrated(self) -> bool:
        """Whether what was reviewed counts."""
        return self.parts >= ENOUGH

    def of_region(self, key: Key, score: float | None) -> float:
        """The chance that a predicted region is moved, relabelled, replaced or deleted."""
        return self._of(self.curves.get(key, self.regions), score)

    def of_tag(self, control: str, score: float | None) -> float:
        """The chance that what a tag says is changed or removed."""
        return self._of(self.curves.get((control, ""), self.tags), score)

    def _of(self, curve: Curve, score: float | None) -> float:
        return self.unscored if score is None else curve.chance(score)


@dataclass(slots=True)
class _Seen:
    """Parts of one label by hundredth of score: how many, and how many of them were corrected."""

    counts: Counter[int] = field(default_factory=Counter)
    edited: Counter[int] = field(default_factory=Counter)

    def add(self, score: float, *, edited: bool) -> None:
        step = round(min(1.0, max(0.0, score)) * _STEPS)
        self.counts[step] += 1
        self.edited[step] += edited

    def __iadd__(self, other: _Seen) -> _Seen:
        self.counts += other.counts
        self.edited += other.edited
        return self

    def curve(self, held_to: Curve) -> Curve:
        """The curve of least loss, by Newton's steps; each is halved until the loss is less."""
        points = [
            (_log_odds(step / _STEPS), count, self.edited[step])
            for step, count in self.counts.items()
        ]
        found, loss = held_to, _loss(points, held_to, held_to)
        for _ in range(_ROUNDS):
            step = _step(points, found, held_to)
            for _ in range(_ROUNDS):
                tried = Curve(found.slope + step[0], found.shift + step[1])
                less = _loss(points, tried, held_to)
                if less < loss:
                    found, loss = tried, less
                    break
                step = (step[0] / 2, step[1] / 2)
            else:
                break
        return found


@dataclass(slots=True)
class EditCounts:
    """What was corrected so far. Annotations that nobody looked at tell nothing, so they are left out."""

    meanings: Meanings = field(default_factory=Meanings)
    regions: dict[Key, _Seen] = field(default_factory=dict)
    tags: dict[Key, _Seen] = field(default_factory=dict)
    _unscored: list[int] = field(default_factory=lambda: [0, 0])
    _disagreed: list[int] = field(default_factory=lambda: [0, 0])
    #: By whether anything was found: images, and regions that were added to them.
    _images: Counter[bool] = field(default_factory=Counter)
    _added: Counter[bool] = field(default_factory=Counter)

    def add(self, one: AnnotationReview) -> None:
        """Count one annotation."""
        if one.began is not Beginning.PREDICTION or one.hasty:
            return
        for region in one.regions:
            # The raw score: a calibration changes with the label config, and what was reviewed under another counts.
            score = region.thing.raw_score
            self._part(self.regions, region.key, score, region.fate is not Fate.KEPT)
        for statement in one.statements:
            if statement.before is not None:
                key, score = (statement.before.control, ""), statement.before.score
                self._part(self.tags, key, score, statement.fate != "kept")
        self._disagreements(one)
        found = bool(one.regions)
        self._images[found] += 1
        self._added[found] += len(one.added)

    def _disagreements(self, one: AnnotationReview) -> None:
        """Whether any part was corrected of what cannot all be right; an added region corrects a count."""
        said = [each for each in one.statements if each.before is not None]
        things = [region.thing for region in one.regions]
        statements = [each.before for each in said if each.before is not None]
        for found in disagreements(things, statements, self.meanings):
            edited = any(one.regions[n].fate is not Fate.KEPT for n in found.things)
            edited |= any(said[n].fate != "kept" for n in found.statements)
            self._disagreed[0] += 1
            self._disagreed[1] += edited or bool(found.statements and one.added)

    def _part(self, seen: dict[Key, _Seen], key: Key, score: float | None, edited: bool) -> None:
        if score is None:
            self._unscored[0] += 1
            self._unscored[1] += edited
        else:
            seen.setdefault(key, _Seen()).add(score, edited=edited)

    def fitted(self) -> EditChances:
        """The chances that these tell; where they are too few, the raw ones."""
        kinds = (self.regions, self.tags)
        parts = sum(seen.counts.total() for kind in kinds for seen in kind.values())
        overall = self._per_image(*self._images) or 0.0
        rates = {found: self._per_image(found) for found in (True, False)}
        added = {found: overall if rate is None else rate for found, rate in rates.items()}
        bare = EditChances(
            unscored=_share(self._unscored),
            added=added[True],
            added_to_nothing=added[False],
            disagreement=_share(self._disagreed),
            parts=parts,
        )
        if parts < ENOUGH:
            return bare
        pools = [_pooled(kind) for kind in kinds]
        curves = {
            key: seen.curve(pool)
            for kind, pool in zip(kinds, pools, strict=True)
            for key, seen in kind.items()
        }
        regions, tags = pools
        return replace(bare, curves=curves, regions=regions, tags=tags)

    def _per_image(self, *found: bool) -> float | None:
        """Regions added to one of these images; `None` where there are too few to tell."""
        images = sum(self._images[one] for one in found)
        if images < _ENOUGH_IMAGES:
            return None
        return sum(self._added[one] for one in found) / images


def _share(of_and_edited: list[int]) -> float:
    """How many were corrected, a half where nothing is known (Laplace's rule)."""
    of, edited = of_and_edited
    return (edited + 1) / (of + 2)


def _pooled(seen: Mapping[Key, _Seen]) -> Curve:
    together = _Seen()
    for one in seen.values():
        together += one
    return together.curve(Curve())


def _log_odds(score: float) -> float:
    """Of the raw chance that a part with this score is corrected; none is certain."""
    raw = min(1 - 0.5 / _STEPS, max(0.5 / _STEPS, 1 - score))
    return log(raw / (1 - raw))


def _chance(odds: float) -> float:
    return 1 / (1 + exp(-max(-500.0, min(500.0, odds))))


def _loss(points: list[tuple[float, int, int]], curve: Curve, held_to: Curve) -> float:
    loss = _HOLD / 2 * ((curve.slope - held_to.slope) ** 2 + (curve.shift - held_to.shift) ** 2)
    for odds, count, edited in points:
        chance = _chance(curve.slope * odds + curve.shift)
        chance = min(1 - 1e-12, max(1e-12, chance))
        loss -= edited * log(chance) + (count - edited) * log(1 - chance)
    return loss


def _step(
    points: list[tuple[float, int, int]], curve: Curve, held_to: Curve
) -> tuple[float, float]:
    """Newton's step from there; what a curve is held to keeps it from being without end."""
    down = [_HOLD * (curve.slope - held_to.slope), _HOLD * (curve.shift - held_to.shift)]
    slopes, both, shifts = _HOLD, 0.0, _HOLD
    for odds, count, edited in points:
        chance = _chance(curve.slope * odds + curve.shift)
        off, spread = count * chance - edited, count * chance * (1 - chance)
        down[0] += off * odds
        down[1] += off
        slopes += spread * odds * odds
        both += spread * odds
        shifts += spread
    whole = slopes * shifts - both * both
    return (
        -(shifts * down[0] - both * down[1]) / whole,
        -(slopes * down[1] - both * down[0]) / whole,
    )
