"""How sure the model was of a box, from the probabilities of the tokens it wrote. Pure functions.

Three parts, each a probability in 0..1, and one score::

    location   geometric mean over the box's location tokens of the probability that the side lies
               within 15 bins (1.5 % of the image's side) of where it was put
    phrase     geometric mean over the phrase's tokens of their probability, the first one given that
               the model did not stop
    presence   1 - probability of stopping where the box began
    score      location * phrase * presence, leaving out parts that were not measured

A geometric mean rather than a product inside a part, so that long phrases and outlines of many
points are not punished for their length. A product of the parts, because a box must be well placed
and rightly named and there at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.florence2.parsing import Answer, Span
from models.types import ScoreParts

__all__ = ["NEAR_BINS", "combine", "measure", "text_score"]

#: Bins on either side that count as the same place.
NEAR_BINS = 15


def measure(answer: Answer, span: Span) -> ScoreParts:
    """Gives the three parts of one span's score; `phrase` is `None` where there is no text."""
    location = _geometric_mean([answer.near_log_probs[at] for at in span.bins_at])
    presence = -math.expm1(min(0.0, answer.stop_log_probs[span.begins_at]))
    phrase: float | None = None
    if span.text_at:
        first = span.text_at[0]
        log_probs = [answer.token_log_probs[at] for at in span.text_at]
        going_on = -math.expm1(min(-1e-12, answer.stop_log_probs[first]))
        log_probs[0] = min(0.0, log_probs[0] - math.log(going_on))
        phrase = _geometric_mean(log_probs)
    return ScoreParts(location=location, phrase=phrase, presence=presence)


def combine(parts: ScoreParts) -> float | None:
    """Gives the product of the parts that were measured, `None` if none was.

    >>> combine(ScoreParts(location=0.5, phrase=0.5, presence=1.0))
    0.25
    """
    measured = [part for part in (parts.location, parts.phrase, parts.presence) if part is not None]
    return math.prod(measured) if measured else None


def text_score(answer: Answer) -> float | None:
    """Gives the geometric mean probability of a text's tokens, `None` for an empty text."""
    return _geometric_mean(answer.token_log_probs) if answer.tokens else None


def _geometric_mean(log_probs: Sequence[float]) -> float:
    return math.exp(min(0.0, math.fsum(log_probs) / len(log_probs)))
