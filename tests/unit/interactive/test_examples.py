"""Every example in the docstrings of the pure modules runs, and figures that stand twice are the same."""

from __future__ import annotations

import doctest
import importlib

import pytest

from backend.interactive.filling import SMALLEST_SIDE_PX
from models.clip.crops import SMALLEST_SIDE


@pytest.mark.parametrize("module", ["agreement", "touched", "typed"])
def test_examples_hold(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"backend.interactive.{module}"))

    assert results.attempted > 0
    assert results.failed == 0


def test_a_region_too_small_for_clip_is_so_here_too() -> None:
    """The web process loads no model library to look it up."""
    assert SMALLEST_SIDE_PX == SMALLEST_SIDE
