"""What is asked of a drawn region again."""

from __future__ import annotations

from backend.interactive.filling import SMALLEST_SIDE_PX
from models.clip.crops import SMALLEST_SIDE


def test_a_region_too_small_for_clip_is_so_here_too() -> None:
    """The web process loads no model library to look it up."""
    assert SMALLEST_SIDE_PX == SMALLEST_SIDE
