"""What CLIP has to say about boxes: `judged` where a model boxes what is absent too, `gated` where it does not.

Florence-2 answers nearly every phrase with a box, so that its own probabilities say where the phrase would
be and not whether it is there. So of an asked phrase every box is judged: CLIP sees it alone, and where
another phrase or nothing in particular is likelier, the score falls by as much.

A checkpoint that was measured to stop at absent phrases is a gate by itself: where stopping is likelier
than any first token of a phrase, there is no box. Then CLIP sees the region of a doubtful box alone and is
asked which of the phrases it shows, or nothing in particular. A box that the decoder is not sure of, and
that CLIP takes for something else, is dropped. Either doubt alone keeps it: CLIP confuses small things and
prefers the more special of two right names, and the decoder is less sure of crowded places.

Of a contested box CLIP is asked however sure the decoder is, and its opinion weighs in the score. A box
is contested where its phrase shared the prompt with others, or where another phrase has a box in the
same place. There the decoder's probabilities do not tell: it writes the phrase before it chooses the
place, so they say how sure it was of naming the phrase, and not that this place goes by that name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from models.answering import GateRules
from models.boxes import iou
from models.clip.crops import large_enough
from models.scoring import weighed
from models.types import Box, Detection, ImageSize

__all__ = ["gated", "judged"]

#: What CLIP says of boxes and the phrases that they are to show, in order.
Opinions: TypeAlias = Callable[[Sequence[tuple[Box, str]]], Sequence[float | None]]


def gated(
    detections: Sequence[Detection],
    size: ImageSize,
    rules: GateRules,
    agreement: Opinions,
    *,
    joined: Collection[str] = (),
) -> list[Detection]:
    """Gives the detections that pass, with CLIP's agreement among the parts where it was asked.

    `agreement` gives, for boxes and phrases, the probability in 0..1 that CLIP gives the phrase when
    it sees the box alone, or `None` where it cannot tell. Regions too small to judge pass. `joined`
    are the phrases that shared a prompt with others.
    """
    doubtful = [_doubtful(found, size, rules) for found in detections]
    contested = [_contested(found, detections, rules, joined) for found in detections]
    asked_at = [
        number
        for number, found in enumerate(detections)
        if (doubtful[number] or contested[number]) and large_enough(found.box)
    ]
    if not asked_at:
        return list(detections)
    asked = [(detections[number].box, detections[number].phrase) for number in asked_at]
    opinions = dict(zip(asked_at, agreement(asked), strict=True))
    kept = []
    for number, found in enumerate(detections):
        opinion = opinions.get(number)
        if opinion is None:
            kept.append(found)
        elif not doubtful[number] or opinion >= rules.least_agreement:
            kept.append(_agreed(found, opinion, contested=contested[number]))
    return kept


def judged(detections: Sequence[Detection], standing: Opinions) -> list[Detection]:
    """Gives the detections, each score times how its phrase stands beside what else the box may show.

    `standing` gives that for boxes and phrases, 1 where the phrase is at least as likely as anything
    else, or `None` where CLIP cannot tell. Nothing is dropped: thresholds are the caller's.
    """
    opinions = standing([(found.box, found.phrase) for found in detections]) if detections else ()
    return [
        found if opinion is None else _standing(found, opinion)
        for found, opinion in zip(detections, opinions, strict=True)
    ]


def _standing(found: Detection, opinion: float) -> Detection:
    score = None if found.score is None else found.score * opinion
    return replace(found, score=score, parts=replace(found.parts, agreement=opinion))


def _agreed(found: Detection, opinion: float, *, contested: bool) -> Detection:
    parts = replace(found.parts, agreement=opinion)
    if contested and found.score is not None:
        return replace(found, score=weighed(found.score, opinion), parts=parts)
    return replace(found, parts=parts)


def _contested(
    found: Detection, others: Sequence[Detection], rules: GateRules, joined: Collection[str]
) -> bool:
    return found.phrase in joined or any(
        other.phrase != found.phrase and iou(other.box, found.box) > rules.same_place_iou
        for other in others
    )


def _doubtful(found: Detection, size: ImageSize, rules: GateRules) -> bool:
    if found.score is None or found.score < rules.sure_score:
        return True
    return found.box.area > rules.large_share * size.width * size.height
