"""One bad task of a request costs itself: it says why, and all others are predicted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.images.reference import parse_image_ref
from backend.images.web_url import MAX_URL_CHARS
from tests.unit.web.test_app import CONFIG, Client, body, client

__all__ = ["client"]

HALF = "\ud83d"
CHOICES_OF_THE_TASK = (
    '<View><Image name="img" value="$image"/>'
    '<Choices name="scene" toName="img" value="$options"/></View>'
)
GOOD = "http://a.example/good.png"
#: A task as Label Studio, or anybody, may send it -> the kind of its failure.
BAD: dict[str, tuple[Any, str]] = {
    "half an emoji as the address": ({"id": 2, "data": {"image": HALF}}, "ImageRefused"),
    "half an emoji in a URL": ({"id": 2, "data": {"image": f"http://a/{HALF}"}}, "ImageRefused"),
    "half an emoji in a data URI": (
        {"id": 2, "data": {"image": f"data:image/png,{HALF}"}},
        "ImageRefused",
    ),
    "half an emoji in a key, without an image": ({"id": 2, "data": {HALF: 1}}, "TaskError"),
    "longer when percent-encoded": (
        {"id": 2, "data": {"image": "http://a.example/" + "é" * 6000}},
        "ImageRefused",
    ),
    "a local file that is longer when quoted": (
        {"id": 2, "data": {"image": "/data/local-files/?d=" + "é" * 6000}},
        "ImageRefused",
    ),
    "an upload that is longer when quoted": (
        {"id": 2, "data": {"image": "/data/upload/4/" + "é" * 6000}},
        "ImageRefused",
    ),
    "an id beyond every database": ({"id": 10**30, "data": {"image": GOOD}}, "TaskError"),
    "an id that no number can hold": ({"id": float("inf"), "data": {}}, "TaskError"),
    "a negative id": ({"id": -1, "data": {"image": GOOD}}, "TaskError"),
    "an id that is text": ({"id": "seven", "data": {"image": GOOD}}, "TaskError"),
    "no data": ({"id": 2}, "TaskError"),
    "data that is a list": ({"id": 2, "data": [GOOD]}, "TaskError"),
    "data that is null": ({"id": 2, "data": None}, "TaskError"),
    "null": (None, "TaskError"),
    "a number": (7, "TaskError"),
    "a list": ([], "TaskError"),
    "an image that is a number": ({"id": 2, "data": {"image": 10**400}}, "TaskError"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_task_fails_alone(client: Client, what: str) -> None:
    """Nine others are predicted, in their order."""
    task, kind = BAD[what]
    request = body(*[f"http://a.example/{number}.png" for number in range(9)])
    request["tasks"].insert(4, task)

    reply = client().post("/predict", content=json.dumps(request))

    assert reply.status_code == 200
    assert [bool(entry) for entry in reply.json()["results"]] == [True] * 4 + [False] + [True] * 5
    assert [error["kind"] for error in reply.json()["errors"]] == [kind]


@pytest.mark.parametrize(
    "data",
    [
        {"image": GOOD, "text": HALF},
        {"image": GOOD, HALF: HALF},
        {"image": GOOD, "number": float("nan")},
        {"image": GOOD, "deep": json.loads("[" * 300 + "]" * 300)},
    ],
)
def test_what_is_never_looked_at_is_no_harm(client: Client, data: dict[str, Any]) -> None:
    """Label Studio stores such data; its image is predicted."""
    request = {"tasks": [{"id": 1, "data": data}], "label_config": CONFIG}

    reply = client().post("/predict", content=json.dumps(request)).json()

    assert reply["errors"] == []
    assert reply["results"][0]["result"]


def test_a_number_too_long_for_python_is_read_too(client: Client) -> None:
    """It stands beside the image; Python itself refuses to read it as a whole number."""
    raw = json.dumps(body(GOOD, GOOD)).replace('"data": {', '"data": {"n": ' + "9" * 5000 + ", ", 1)

    reply = client().post("/predict", content=raw).json()

    assert all(reply["results"])


def test_bytes_of_half_an_emoji_are_read_as_label_studio_reads_them(client: Client) -> None:
    """Some write it so instead of escaped."""
    request = json.dumps(body(f"{GOOD}?{HALF}", GOOD), ensure_ascii=False)

    reply = client().post("/predict", content=request.encode("utf-8", "surrogatepass")).json()

    assert [bool(entry) for entry in reply["results"]] == [False, True]


@pytest.mark.parametrize("option", [{"value": HALF}, {"value": "in", "alias": HALF}])
def test_choices_with_half_an_emoji_fail_their_task_alone(
    client: Client, option: dict[str, str]
) -> None:
    """No model can be asked such a text, and no row may hold it."""
    request = {
        "tasks": [
            {"id": 1, "data": {"image": GOOD, "options": [option, {"value": "out"}]}},
            {"id": 2, "data": {"image": GOOD, "options": [{"value": "in"}, {"value": "out"}]}},
        ],
        "label_config": CHOICES_OF_THE_TASK,
    }

    reply = client().post("/predict", content=json.dumps(request)).json()

    assert [bool(entry) for entry in reply["results"]] == [False, True]
    assert "half a character" in reply["errors"][0]["message"]


def test_the_longest_reference_that_is_taken_is_asked(client: Client) -> None:
    """The bound is one of the normal form, wherever it is looked at."""
    longest = "http://a.example/".ljust(MAX_URL_CHARS, "x")

    reply = client().post("/predict", json=body(longest, f"{longest}x")).json()

    assert [bool(entry) for entry in reply["results"]] == [True, False]


def test_a_mistake_of_ours_costs_its_task_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises: the others of the request are predicted."""

    def mistaken(value: object, **more: Any) -> Any:
        if value == "http://a.example/2.png":
            raise ZeroDivisionError("ours")
        return parse_image_ref(value, **more)

    monkeypatch.setattr("backend.prediction.predictor.parse_image_ref", mistaken)

    reply = client().post("/predict", json=body(GOOD, "http://a.example/2.png", GOOD)).json()

    assert [bool(entry) for entry in reply["results"]] == [True, False, True]
    assert reply["errors"][0]["kind"] == "InternalError"


@pytest.mark.parametrize(
    "data", [{"k" * 1_000_000: 1}, {f"key {number}": 1 for number in range(10_000)}]
)
def test_a_reason_is_a_sentence_whatever_keys_the_task_has(
    client: Client, data: dict[str, Any]
) -> None:
    """Neither one long key nor many of them are repeated in full."""
    request = body(GOOD)
    request["tasks"].insert(0, {"id": 2, "data": data})

    reply = client().post("/predict", json=request).json()

    (error,) = reply["errors"]
    assert "the task's data has k" in error["message"]
    assert len(error["message"]) < 2000
    assert reply["results"][1]


@pytest.mark.parametrize("route", ["/predict", "/setup"])
def test_a_project_has_a_name_that_can_be_kept(client: Client, route: str) -> None:
    """It is remembered, and named in each line of the log."""
    refused = client().post(route, json=body(GOOD, schema=CONFIG, project="4" * 1000))

    assert refused.status_code == 400
    assert "project" in refused.json()["error"]["message"]
