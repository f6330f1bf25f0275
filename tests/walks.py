"""The walks of docs/develop.md, and what is found when a command really goes them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.pages import REPOSITORY

PAGE = "docs/develop.md"
_ROW = re.compile(r"^\| (\d+) \| `([\w/]+\.py)` \| `([\w.]+)` \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Walk:
    """Files in order, each with the function that it is entered by."""

    steps: tuple[tuple[str, str], ...]

    def command(self, notes: Path, *arguments: str) -> list[str]:
        """The command line of `firstpass` that notes when it enters each of them."""
        names = notes.with_suffix(".names")
        names.write_text(json.dumps(self.steps))
        return [sys.executable, "-m", "tests.standin.traced", str(notes), str(names), *arguments]


def walk(section: str) -> Walk:
    """The table in a section of the page."""
    text = (REPOSITORY / PAGE).read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = _ROW.findall(text)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    return Walk(tuple((file, function) for _, file, function, _ in rows))


def entered(notes: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    """The functions that were entered, in the order in which each first was."""
    lines = [line for file in notes if file.exists() for line in file.read_text().splitlines()]
    found = sorted(json.loads(line) for line in lines)
    return tuple(dict.fromkeys((file, function) for _, file, function in found))
