"""What the processes say: lines of their logs, and remedies, to be followed as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

__all__ = ["Follow", "said", "taken"]

#: Sets a variable that a sentence names, as an operator does.
Follow = Callable[[str, object], None]


def taken(sentence: str, pattern: str) -> str:
    """What the sentence says at the place that the pattern marks."""
    found = re.search(pattern, sentence)
    assert found is not None, sentence
    return found[1]


def said(log: Path, event: str) -> list[dict[str, str]]:
    """The lines of a log whose event has these words."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if event in line["event"]]
