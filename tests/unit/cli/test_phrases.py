"""What `firstpass phrases` shows."""

from __future__ import annotations

from rich.console import Console

from backend.cli.phrases import _table
from backend.pages.terminal import table_parts
from backend.projects.phrases import AskedLabel
from backend.review.phrase_tally import TypedPhrase


def shown(asked: list[AskedLabel], typed: list[TypedPhrase]) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(*table_parts(_table(asked, typed)))
    return captured.get()


def test_each_label_stands_with_what_it_asks_and_what_was_typed_for_it() -> None:
    printed = shown(
        [AskedLabel("box", "Car", ("car", "van")), AskedLabel("box", "Dog", ("dog",))],
        [TypedPhrase("Car", "red cars", 5, 3, 1.0), TypedPhrase("Car", "blue cars", 1, 0, 0.5)],
    )

    car, dog = (line for line in printed.splitlines() if "box" in line)
    assert "car, van" in car
    assert "red cars (5, 3); blue cars (1, 0)" in car
    assert "(" not in dog


def test_what_was_typed_for_a_label_that_is_gone_is_not_hidden() -> None:
    """And nothing that a terminal would obey is printed."""
    printed = shown([], [TypedPhrase("Bus", "red\x1b[2Jbus", 2, 1, 1.0)])

    assert "Bus" in printed
    assert "gone" in printed
    assert "\x1b" not in printed
