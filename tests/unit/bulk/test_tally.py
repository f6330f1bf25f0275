"""Running sums."""

from __future__ import annotations

from pathlib import Path

from backend.bulk import tally as tally_module
from backend.bulk.marks import marks_of
from backend.bulk.tally import OTHER_LABELS, LabelFigures, Tally, tally_of
from backend.errors import Failure
from backend.runs.ledger import Result
from backend.runs.ledger_file import RunKey, open_ledger
from backend.runs.reasons import MAX_EXAMPLES
from tests.unit.bulk.rows import choice, rectangle


def test_labels_add_up_over_images() -> None:
    """Regions, images with at least one, and the mean score of all regions."""
    tally = Tally()
    tally.add(marks_of([rectangle("a", "car", 1.0), rectangle("b", "car", 0.5)]))
    tally.add(marks_of([rectangle("a", "car", 0.0), choice("c", "street", score=0.8)]))
    tally.add(marks_of([]))

    assert list(tally.labels()) == [
        LabelFigures("box", "car", 3, 2, 0.5, (1, *[0] * 9, 1, *[0] * 8, 1)),
        LabelFigures("scene", "street", 1, 1, 0.8, (*[0] * 16, 1, 0, 0, 0)),
    ]
    assert (tally.predicted, tally.regions, tally.empty) == (3, 3, 1)


def test_an_image_with_a_choice_alone_is_not_empty_but_draws_nothing() -> None:
    tally = Tally()
    tally.add(marks_of([choice("c", "street")]))

    assert (tally.empty, tally.undrawn) == (0, 1)


def test_failures_are_grouped_by_kind_with_the_first_tasks_named() -> None:
    """The most frequent kind first; the list of tasks is bounded, their number is not."""
    tally = Tally()
    tally.fail("odd.jpg", Failure("ImageRefused", "too large", transient=False))
    for number in range(MAX_EXAMPLES + 5):
        tally.fail(number, Failure("ImageNotFound", f"no {number}", transient=False))

    missing, refused = tally.failures()

    assert (missing.kind, missing.tasks, len(missing.examples)) == (
        "ImageNotFound",
        MAX_EXAMPLES + 5,
        MAX_EXAMPLES,
    )
    assert refused.examples[0].message == "too large"
    assert tally.failed == MAX_EXAMPLES + 6


def test_labels_without_number_are_added_up_as_one(monkeypatch) -> None:
    """Memory stays flat even where each task brings labels of its own."""
    monkeypatch.setattr(tally_module, "MAX_LABELS", 2)
    tally = Tally()
    for name in ("a", "b", "c", "d"):
        tally.add(marks_of([rectangle("r", name, 0.5)]))

    assert [(figures.label, figures.regions) for figures in tally.labels()] == [
        (OTHER_LABELS, 2),
        ("a", 1),
        ("b", 1),
    ]


def test_the_tally_of_a_ledger_is_that_of_its_predictions_and_failures(tmp_path: Path) -> None:
    with open_ledger(tmp_path, RunKey("folder", "version")) as ledger:
        gone = Failure("ImageNotFound", "it is gone", transient=False)
        ledger.done([Result(7, marks_of([rectangle("a", "car", 0.5)]).to_json())])
        ledger.fail([(8, gone), (9, gone)])

        tally = tally_of(ledger)

    assert (tally.predicted, tally.failed, tally.regions) == (1, 2, 1)
    (failures,) = tally.failures()
    assert [(example.task, example.message) for example in failures.examples] == [
        (8, "it is gone"),
        (9, "it is gone"),
    ]
