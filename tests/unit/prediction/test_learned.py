"""What a head makes of a prediction; and without a usable one all is as if the label config named none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import Region
from backend.prediction.engine import engine_for
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.prediction.regions import ImageAnswers, build_prediction
from models.heads import HeadCard, HeadUnusable, read_card
from models.queries import Classify, Judge, PerBox, Query
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    ImageSize,
    Judgement,
    ModelOutput,
)
from tests.unit.learning.heads import CONFIG, a_head

NAME, DATA = a_head()
NAMED = with_head(CONFIG, ["box"], NAME)
SIZE = ImageSize(1000, 1000)
LABELS = ("car", "dog", "cat")
CAR = Detection(Box(100, 100, 200, 200), "car", 0.9)


def card_of(name: str, data: bytes) -> HeadCard:
    return read_card(data, name)


def predictor(
    xml: str = NAMED, read: Callable[[str], HeadCard] = lambda name: read_card(DATA, name)
) -> Predictor:
    return PredictorSettings(engine_for("tiny"), 0.3, None, heads=read).for_label_config(xml)


def regions(
    judgement: Judgement | None, detection: Detection = CAR, xml: str = NAMED
) -> list[Region]:
    """The prediction where one box was found, and so judged."""
    plan = predictor(xml).plan
    outputs: dict[Query, ModelOutput] = {plan.steps[0].boxes: Detections((detection,))}
    judging = plan.steps[0].judging
    assert judging is not None
    if judgement is not None:
        outputs[judging] = BoxOutputs((BoxOutput(detection, judgement),))
    return build_prediction([ImageAnswers(plan.steps, outputs, SIZE)], "v").result


def test_the_version_follows_and_the_head_is_asked_about_every_box() -> None:
    plain, learned = predictor(CONFIG), predictor()

    assert learned.version != plain.version
    assert learned.complaints == ()
    (image,) = learned.plan.images
    asked = set(learned.plan.queries(image)) - set(plain.plan.queries(image))
    assert asked == {PerBox(learned.plan.steps[0].boxes, Judge(NAME, 0))}


def test_a_plan_with_a_head_is_made_once() -> None:
    """And anew for another head, and for one that is gone or back."""
    plan = predictor().plan

    assert predictor().plan is plan
    assert predictor(read=_missing).plan.steps == predictor(CONFIG).plan.steps
    other, data = a_head(looser=0.4)
    assert predictor(read=lambda name: read_card(data, other)).plan is not plan
    assert predictor().plan is plan


def _missing(name: str) -> HeadCard:
    raise HeadUnusable("it is neither in Redis nor among the files of FIRSTPASS_HOME")


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (_missing, "neither in Redis nor among the files"),
        (lambda name: read_card(DATA[:-1], name), "not those that its name stands for"),
        (
            lambda name: card_of(*a_head(classifier="0123456789ab")),
            "for vectors of another model (0123456789ab)",
        ),
        (lambda name: card_of(*a_head(tag="frame")), "learned for 'frame'"),
    ],
)
def test_without_a_usable_head_all_is_as_without_one(
    read: Callable[[str], HeadCard], why: str
) -> None:
    """Plan, requests and version: no answer and no row passes for the head's. And it is said."""
    plain, left = predictor(CONFIG), predictor(read=read)

    assert (left.version, left.plan.steps) == (plain.version, plain.plan.steps)
    (complaint,) = left.complaints
    assert why in complaint
    assert "RectangleLabels 'box'" in complaint


def test_a_label_that_is_no_more_is_never_given_and_it_is_said() -> None:
    xml = NAMED.replace('<Label value="dog"/>', "")

    (complaint,) = predictor(xml).complaints
    assert "what was learned of 'dog' is not used" in complaint
    (region,) = regions(Judgement(LABELS, (0.1, 0.8, 0.1)), xml=xml)
    assert region["value"]["rectanglelabels"] == ["car"]


def test_a_box_is_called_what_the_examples_say() -> None:
    (region,) = regions(Judgement(LABELS, (0.01, 0.98, 0.01)))

    assert region["value"]["rectanglelabels"] == ["dog"]
    assert 0.5 < region["score"] < 0.9
    assert region["meta"] == {"raw_score": 0.9, "predicted_label": "car"}


def test_a_label_that_is_not_switched_on_stays() -> None:
    dog = Detection(CAR.box, "dog", 0.9)

    (region,) = regions(Judgement(LABELS, (0.98, 0.01, 0.01)), dog)

    assert (region["value"]["rectanglelabels"], region["score"]) == (["dog"], 0.9)
    assert "meta" not in region


def test_a_box_that_was_not_judged_stays() -> None:
    """Such as one too small to be looked at by itself."""
    (region,) = regions(None)

    assert (region["value"]["rectanglelabels"], region["score"]) == (["car"], 0.9)


def test_what_looks_like_deleted_boxes_is_left_out() -> None:
    assert regions(Judgement(LABELS, (1.0, 0.0, 0.0), unwanted=0.99)) == []
    assert len(regions(Judgement(LABELS, (1.0, 0.0, 0.0), unwanted=0.01))) == 1


