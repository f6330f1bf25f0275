"""Dataclasses as plain values."""

from __future__ import annotations

import doctest
import json
from dataclasses import dataclass

import backend.plain
from backend.label_config.control_tags import Shape
from backend.plain import as_plain
from models.types import Box, Detection, ScoreParts


@dataclass(frozen=True)
class Before:
    name: str


@dataclass(frozen=True)
class After:
    name: str
    added: tuple[int, ...] | None = None


def test_the_example_runs() -> None:
    """As its docstring says."""
    assert doctest.testmod(backend.plain).failed == 0


def test_a_field_added_with_a_default_leaves_names_as_they_were() -> None:
    """Until it is set to something else."""
    assert as_plain(After("x")) == as_plain(Before("x"))
    assert as_plain(After("x", (1, 2))) == {"name": "x", "added": [1, 2]}


def test_what_is_held_is_plain_too() -> None:
    """Nested values, enumerations and tuples, down to what JSON knows."""
    value = {"kind": Shape.BRUSH, "found": Detection(Box(0, 1, 2, 3), "cat", 0.5)}

    plain = as_plain(value)

    assert plain == json.loads(json.dumps(plain))
    assert plain["kind"] == "Brush"
    assert "parts" not in plain["found"]
    assert as_plain(ScoreParts(location=0.5)) == {"location": 0.5}
