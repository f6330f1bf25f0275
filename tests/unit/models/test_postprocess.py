"""What is cleared away, and what is not."""

from __future__ import annotations

import pytest

from models.answering import GateRules
from models.gate import gated
from models.postprocess import CleanRules, clean
from models.types import Box, Detection, ImageSize

RULES = GateRules(judged="doubtful")
SIZE = ImageSize(100, 100)


def thing(
    x_min: float, y_min: float, x_max: float, y_max: float, phrase: str = "dog", score: float = 0.9
) -> Detection:
    return Detection(Box(x_min, y_min, x_max, y_max), phrase, score)


def test_detections_come_back_best_first() -> None:
    weak, strong = thing(0, 0, 10, 10, score=0.3), thing(50, 50, 60, 60, score=0.8)

    assert clean([weak, strong], SIZE, CleanRules()) == (strong, weak)


def test_of_two_boxes_of_one_phrase_on_one_thing_the_surer_stays() -> None:
    strong, weak = thing(0, 0, 20, 20), thing(1, 1, 21, 21, score=0.6)

    assert clean([weak, strong], SIZE, CleanRules()) == (strong,)


def test_one_thing_keeps_two_names_unless_the_boxes_are_the_same() -> None:
    dog, pet = thing(0, 0, 20, 20), thing(2, 2, 22, 22, "pet")

    assert len(clean([dog, pet], SIZE, CleanRules())) == 2
    assert len(clean([dog, thing(0, 0, 20, 20, "pet")], SIZE, CleanRules())) == 1


def test_a_box_around_two_of_its_own_kind_is_a_group() -> None:
    one, two = thing(0, 0, 20, 20), thing(60, 60, 80, 80)
    group, other_kind = thing(0, 0, 81, 81), thing(0, 0, 82, 82, "pack")

    assert set(clean([one, two, group, other_kind], SIZE, CleanRules())) == {one, two, other_kind}


def test_a_box_over_the_whole_image_must_be_sure() -> None:
    sure, unsure = thing(0, 0, 100, 95), thing(0, 0, 95, 100, score=0.4)

    assert clean([unsure], SIZE, CleanRules()) == ()
    assert clean([sure], SIZE, CleanRules()) == (sure,)


def test_rules_can_be_switched_off() -> None:
    rules = CleanRules(None, None, None, None, min_score=0.0)
    twice = [thing(0, 0, 20, 20), thing(0, 0, 20, 20, score=0.1), thing(0, 0, 99, 99, score=0.01)]

    assert len(clean(twice, SIZE, rules)) == 3


def test_a_detection_without_a_score_stays_and_comes_last() -> None:
    unscored = Detection(Box(50, 50, 60, 60), "text", None)
    scored = thing(0, 0, 9, 9, score=0.1)

    assert clean([unscored, scored], SIZE, CleanRules()) == (scored, unscored)


def test_nameless_boxes_are_not_of_one_kind_and_go_only_when_they_are_the_same() -> None:
    whole, part, other = (
        thing(*box, "") for box in ((0, 0, 80, 80), (0, 0, 80, 50), (0, 50, 80, 80))
    )
    same = thing(0, 0, 80, 81, "", score=0.3)

    assert set(clean([whole, part, other, same], SIZE, CleanRules())) == {whole, part, other}


@pytest.mark.parametrize(
    ("score", "opinion", "stays"),
    [
        (0.5, 0.001, False),  # both doubt
        (0.95, 0.001, True),  # the decoder is sure: CLIP is not asked
        (0.5, 0.2, True),  # CLIP has no great doubt
        (0.5, None, True),  # CLIP cannot tell
    ],
)
def test_a_box_goes_only_when_both_models_doubt_it(
    score: float, opinion: float | None, stays: bool
) -> None:
    found = thing(0, 0, 50, 50, score=score)

    kept = gated([found], SIZE, RULES, lambda asked: [opinion] * len(asked))

    assert bool(kept) is stays


def test_a_sure_box_of_a_joined_phrase_stays_and_clips_doubt_halves_its_score() -> None:
    found = thing(0, 0, 50, 50, score=0.9)

    (kept,) = gated([found], SIZE, RULES, lambda asked: [0.0], joined={"dog", "cat"})

    assert kept.score == pytest.approx(0.45)
    assert kept.parts.agreement == 0.0


def test_a_doubtful_box_of_a_joined_phrase_goes_as_any_other() -> None:
    found = thing(0, 0, 50, 50, score=0.5)

    assert not gated([found], SIZE, RULES, lambda asked: [0.0], joined={"dog", "cat"})


def test_of_two_phrases_in_one_place_the_one_that_clip_sees_comes_first() -> None:
    dog, cat = thing(0, 0, 50, 50, "dog", score=0.95), thing(0, 0, 50, 40, "cat", score=0.9)
    elsewhere = thing(60, 60, 99, 99, "cat", score=0.9)
    seen = {"dog": 0.1, "cat": 0.8}

    kept = gated(
        [dog, cat, elsewhere],
        SIZE,
        RULES,
        lambda asked: [seen[phrase] for _, phrase in asked],
    )

    scores = {found.box: found.score for found in kept}
    assert scores[dog.box] == pytest.approx(0.5225)
    assert scores[cat.box] == pytest.approx(0.81)
    assert scores[elsewhere.box] == 0.9


def test_two_boxes_of_one_phrase_in_one_place_are_not_contested() -> None:
    found = [thing(0, 0, 50, 50), thing(0, 0, 50, 45)]

    assert gated(found, SIZE, RULES, lambda asked: [0.0] * len(asked)) == found


def test_where_clip_cannot_tell_a_contested_box_keeps_its_score() -> None:
    found = [thing(0, 0, 50, 50)]

    assert gated(found, SIZE, RULES, lambda asked: [None], joined={"dog", "cat"}) == found


def test_clips_opinion_of_a_doubtful_box_is_kept_beside_the_score() -> None:
    (kept,) = gated([thing(0, 0, 50, 50, score=0.5)], SIZE, RULES, lambda asked: [0.4])

    assert kept.parts.agreement == 0.4
    assert kept.score == 0.5


def test_regions_too_small_to_judge_pass() -> None:
    small = thing(0, 0, 31, 31, score=0.1)

    assert gated([small], SIZE, RULES, lambda asked: [0.0] * len(asked)) == [small]
