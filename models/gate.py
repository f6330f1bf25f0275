"""Keeps phrases that are absent from getting boxes: both models must doubt a box for it to go.

Greedy decoding is the first gate: where stopping is likelier than any first token of a phrase, there
is no box. The second is CLIP. It sees the region of a doubtful box alone and is asked which of the
phrases it shows, or nothing in particular. A box that the decoder is not sure of, and that CLIP takes
for something else, is dropped. Either doubt alone keeps it: CLIP confuses small things and prefers the
more special of two right names, and the decoder is less sure of crowded places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.clip.crops import large_enough
from models.types import Box, Detection, ImageSize

__all__ = ["GateRules", "gated"]


@dataclass(frozen=True, slots=True)
class GateRules:
    """What is doubtful, and what is dropped. Figures behind the defaults: `models/tiny/README.md`."""

    #: A box surer than this is not doubtful, unless it covers nearly the whole image.
    sure_score: float = 0.8
    #: Share of the image over which a box is doubtful whatever its score.
    large_share: float = 0.82
    #: A doubtful box is dropped when CLIP gives its phrase less than this.
    least_agreement: float = 0.03


def gated(
    detections: Sequence[Detection],
    size: ImageSize,
    rules: GateRules,
    agreement: Callable[[Sequence[tuple[Box, str]]], Sequence[float | None]],
) -> list[Detection]:
    """Gives the detections that pass, the doubtful ones with CLIP's agreement among their parts.

    `agreement` gives, for boxes and phrases, the probability in 0..1 that CLIP gives the phrase when
    it sees the box alone, or `None` where it cannot tell. Regions too small to judge pass.
    """
    doubtful = [
        number
        for number, found in enumerate(detections)
        if _doubtful(found, size, rules) and large_enough(found.box)
    ]
    if not doubtful:
        return list(detections)
    asked = [(detections[number].box, detections[number].phrase) for number in doubtful]
    opinions = dict(zip(doubtful, agreement(asked), strict=True))
    kept = []
    for number, found in enumerate(detections):
        opinion = opinions.get(number)
        if opinion is None:
            kept.append(found)
        elif opinion >= rules.least_agreement:
            kept.append(replace(found, parts=replace(found.parts, agreement=opinion)))
    return kept


def _doubtful(found: Detection, size: ImageSize, rules: GateRules) -> bool:
    if found.score is None or found.score < rules.sure_score:
        return True
    return found.box.area > rules.large_share * size.width * size.height