def test_boxes_are_drawn_as_people_draw_them_within_the_image() -> None:
    """Those of dogs 1.2 times as wide and high."""
    (region,) = regions(None, Detection(Box(100, 100, 200, 200), "dog", 0.9))
    assert [region["value"][side] for side in ("x", "y", "width", "height")] == pytest.approx(
        [9, 9, 12, 12], abs=0.01
    )

    (region,) = regions(None, Detection(Box(0, 0, 100, 100), "dog", 0.9))
    assert [region["value"][side] for side in ("x", "y", "width", "height")] == pytest.approx(
        [0, 0, 11, 11], abs=0.01
    )


def test_a_count_counts_what_is_drawn() -> None:
    """A car that is called a dog is one, and one that is left out is none."""
    number = '<Number name="dogs" toName="image" model_count="dog"/></View>'
    plan = predictor(NAMED.replace("</View>", number)).plan

    def count(judgement: Judgement) -> int:
        judging = plan.steps[0].judging
        assert judging is not None
        outputs: dict[Query, ModelOutput] = {
            plan.steps[0].boxes: Detections((CAR,)),
            judging: BoxOutputs((BoxOutput(CAR, judgement),)),
        }
        result = build_prediction([ImageAnswers(plan.steps, outputs, SIZE)], "v").result
        (found,) = [one["value"]["number"] for one in result if one["from_name"] == "dogs"]
        return int(found)

    assert count(Judgement(LABELS, (0.01, 0.98, 0.01))) == 1
    assert count(Judgement(LABELS, (0.98, 0.01, 0.01))) == 0


def test_boxes_that_come_to_one_label_in_one_place_are_one() -> None:
    """Neither drawn nor counted twice; the surer one stays. Those apart stay both."""
    number = '<Number name="dogs" toName="image" model_count="dog"/></View>'
    plan = predictor(NAMED.replace("</View>", number)).plan

    def drawn_and_counted(dog: Detection) -> tuple[list[float], int]:
        judging = plan.steps[0].judging
        assert judging is not None
        outputs: dict[Query, ModelOutput] = {
            plan.steps[0].boxes: Detections((CAR, dog)),
            judging: BoxOutputs((BoxOutput(CAR, Judgement(LABELS, (0.0, 1.0, 0.0))),)),
        }
        result = build_prediction([ImageAnswers(plan.steps, outputs, SIZE)], "v").result
        (count,) = [one["value"]["number"] for one in result if one["from_name"] == "dogs"]
        boxes = [one for one in result if one["from_name"] == "box"]
        assert all(one["value"]["rectanglelabels"] == ["dog"] for one in boxes)
        return [one["score"] for one in boxes], count

    assert drawn_and_counted(Detection(Box(100, 100, 200, 210), "dog", 0.7)) == ([0.9], 1)
    assert drawn_and_counted(Detection(Box(100, 100, 200, 210), "dog", 0.95)) == ([0.95], 1)
    assert drawn_and_counted(Detection(Box(180, 100, 280, 200), "dog", 0.7)) == ([0.9, 0.7], 2)


def chosen(
    told: tuple[float, ...],
    judged: tuple[float, ...],
    *,
    tag: str = "",
    phrases: str = "",
    none_fits: bool = False,
) -> list[str]:
    """What is ticked; `told` of every phrase, `judged` of every label. `tag` and `phrases`: attributes of
    the tag, and of its first choice."""
    xml = (
        f'<View><Image name="image" value="$image"/><Choices name="box" toName="image" {tag}>'
        f'<Choice value="car" {phrases}/><Choice value="dog"/><Choice value="cat"/></Choices></View>'
    )
    plan = predictor(with_head(xml, ["box"], NAME)).plan
    (step,) = plan.steps
    classify, judge = step.queries
    assert isinstance(classify, Classify)
    outputs: dict[Query, ModelOutput] = {
        classify: Classification(classify.candidates, told, none_fits),
        judge: Judgement(LABELS, judged),
    }
    result = build_prediction([ImageAnswers(plan.steps, outputs, SIZE)], "v").result
    return [choice for region in result for choice in region["value"]["choices"]]


def test_a_choice_is_changed_where_it_may_be() -> None:
    assert chosen((0.8, 0.1, 0.1), (0.01, 0.98, 0.01)) == ["dog"]
    # What is predicted as a dog was not switched on.
    assert chosen((0.1, 0.8, 0.1), (0.98, 0.01, 0.01)) == ["dog"]


def test_a_choice_of_many_phrases_does_not_overturn_the_head() -> None:
    phrases = 'predicted_values="car, van, lorry, bus, tram, taxi, coupe, truck, jeep"'
    told = (0.4, *(0.05,) * 8, 0.1, 0.1)

    assert chosen(told, (0.3, 0.4, 0.3), tag='model_score_threshold="0.1"', phrases=phrases) == [
        "dog"
    ]


def test_what_the_model_leaves_open_the_head_leaves_open() -> None:
    """Under the threshold, and where none fits."""
    surely_a_dog = (0.01, 0.98, 0.01)

    assert chosen((0.5, 0.3, 0.2), surely_a_dog, tag='model_score_threshold="0.6"') == []
    assert chosen((0.8, 0.1, 0.1), surely_a_dog, none_fits=True) == []


def test_what_a_person_draws_or_types_is_left_as_it_is() -> None:
    """The plan of the editor's tools is as without a head, for tags that stand on others too."""
    number = '<Number name="dogs" toName="image" model_count="dog"/></View>'
    learned, plain = (
        predictor(xml.replace("</View>", number)).plan.steps for xml in (NAMED, CONFIG)
    )

    assert learned != plain
    assert tuple(step.unlearned for step in learned) == plain
