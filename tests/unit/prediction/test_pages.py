"""The images of a task: those that are there, those that are blank, and the pages of one."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import TaskError
from backend.images.reference import ImageRef, parse_image_ref
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.pages import MOST_PAGES
from backend.prediction.plan import ModelRequest, Plan, plan_label_config, requests_for_task
from backend.prediction.predictor import PredictorSettings, TaskRequests
from backend.prediction.request import Answer
from models.types import Box, Detection, Detections, ImageSize

TINY = engine_for("tiny")
BOXES = '<RectangleLabels name="{0}" toName="{1}"><Label value="ring"/></RectangleLabels>'
TWO = (
    '<View><Image name="l" value="$a"/><Image name="r" value="$b"/>'
    f"{BOXES.format('bl', 'l')}{BOXES.format('br', 'r')}</View>"
)
PAGES = f'<View><Image name="img" valueList="$pages"/>{BOXES.format("box", "img")}</View>'
NESTED = f'<View><Image name="img" value="$photos[0].src"/>{BOXES.format("box", "img")}</View>'


def parse_ref(value: object) -> ImageRef:
    return parse_image_ref(value, task_id=1, label_studio_url=None)


def planned(xml: str) -> Plan:
    return plan_label_config(xml, 0.3, TINY)


def asked(xml: str, data: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    """Name, page and address of each image that is asked about."""
    requests = requests_for_task(planned(xml), data, parse_ref)
    return [(tag.name, tag.item_index, request.image.location) for tag, request in requests.items()]


def url(name: str) -> str:
    return f"http://images.example/{name}.png"


def test_a_path_into_the_data_is_followed() -> None:
    assert asked(NESTED, {"photos": [{"src": url("s")}]}) == [("img", None, url("s"))]


def test_each_page_is_asked_about() -> None:
    assert asked(PAGES, {"pages": [url("p"), url("q")]}) == [
        ("img", 0, url("p")),
        ("img", 1, url("q")),
    ]


def test_a_single_address_is_one_page() -> None:
    assert asked(PAGES, {"pages": url("p")}) == [("img", 0, url("p"))]


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_the_image_that_is_there_is_asked_about(blank: object) -> None:
    assert asked(TWO, {"a": url("a"), "b": blank}) == [("l", None, url("a"))]


def test_an_image_whose_key_is_missing_is_left_out() -> None:
    assert asked(TWO, {"b": url("b")}) == [("r", None, url("b"))]


def test_a_blank_page_is_left_out_and_the_others_keep_their_numbers() -> None:
    assert asked(PAGES, {"pages": [url("p"), "", url("q")]}) == [
        ("img", 0, url("p")),
        ("img", 2, url("q")),
    ]


@pytest.mark.parametrize(
    ("xml", "data", "words"),
    [
        (TWO, {"a": "", "b": None}, ["'a'", "an empty text", "'b'", "null"]),
        (NESTED, {"photos": [{"src": ""}]}, ["photos[0].src", "an empty text"]),
        (NESTED, {"photos": []}, ["photos[0].src", "the task's data has a list of 0 at 'photos'"]),
        (NESTED, {"photos": [{"url": "x"}]}, ["an object with url at 'photos[0]'"]),
        (NESTED, {"photos": [None]}, ["null at 'photos[0]'"]),
        (NESTED, {"photos": "x"}, ["a text at 'photos'"]),
        (NESTED, {"pictures": []}, ["photos[0].src", "the task's data has pictures"]),
        (TWO, {"a": [url("a")], "b": ""}, ["'l' from 'a'", "a list of 1", "by valueList"]),
        (TWO, {"a": 7, "b": url("b")}, ["'l' from 'a'", "a number"]),
        (PAGES, {"pages": [url("p"), [url("q")]]}, ["'pages' (page 2)", "a list of 1"]),
        (PAGES, {"pages": []}, ["'pages'", "no pages"]),
        (PAGES, {"pages": ["", None]}, ["page 1", "an empty text", "page 2", "null"]),
        (PAGES, {"pages": None}, ["'pages' (page 1)", "null"]),
        (PAGES, {}, ["'pages'", "the task's data has no keys"]),
        (PAGES, {"pages": [url("p")] * (MOST_PAGES + 1)}, [f"at most {MOST_PAGES} pages"]),
    ],
)
def test_a_task_without_any_image_says_why(
    xml: str, data: dict[str, Any], words: list[str]
) -> None:
    """What is blank is called blank, and what is not there says what is."""
    with pytest.raises(TaskError) as raised:
        asked(xml, data)

    assert all(word in str(raised.value) for word in words)


def test_a_list_of_addresses_is_read_as_the_reason_says() -> None:
    config = TWO.replace('value="$a"', 'valueList="$a"')

    assert asked(config, {"a": [url("a")], "b": ""}) == [("l", 0, url("a"))]


def test_a_reason_is_short_however_much_a_task_brings() -> None:
    crowd = {f"{number}" * 100: "x" for number in range(3000)}
    for xml, data in ((TWO, crowd), (NESTED, {"photos": [crowd]})):
        with pytest.raises(TaskError, match="2980 more") as raised:
            asked(xml, data)
        assert len(str(raised.value)) < 4000


def test_a_predicted_task_names_what_was_blank() -> None:
    predictor = PredictorSettings(TINY, 0.3, None).for_label_config(TWO)
    requests = predictor.requests(Task(id=1, data={"a": url("a"), "b": ""}))
    assert isinstance(requests, TaskRequests)

    slot = predictor.slot(1, requests, {job: answer() for job, _ in requests.values()})

    assert slot.prediction is not None
    assert [region["from_name"] for region in slot.prediction.result] == ["bl"]
    assert len(slot.left_out) == 1
    assert "'b'" in slot.left_out[0]


def test_regions_say_which_page_they_are_on() -> None:
    """Label Studio's editor keeps the page as `item_index`; the same box on two pages has two ids."""
    predictor = PredictorSettings(TINY, 0.3, None).for_label_config(PAGES)
    requests = predictor.requests(Task(id=1, data={"pages": [url("p"), "", url("q")]}))
    assert isinstance(requests, TaskRequests)

    slot = predictor.slot(1, requests, {job: answer() for job, _ in requests.values()})

    assert slot.prediction is not None
    result = slot.prediction.result
    assert [(region["to_name"], region["item_index"]) for region in result] == [
        ("img", 0),
        ("img", 2),
    ]
    assert len({region["id"] for region in result}) == 2


def test_a_page_keeps_what_is_per_region() -> None:
    """The steps of a page are about regions of the same page."""
    mood = '<Choices name="c" toName="img" perRegion="true"><Choice value="x"/></Choices>'
    plan = planned(PAGES.replace("</View>", f"{mood}</View>"))

    requests = requests_for_task(plan, {"pages": [url("p"), url("q")]}, parse_ref)

    for tag, request in requests.items():
        box, choice = request.steps
        assert choice.bases == (box,)
        assert box.image == choice.image == tag


def test_all_pages_ask_the_same() -> None:
    first, second = requests_for_task(
        planned(PAGES), {"pages": [url("p"), url("q")]}, parse_ref
    ).values()

    assert first.queries == second.queries
    assert first == ModelRequest(first.image, second.queries)


def answer() -> Answer:
    ring = Detection(Box(0, 0, 20, 20), "ring", 0.75)
    return Answer(ImageSize(40, 20), (Detections((ring,)),), "0" * 64)
