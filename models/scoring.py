"""How sure the model was of a box, from the probabilities of the tokens it wrote. Pure functions.

Three parts, each a probability in 0..1, and one score::

    location   probability that the box's least sure side lies within a quarter of the box's width
               (or height) of where it was put; of an outline, the geometric mean over its points
    phrase     geometric mean over the phrase's tokens of their probability, the first one given that
               the model did not stop
    presence   1 - probability of stopping where the box began
    score      location * phrase * presence, leaving out parts that were not measured

The distance grows with the box because being off matters by the box's own size: a side off by a
quarter leaves an IoU of about 0.75. The weakest side and not the mean of them, because one wrong side
makes a wrong box. A geometric mean over the phrase, so that long phrases are not punished for their
length. A product of the parts, because a box must be well placed and rightly named and there at all.
A fourth part, `agreement`, is CLIP's opinion. It gates (see `gate`), and where phrases contend for a box
it weighs in the score (see `weighed`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.florence2.parsing import WIDTHS, Answer, Span
from models.types import ScoreParts

__all__ = ["combine", "measure", "text_score", "weighed", "within"]

#: Share of a box's width or height that a side may be off.
_SLACK = 0.25
_SIDES = 4


def measure(answer: Answer, span: Span) -> ScoreParts:
    """Gives the three parts of one span's score; `phrase` is `None` where there is no text."""
    presence = -math.expm1(min(0.0, answer.stop_log_probs[span.begins_at]))
    return ScoreParts(
        location=_location(answer, span), phrase=_phrase(answer, span), presence=presence
    )


def combine(parts: ScoreParts) -> float | None:
    """Gives the product of location, phrase and presence as far as measured, `None` if none was.

    >>> combine(ScoreParts(location=0.5, phrase=0.5, presence=1.0))
    0.25
    """
    measured = [part for part in (parts.location, parts.phrase, parts.presence) if part is not None]
    return math.prod(measured) if measured else None


def weighed(score: float, agreement: float) -> float:
    """Gives a contested box's score: the mean of the score and of its product with CLIP's agreement.

    CLIP, which errs more often, can so halve a score and never raise one.

    >>> weighed(0.5, agreement=1.0), weighed(0.5, agreement=0.5), weighed(0.5, agreement=0.0)
    (0.5, 0.375, 0.25)
    """
    return (score + score * agreement) / 2


def text_score(answer: Answer) -> float | None:
    """Gives the geometric mean probability of a text's tokens, `None` for an empty text."""
    return _geometric_mean(answer.token_log_probs) if answer.tokens else None


def within(distance: float, near: Sequence[float]) -> float:
    """Gives the probability of a location within `distance` bins, 0..1, between those of `WIDTHS`.

    >>> within(12.5, (0.5, 0.7, 0.9, *[1.0] * 8))
    0.8
    """
    if not near:
        return 0.0
    widths = (0, *WIDTHS)
    known = (0.0, *near)
    place = next((n for n, width in enumerate(widths) if width >= distance), len(widths) - 1)
    if place == 0 or widths[place] <= distance:
        return _share(known[place])
    share = (distance - widths[place - 1]) / (widths[place] - widths[place - 1])
    return _share(known[place - 1] + share * (known[place] - known[place - 1]))


def _location(answer: Answer, span: Span) -> float:
    reaches = [_SLACK * (max(bins) - min(bins)) for bins in (span.bins[::2], span.bins[1::2])]
    places = [
        within(max(WIDTHS[0], reaches[number % 2]), answer.near[at])
        for number, at in enumerate(span.bins_at)
    ]
    if len(places) == _SIDES:
        return min(places)
    return _geometric_mean([math.log(max(place, 1e-9)) for place in places])


def _phrase(answer: Answer, span: Span) -> float | None:
    if not span.text_at:
        return None
    log_probs = [answer.token_log_probs[at] for at in span.text_at]
    going_on = -math.expm1(min(-1e-12, answer.stop_log_probs[span.text_at[0]]))
    log_probs[0] = min(0.0, log_probs[0] - math.log(going_on))
    return _geometric_mean(log_probs)


def _geometric_mean(log_probs: Sequence[float]) -> float:
    return math.exp(min(0.0, math.fsum(log_probs) / len(log_probs)))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
