"""What is switched on for each label, and why; or off, and why. Sentences for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from backend.learning.evidence import FloatArray
from backend.learning.gains import (
    LEAST_GROUPS,
    LEAST_OBSERVED,
    LEAST_OF_TAG,
    Gain,
    gains_of,
)

__all__ = ["PARTS", "Measured", "Part", "Verdict", "verdicts_of"]

#: What may be learned of a label: to call some of its boxes otherwise, to draw them otherwise, to leave some
#: out, or to find some where nothing was predicted.
Part: TypeAlias = Literal["label", "box", "unwanted", "place"]

PARTS: dict[Part, str] = {
    "label": "what it is called",
    "box": "how it is drawn",
    "unwanted": "what is left out",
    "place": "what else is found",
}
_MEASURES: dict[Part, str] = {
    "label": "right",
    "box": "overlap, 0.9 at most",
    "unwanted": "edits saved per region",
    "place": "edits saved per place",
}


@dataclass(frozen=True, slots=True)
class Harm:
    """A part that is off since a label would be found worse: its F1 without it and with it."""

    part: str
    label: str
    before: float
    after: float

    @property
    def change(self) -> str:
        """In words."""
        return f"F1 {self.before:.3f} without it, {self.after:.3f} with it"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One part of one label: `before` and `after` are on images that had no part in what was learned."""

    tag: str
    label: str
    part: Part
    before: float
    after: float
    gain: Gain
    #: Why it is off all the same.
    harm: Harm | None = None

    @property
    def is_on(self) -> bool:
        return self.harm is None and self.gain.is_shown and self.after > self.before

    @property
    def measure(self) -> str:
        """What is measured, in a word or two."""
        return _MEASURES[self.part]

    @property
    def reason(self) -> str:
        """Why it is on or off."""
        gain = self.gain
        if gain.of_tag < LEAST_OF_TAG:
            return (
                f"only {gain.of_tag} of the tag's regions or images were reviewed; {LEAST_OF_TAG} or more tell "
                "something"
            )
        if not gain.is_enough:
            return (
                f"only {gain.observed} reviewed in {gain.groups} different images; {LEAST_OBSERVED} in "
                f"{LEAST_GROUPS} or more tell something"
            )
        if self.harm is not None:
            return f"it would be found worse: {self.harm.change}"
        if self.is_on:
            return f"better by {gain.mean:.3f} ({gain.low:.3f} to {gain.high:.3f})"
        if self.after <= self.before:
            return "no better"
        return f"no gain shown: {gain.mean:.3f} ({gain.low:.3f} to {gain.high:.3f})"


@dataclass(frozen=True, slots=True)
class Measured:
    """How good each thing that was predicted as a label is, before and after, and its group; shape (things,)."""

    before: FloatArray
    after: FloatArray
    groups: FloatArray


def verdicts_of(tag: str, part: Part, measured: Mapping[str, Measured]) -> Iterator[Verdict]:
    """A verdict for each label of which anything was measured."""
    gains = gains_of(
        {label: (one.after - one.before, one.groups) for label, one in measured.items()}
    )
    for label, gain in gains.items():
        one = measured[label]
        before, after = float(one.before.mean()), float(one.after.mean())
        yield Verdict(tag, label, part, round(before, 4), round(after, 4), gain)
