"""Commands that advice names, as the pages give them."""

from __future__ import annotations

import doctest
from pathlib import Path

from backend import place
from backend.place import how_to_pull

PAGE = Path(__file__).parents[2] / "docker" / "README.md"


def test_the_compose_command_is_the_one_of_the_page() -> None:
    """Word for word, so that who follows either types the same."""
    command = how_to_pull(["florence-2-base", "clip-vit-b-32"], "compose").split("`")[1]

    assert command in PAGE.read_text().splitlines()


def test_examples() -> None:
    """Those of the docstrings run."""
    assert doctest.testmod(place).failed == 0
