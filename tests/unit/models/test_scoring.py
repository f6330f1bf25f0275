"""Scores mean what their formula says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.florence2.parsing import WIDTHS, Answer, Span
from models.scoring import combine, measure, text_score, weighed, within
from models.types import ScoreParts

SURE = (1.0,) * len(WIDTHS)
SPAN = Span("car", (100, 100, 300, 300), text_at=(0,), bins_at=(1, 2, 3, 4), begins_at=0)
PROBABILITIES = st.floats(0, 1)


def written(
    *, word: float = 1.0, stop: float = 0.0, near: tuple[float, ...] = SURE, unsure: int = 4
) -> Answer:
    """One word and four places; the place at `unsure` is spread as `near` says."""
    places = [near if at == unsure else SURE for at in range(1, 5)]
    stop_log = math.log(stop) if stop else -30.0
    return Answer(
        (7, 1, 2, 3, 4), (math.log(word), *[0.0] * 4), (stop_log, *[-30.0] * 4), ((), *places)
    )


def test_a_certain_box_scores_one() -> None:
    assert combine(measure(written(), SPAN)) == pytest.approx(1)


def test_presence_is_the_chance_of_not_having_stopped() -> None:
    parts = measure(written(stop=0.4, word=0.6), SPAN)

    assert parts.presence == pytest.approx(0.6)
    # Given that it went on, there was no other word than this.
    assert parts.phrase == pytest.approx(1)


def test_the_phrase_is_judged_given_that_the_model_went_on() -> None:
    parts = measure(written(stop=0.5, word=0.25), SPAN)

    assert parts.phrase == pytest.approx(0.5)


@pytest.mark.parametrize("unsure", [1, 2, 3, 4])
def test_one_unsure_side_makes_an_unsure_box(unsure: int) -> None:
    spread = tuple(0.3 if width <= 60 else 0.9 for width in WIDTHS)

    assert measure(written(near=spread, unsure=unsure), SPAN).location == pytest.approx(0.3)


def test_what_counts_as_near_grows_with_the_box() -> None:
    spread = tuple(min(1.0, width / 100) for width in WIDTHS)
    large = Span("car", (100, 100, 500, 500), SPAN.text_at, SPAN.bins_at, SPAN.begins_at)
    answer = written(near=spread)

    small_location = measure(answer, SPAN).location
    large_location = measure(answer, large).location

    assert small_location is not None
    assert large_location is not None
    assert small_location == pytest.approx(0.5)  # 200 bins wide, a quarter is 50
    assert large_location > small_location


def test_without_text_there_is_no_phrase_part() -> None:
    span = Span("", SPAN.bins, (), SPAN.bins_at, begins_at=1)

    parts = measure(written(), span)

    assert parts.phrase is None
    assert combine(parts) == pytest.approx(1)


def test_nothing_measured_is_no_score() -> None:
    assert combine(ScoreParts()) is None
    assert combine(ScoreParts(agreement=0.5)) is None
    assert text_score(Answer((), (), (), ())) is None


@given(st.floats(0, 400), st.lists(PROBABILITIES, min_size=11, max_size=11).map(sorted))
def test_nearness_stays_between_what_is_known(distance: float, near: list[float]) -> None:
    share = within(distance, near)

    assert 0 <= share <= near[-1]


@given(PROBABILITIES, PROBABILITIES)
def test_clip_can_halve_a_score_and_never_raise_it(score: float, agreement: float) -> None:
    assert score / 2 <= weighed(score, agreement) <= score


@given(PROBABILITIES, PROBABILITIES, PROBABILITIES)
def test_a_score_is_never_above_its_parts(location: float, phrase: float, presence: float) -> None:
    score = combine(ScoreParts(location, phrase, presence))

    assert score is not None
    assert 0 <= score <= min(location, phrase, presence)
