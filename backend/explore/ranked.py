"""What a question finds of single images: each with a score and the reason in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Ranked"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One image by its place in the set; `kind` says what of the question it answers.

    `group`: the number of those that belong together, where there are several; else -1.
    """

    item: int
    score: float
    kind: str
    reason: str
    group: int = -1
