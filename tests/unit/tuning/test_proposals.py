"""Lower thresholds rest on images of which the answers below are known, and on no others."""

from __future__ import annotations

from dataclasses import replace

from backend.tuning.aim import Aim
from backend.tuning.evidence import OnImage, ScoredBox
from backend.tuning.figures import LabelTuning
from backend.tuning.proposals import phrase_figures, tunable, tuned_labels
from tests.unit.review.test_cached_answers import predictor

#: The label's threshold is 0.5.
KEY = ("box", "car")
VERSION = "tiny-0123456789"


def image(task: int, *, known: bool, hidden: bool = True) -> OnImage:
    """A right box at 0.9; a person drew another, which the models had found at 0.3 where `known`."""
    seen = (ScoredBox(0.9, True, phrase="car"),)
    unseen = (ScoredBox(0.3, hidden, shown=False, phrase="car"),) if known else ()
    return OnImage(task, VERSION, (*seen, *unseen), 1 + hidden, known)


def car(images: list[OnImage]) -> LabelTuning:
    labels = tunable(predictor())
    (found,) = (
        one
        for one in tuned_labels(labels, {KEY: images}, Aim(), {VERSION: labels})
        if one.label == "car"
    )
    return found


def test_a_threshold_falls_where_what_it_hid_was_right() -> None:
    found = car([image(n, known=True) for n in range(40)])

    assert (found.changes, found.best, found.known) == (True, 0.3, 40)
    assert (found.shown, found.shown_right) == (40, 40)


def test_it_stays_where_what_it_hid_was_wrong() -> None:
    assert not car([image(n, known=True, hidden=False) for n in range(40)]).changes


def test_images_of_which_nothing_is_known_below_do_not_hinder_those_of_which_it_is() -> None:
    mixed = [image(n, known=n < 40) for n in range(80)]

    found = car(mixed)

    assert (found.changes, found.best, found.images, found.known) == (True, 0.3, 80, 40)
    assert found.observable == 0.0


def test_too_few_of_which_it_is_known_lower_nothing() -> None:
    found = car([image(n, known=n < 29) for n in range(80)])

    assert (found.changes, found.best, found.observable) == (False, 0.5, 0.5)


def test_thirty_boxes_on_four_images_say_nothing_of_others() -> None:
    crowded = [
        OnImage(n, VERSION, (ScoredBox(0.9, True), ScoredBox(0.6, False)) * 5, 5, known=True)
        for n in range(4)
    ]

    found = car(crowded)

    assert (found.reviewed, found.changes) == (40, False)
    assert found.why == "too few: reviewed boxes of 1 more image are missing"


def test_each_phrase_has_the_share_of_its_boxes_that_people_kept() -> None:
    labels = tunable(predictor())
    step, label = labels[KEY]
    asks_two = {KEY: (step, replace(label, phrases=("car", "lorry")))}
    boxes = (
        ScoredBox(0.9, True, phrase="car"),
        ScoredBox(0.8, False, phrase="lorry"),
        ScoredBox(0.7, True, phrase="lorry"),
        ScoredBox(0.7, True),
        ScoredBox(0.2, True, shown=False, phrase="lorry"),
    )

    found = phrase_figures(asks_two, {KEY: [OnImage(1, VERSION, boxes, 4, known=True)]})

    assert [(one.phrase, one.right.count, one.right.of, one.unknown) for one in found] == [
        ("car", 1, 1, 1),
        ("lorry", 1, 2, 1),
    ]
