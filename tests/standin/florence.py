"""A Florence-2 without weights: it answers each prompt with what a test scripts, at a price it counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from models.answering import Answering
from models.boxes import box_to_bins
from models.florence2.engine import Ask
from models.florence2.parsing import WIDTHS, Answer, Vocabulary
from models.types import Box, ImageSize

__all__ = ["FIRST_LOCATION", "StandInFlorence", "boxes_of_score", "endless"]

FIRST_LOCATION = 10_000

Script = Callable[[Ask], Answer]


@dataclass
class StandInFlorence:
    """Takes the place of a `FlorenceEngine`; `tokens` is what its answers were long, all together."""

    script: Script
    tokens: int = 0
    asked: list[Ask] = field(default_factory=list)
    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(
            FIRST_LOCATION, frozenset(), decode=lambda ids: " ".join(f"word{n}" for n in ids)
        )
    )

    def ask(self, asks: Sequence[Ask], answering: Answering | None = None) -> list[Answer]:
        """Gives one answer for each ask, in order."""
        self.asked += asks
        answers = [self.script(ask) for ask in asks]
        self.tokens += sum(len(answer.tokens) for answer in answers)
        return answers


def boxes_of_score(boxes: Sequence[Box], size: ImageSize, score: float) -> Answer:
    """Gives an answer of these boxes, in pixels of an image of that size, each of this score in 0..1."""
    bins = [place for box in boxes for place in box_to_bins(box, size)]
    tokens = tuple(FIRST_LOCATION + place for place in bins)
    near = ((score,) * len(WIDTHS),) * len(tokens)
    return Answer(tokens, (0.0,) * len(tokens), (-math.inf,) * len(tokens), near)


def endless(place: Sequence[int]) -> Script:
    """Gives a script that writes these tokens again and again, to the limit of every ask."""

    def script(ask: Ask) -> Answer:
        length = ask.max_new_tokens or 1024
        tokens = tuple(place[number % len(place)] for number in range(length))
        near = tuple((1.0,) * len(WIDTHS) if token >= FIRST_LOCATION else () for token in tokens)
        return Answer(tokens, (0.0,) * length, (-20.0,) * length, near, truncated=True)

    return script
