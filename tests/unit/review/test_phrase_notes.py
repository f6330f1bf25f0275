"""Counting that nobody waits for."""

from __future__ import annotations

import time
from threading import Event

from backend.errors import QueueUnavailable
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow
from backend.review import phrase_notes
from backend.review.phrase_notes import PhraseNotes
from backend.review.phrase_tally import PhraseTally

PROJECT = ProjectKey(3, 100)


class SlowTally(PhraseTally):
    """Counts no sooner than it may."""

    def __init__(self) -> None:
        self.may, self.counted = Event(), []  # type: Event, list[object]

    def count_asked(self, project: ProjectKey, label: str, phrase: str) -> None:
        self.may.wait(10)
        self.counted.append(phrase)

    def count_kept(self, project: ProjectKey, annotation: object) -> None:
        self.may.wait(10)
        self.counted.append(annotation)
        raise QueueUnavailable("Redis does not answer")


def test_nobody_waits_for_redis() -> None:
    """What is noted is counted in its order, and a Redis that fails is nobody's trouble."""
    tally = SlowTally()
    notes = PhraseNotes(tally)
    started = time.monotonic()
    notes.kept(PROJECT, AnnotationRow(id=1))
    notes.asked(PROJECT, "Car", "red cars")
    took = time.monotonic() - started

    tally.may.set()
    notes._thread.shutdown(wait=True)
    assert took < 1
    assert tally.counted == [AnnotationRow(id=1), "red cars"]


def test_notes_do_not_pile_up() -> None:
    tally = SlowTally()
    notes = PhraseNotes(tally)
    for number in range(2 * phrase_notes.MOST_WAITING):
        notes.asked(PROJECT, "Car", str(number))

    tally.may.set()
    notes._thread.shutdown(wait=True)
    assert len(tally.counted) == phrase_notes.MOST_WAITING
