"""Choices that a task brings."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import TaskError
from backend.images.reference import ImageRef, parse_image_ref
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest, Plan, plan_label_config, requests_for_task
from backend.prediction.predictor import PredictorSettings, TaskRequests
from models.queries import Classify, Ground, PerBox, Tiling

TINY = engine_for("tiny")
RED = {"value": "red"}
IMAGE = {"image": "http://images.example/1.png"}


CONFIG = '<View><Image name="img" value="$image"/><Choices name="c" toName="img" value="$options"/></View>'


def planned(attributes: str = "", tags: str = "") -> Plan:
    return plan_label_config(
        f'<View><Image name="img" value="$image"/>{tags}'
        f'<Choices name="c" toName="img" value="$options" {attributes}/></View>',
        0.3,
        TINY,
    )


def parse_ref(value: object) -> ImageRef:
    return parse_image_ref(value, task_id=1, label_studio_url=None)


def asked(plan: Plan, options: Any) -> ModelRequest:
    (request,) = requests_for_task(plan, {**IMAGE, "options": options}, parse_ref).values()
    return request


def test_each_task_is_asked_its_own_choices() -> None:
    """Each has a value, and perhaps an alias that is written in its place."""
    request = asked(planned(), [RED, {"value": "blue", "alias": "b", "hint": "x"}])

    assert request.queries == (Classify(("red", "blue")),)
    assert [label.value for label in request.steps[0].control.labels] == ["red", "b"]


def test_choices_of_regions_may_come_with_the_task() -> None:
    boxes = '<RectangleLabels name="box" toName="img"><Label value="car"/></RectangleLabels>'

    request = asked(planned('perRegion="true" choice="multiple"', boxes), [RED])

    cars = Ground(("car",), tiling=Tiling())
    assert request.queries == (cars, PerBox(cars, Classify(("red",), multi=True)))


def test_the_prompt_is_put_around_each() -> None:
    assert asked(planned('model_prompt="a {} car"'), [RED]).queries == (Classify(("a red car",)),)


def test_a_tree_may_come_with_the_task() -> None:
    """Its children are choices where the editor shows them."""
    tree = [{"value": "a", "children": [{"value": "b"}, {"value": "c"}]}]

    nested = asked(planned('allowNested="true"'), tree).steps[0].control.labels
    flat = asked(planned(), tree).steps[0].control.labels

    assert [label.path for label in nested] == [("a",), ("a", "b"), ("a", "c")]
    assert [label.value for label in flat] == ["a"]


def test_nothing_to_choose_from_asks_nothing() -> None:
    """An empty list is an answer: no choice, no question, and no image to fetch for it."""
    assert requests_for_task(planned(), {**IMAGE, "options": []}, parse_ref) == {}


def test_the_version_does_not_depend_on_the_task() -> None:
    """The digest is of the plan, which names the key."""
    plan = planned()
    asked(plan, [RED])

    assert plan.digest() == planned().digest()
    assert plan.digest() != planned('model_prompt="a {}"').digest()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (None, "expected a list there, got NoneType"),
        ("red", "expected a list there, got str"),
        (["red"], "objects with a value in 'options', got 'red'"),
        ([1], "objects with a value"),
        ([{"alias": "x"}], "objects with a value"),
        ([{"value": " "}], "1 to 200 characters"),
        ([{"value": "x" * 201}], "1 to 200 characters"),
        ([{"value": "x", "alias": 5}], "1 to 200 characters"),
        ([RED] * 501, "at most 500 choices"),
    ],
)
def test_a_list_that_cannot_be_asked_is_the_tasks_own_trouble(options: Any, reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        asked(planned(), options)


@pytest.mark.parametrize(
    "bad", ["blue", 1, None, {}, {"value": ""}, {"value": 5}, {"value": "x" * 201}, [RED]]
)
def test_a_choice_that_cannot_be_asked_is_left_out_and_named(bad: object) -> None:
    """The others of the list are asked."""
    predictor = PredictorSettings(TINY, 0.3, None).for_label_config(CONFIG)

    requests = predictor.requests(Task(id=1, data={**IMAGE, "options": [RED, bad]}))

    assert isinstance(requests, TaskRequests)
    assert [request.queries for _, request in requests.values()] == [(Classify(("red",)),)]
    assert len(requests.left_out) == 1
    assert "'options'" in requests.left_out[0]


def test_the_list_may_lie_deeper_in_the_data() -> None:
    plan = plan_label_config(CONFIG.replace("$options", "$meta.lists[0]"), 0.3, TINY)
    data = {**IMAGE, "meta": {"lists": [[RED]]}}

    (request,) = requests_for_task(plan, data, parse_ref).values()

    assert request.queries == (Classify(("red",)),)
