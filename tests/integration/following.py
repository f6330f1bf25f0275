"""Remedies taken out of the sentences that name them, to be followed as they are written."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Follow", "taken"]

#: Sets a variable that a sentence names, as an operator does.
Follow = Callable[[str, object], None]


def taken(sentence: str, pattern: str) -> str:
    """What the sentence says at the place that the pattern marks."""
    found = re.search(pattern, sentence)
    assert found is not None, sentence
    return found[1]
