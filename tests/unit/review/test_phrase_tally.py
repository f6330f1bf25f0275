"""Counts of phrases in a real Redis."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow
from backend.review import phrase_tally
from backend.review.phrase_tally import PhraseTally, TypedPhrase
from tests.unit.interactive.contexts import rectangle

pytestmark = pytest.mark.redis

PROJECT, OTHER = ProjectKey(3, 100), ProjectKey(3, 200)


class Clock:
    """A second later each time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def tally(redis_connection: redis.Redis) -> PhraseTally:
    return PhraseTally(redis_connection, clock=Clock())


def annotation(*regions: dict[str, Any], task: int = 7) -> AnnotationRow:
    return AnnotationRow(id=1, task=task, result=list(regions))


def suggestion(name: str, label: str = "Car", phrase: str = "red cars") -> dict[str, Any]:
    return rectangle(1, 2, 3, 4, label, id=name, meta={"text": [phrase]})


def test_prompts_are_counted_by_label_and_phrase(tally: PhraseTally) -> None:
    """The latest first; another Label Studio's project 3 is another."""
    tally.count_asked(PROJECT, "Car", "red cars")
    tally.count_asked(PROJECT, "Truck", "red cars")
    tally.count_asked(PROJECT, "Car", "red cars")

    assert tally.lately(PROJECT) == [
        TypedPhrase("Car", "red cars", asked=2, kept=0, last_asked_s=3),
        TypedPhrase("Truck", "red cars", asked=1, kept=0, last_asked_s=2),
    ]
    assert tally.lately(OTHER) == []


def test_a_submitted_suggestion_was_kept(tally: PhraseTally) -> None:
    """Each region once, however often its annotation is submitted again; another task's is another."""
    tally.count_asked(PROJECT, "Car", "red cars")
    for _ in range(2):
        tally.count_kept(PROJECT, annotation(suggestion("a"), suggestion("b")))
    tally.count_kept(PROJECT, annotation(suggestion("a"), task=8))

    assert tally.lately(PROJECT)[0].kept == 3


def test_other_regions_are_not_counted(tally: PhraseTally) -> None:
    """People's own notes, other labels than asked for, and whatever else stands in an annotation."""
    tally.count_asked(PROJECT, "Car", "red cars")
    tally.count_kept(
        PROJECT,
        annotation(
            suggestion("a", phrase="looks odd"),
            suggestion("b", label="Truck"),
            rectangle(1, 2, 3, 4, "Car", id="c"),
            {"meta": {"text": ["red cars"]}},
            {**suggestion("d"), "meta": {"text": "red cars"}},
        ),
    )
    tally.count_kept(PROJECT, AnnotationRow(result=[None, 7]))

    (phrase,) = tally.lately(PROJECT)
    assert phrase.kept == 0


def test_the_phrases_of_a_project_are_bounded(
    tally: PhraseTally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was asked longest ago goes, counts and all."""
    monkeypatch.setattr(phrase_tally, "MOST_PHRASES", 3)
    for number in range(5):
        tally.count_asked(PROJECT, "Car", f"car {number}")

    assert [one.phrase for one in tally.lately(PROJECT)] == ["car 4", "car 3", "car 2"]


def test_the_kept_regions_of_a_project_are_bounded(
    tally: PhraseTally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrase_tally, "MOST_REGIONS", 3)
    tally.count_asked(PROJECT, "Car", "red cars")
    tally.count_kept(PROJECT, annotation(*(suggestion(f"r{number}") for number in range(9))))

    assert tally.lately(PROJECT)[0].kept == 3


def test_all_of_it_expires(tally: PhraseTally, redis_connection: redis.Redis) -> None:
    tally.count_asked(PROJECT, "Car", "red cars")
    tally.count_kept(PROJECT, annotation(suggestion("a")))

    keys = redis_connection.keys("firstpass:phrases:*")
    assert len(keys) == 4
    assert all(0 < redis_connection.ttl(key) <= phrase_tally.TTL_S for key in keys)
