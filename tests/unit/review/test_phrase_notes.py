"""Counting that nobody waits for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Event

from backend.errors import QueueUnavailable
from backend.label_studio.bodies import WebhookEvent
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow
from backend.review import phrase_notes
from backend.review.phrase_notes import PhraseNotes
from backend.review.phrase_tally import PhraseTally

PROJECT = ProjectKey(3, 100)
BODIES = Path(__file__).parents[2] / "contract" / "bodies"


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


def submitted(annotation: object, action: str = "ANNOTATION_CREATED") -> WebhookEvent:
    return WebhookEvent.model_validate({"action": action, "annotation": annotation})


def test_nobody_waits_for_redis() -> None:
    """What is noted is counted in its order, and a Redis that fails is nobody's trouble."""
    tally = SlowTally()
    notes = PhraseNotes(tally)
    started = time.monotonic()
    notes.heard(submitted({"id": 1}), PROJECT)
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


def test_only_annotations_as_a_person_saved_them_are_looked_at() -> None:
    """As Label Studio 1.23 sends one; a list of them, and a changed project, bring none."""
    raw = json.loads((BODIES / "webhook-annotation-created.json").read_bytes())
    tally = SlowTally()
    notes = PhraseNotes(tally)
    for action in ("ANNOTATIONS_CREATED", "PROJECT_UPDATED", raw["action"]):
        notes.heard(WebhookEvent.model_validate({**raw, "action": action}), PROJECT)

    tally.may.set()
    notes._thread.shutdown(wait=True)
    assert tally.counted == [AnnotationRow.model_validate(raw["annotation"])]
