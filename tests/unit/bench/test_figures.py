"""The arithmetic behind the benchmarks."""

from __future__ import annotations

import doctest

import pytest

from tests.bench import figures
from tests.bench.figures import Figure, Target, alternate, percentile, ratios


@pytest.mark.parametrize(
    ("target", "value", "missed_by"),
    [
        (Target(4.0, at_least=True), 4.0, 0.0),
        (Target(4.0, at_least=True), 3.5, 0.5),
        (Target(2.5), 2.5, 0.0),
        (Target(2.5), 3.0, 0.5),
    ],
)
def test_a_bound_itself_is_met_and_what_lies_beyond_is_missed(
    target: Target, value: float, missed_by: float
) -> None:
    """A floor is missed from below and a ceiling from above."""
    assert target.missed_by(value) == missed_by


def test_a_missed_target_says_by_how_much() -> None:
    """In the unit of the figure; a figure for information says nothing."""
    missed = Figure("speed", 3.5, "x", "", Target(4.0, at_least=True))
    met = Figure("speed", 4.5, "x", "", Target(4.0, at_least=True))
    informs = Figure("speed", 3.5, "x", "")

    assert (missed.verdict, missed.met) == ("missed by 0.5x", False)
    assert (met.verdict, met.met) == ("met", True)
    assert (informs.verdict, informs.met) == ("", None)


def test_a_percentile_is_one_of_the_values() -> None:
    """Of twenty values the 95th percentile is the last but one; of one value it is that value."""
    values = [float(number) for number in range(20, 0, -1)]

    assert percentile(values, 0.95) == 19
    assert percentile(values, 1.0) == 20
    assert percentile([7.0], 0.95) == 7
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)


def test_sides_take_turns_and_neighbours_are_compared() -> None:
    """One disturbed round, here the second, does not reach the median of the ratios."""
    order: list[str] = []

    def ours(number: int) -> float:
        order.append(f"A{number}")
        return (4.0, 8.0, 4.2)[number]

    def theirs(number: int) -> float:
        order.append(f"B{number}")
        return (2.0, 1.0, 2.0)[number]

    _, _, ratio = alternate(3, ours, theirs)

    assert order == ["A0", "B0", "A1", "B1", "A2", "B2"]
    assert ratio == 2.1


def test_rounds_that_do_not_pair_are_an_error() -> None:
    """A round that one side lacks is no ratio."""
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_examples_in_docstrings_hold() -> None:
    """What the docstrings show is what comes out."""
    assert doctest.testmod(figures).failed == 0
