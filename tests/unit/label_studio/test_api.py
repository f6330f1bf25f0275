"""What `LabelStudioApi` asks of Label Studio, and what it makes of the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from backend.errors import LabelStudioUnavailable, SettingsError
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.settings import Settings

LEGACY = "0123456789abcdef0123456789abcdef01234567"


class StandIn:
    """Answers with what is laid down by method and path; keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(200, json=answer(request) if callable(answer) else answer)

    def api(self) -> LabelStudioApi:
        credential = LabelStudioCredential("http://ls", SecretStr(LEGACY))
        return LabelStudioApi("http://ls", credential, transport=httpx.MockTransport(self))

    def queries(self) -> list[dict[str, Any]]:
        return [json.loads(request.url.params["query"]) for request in self.asked]


def tasks_of(*tasks: dict[str, Any]) -> Any:
    """The listing of these tasks, as far as the query selects and goes past them."""

    def answer(request: httpx.Request) -> dict[str, Any]:
        query = json.loads(request.url.params["query"])
        above = query["filters"]["items"][-1]["value"]
        chosen = query.get("selectedItems", {}).get("included")
        found = [
            task
            for task in tasks
            if task["id"] > above and (chosen is None or task["id"] in chosen)
        ]
        return {"tasks": found[: int(request.url.params["page_size"])], "total": len(found)}

    return answer


def row(number: int, version: str | None) -> dict[str, Any]:
    return {"id": number, "model_version": version, "result": []}


def backend(number: int) -> dict[str, Any]:
    texts = ("url", "title", "model_version", "basic_auth_user", "state")
    named = dict.fromkeys((*texts, "readable_state", "error_message"), "")
    return {"id": number, **named, "is_interactive": True, "auto_update": True}


def test_pages_hold_raw_data_and_have_no_backend_asked() -> None:
    """Listing must not start predictions, and cloud addresses stay as `/predict` gets them."""
    stand_in = StandIn(**{"GET /api/tasks/": tasks_of(*({"id": i} for i in range(1, 8)))})

    pages = list(stand_in.api().pages(3, page_size=3))

    assert [[task.id for task in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]
    for request in stand_in.asked:
        assert request.url.params["review"] == "true"
        assert request.url.params["resolve_uri"] == "false"
        assert request.url.params["project"] == "3"


def test_ids_are_asked_in_chunks_that_fit_an_address() -> None:
    """In ascending order, each once."""
    ids = list(range(1_000_000, 1_000_450))
    stand_in = StandIn(**{"GET /api/tasks/": tasks_of(*({"id": i} for i in ids))})

    found = [task.id for page in stand_in.api().pages(3, ids=ids[::-1] + ids[:5]) for task in page]

    assert found == ids
    assert max(len(str(request.url)) for request in stand_in.asked) < 4000


def test_no_ids_are_no_tasks() -> None:
    """Label Studio takes an empty selection for no selection, so it is not asked."""
    assert list(StandIn().api().pages(3, ids=[])) == []
    assert StandIn().api().rows_of(3, "v", []).rows == {}


def test_a_view_gives_its_filters() -> None:
    filters = {"conjunction": "and", "items": [{"filter": "filter:tasks:data.a", "value": "x"}]}
    views = [{"id": 8, "data": {"title": "New"}}, {"id": 9, "data": {"filters": filters}}]
    stand_in = StandIn(
        **{"GET /api/dm/views/": views, "GET /api/tasks/": {"tasks": [], "total": 0}}
    )

    assert list(stand_in.api().pages(3, view=9)) == []

    query = json.loads(stand_in.asked[-1].url.params["query"])
    assert query["filters"]["items"][0] == filters["items"][0]
    with pytest.raises(SettingsError, match=r"got 10; it has 8 \(New\), 9"):
        list(stand_in.api().pages(3, view=10))


def test_lacking_and_doubled_go_by_the_exact_version() -> None:
    """A version that contains ours is another one; tasks that are gone are in neither."""
    listing = tasks_of(
        {"id": 1, "predictions": [row(11, "tiny-1")]},
        {"id": 2, "predictions": [row(12, "tiny-1x"), row(13, "x-tiny-1"), row(14, None)]},
        {"id": 3, "predictions": []},
        {"id": 4, "predictions": [row(19, "tiny-1"), row(15, "tiny-1"), row(16, "old")]},
    )
    api = StandIn(**{"GET /api/tasks/": listing}).api()

    found = api.rows_of(3, "tiny-1", [1, 2, 3, 4, 5])

    assert found.rows == {1: [11], 2: [], 3: [], 4: [15, 19]}
    assert found.lacking == {2, 3}
    assert found.doubled == {4: [15, 19]}
    assert found.unlisted == {}


def test_rows_without_a_version_have_an_empty_name() -> None:
    counts = [{"model_version": "a", "count": 3}, {"model_version": None, "count": 0}]
    stand_in = StandIn(**{"GET /api/projects/3/model-versions/": {"static": counts, "live": None}})

    assert stand_in.api().model_versions(3) == {"a": 3, "": 0}


def test_projects_are_listed_to_the_last_page() -> None:
    def page(request: httpx.Request) -> dict[str, Any]:
        number = int(request.url.params["page"])
        count = 100 if number == 1 else 20
        listed = [{"id": 1000 * number + one, "title": "x"} for one in range(count)]
        return {"results": listed, "next": "more" if number == 1 else None}

    assert len(StandIn(**{"GET /api/projects/": page}).api().titles()) == 120


def test_the_first_backend_comes_first() -> None:
    """It is the only one that Label Studio asks."""
    stand_in = StandIn(**{"GET /api/ml/": [backend(7), backend(3)]})

    assert [backend.id for backend in stand_in.api().backends(1)] == [3, 7]


def test_an_answer_of_another_shape_is_said() -> None:
    with pytest.raises(
        LabelStudioUnavailable, match=r"expected an answer of Label Studio 1\.23 .* valid dict"
    ):
        StandIn(**{"GET /api/current-user/whoami": []}).api().email()


@pytest.mark.parametrize("given", [{}, {"label_studio_url": "http://ls"}])
def test_missing_settings_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="FIRSTPASS_LABEL_STUDIO_URL and a token"):
        LabelStudioApi.from_settings(Settings(**given))


def test_the_settings_name_label_studio_and_a_token_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(LEGACY)

    with LabelStudioApi.from_settings(
        Settings(label_studio_url="http://ls/", label_studio_api_key_file=file)
    ) as api:
        assert api.url == "http://ls"


def test_tasks_are_counted_in_one_request() -> None:
    """With the filters given, and the version that must be lacking beside them."""
    stand_in = StandIn(**{"GET /api/tasks/": {"tasks": [{"id": 1}], "total": 12345}})
    item = {"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": 9}

    counted = stand_in.api().count_tasks(
        3, filters={"conjunction": "and", "items": [item]}, lacking="tiny-1"
    )

    assert counted == 12345
    (query,) = stand_in.queries()
    assert query["filters"]["conjunction"] == "and"
    assert query["filters"]["items"][0] == item
    assert query["filters"]["items"][1]["value"] == ["tiny-1"]


def test_what_one_request_cannot_ask_is_not_counted() -> None:
    """One of several things, and the version lacking besides."""
    stand_in = StandIn(**{"GET /api/tasks/": {"tasks": [], "total": 5}})
    either = {"conjunction": "or", "items": [{"filter": "a"}, {"filter": "b"}]}

    assert stand_in.api().count_tasks(3, filters=either, lacking="tiny-1") is None
    assert stand_in.api().count_tasks(3, filters=either) == 5


def test_annotated_tasks_come_with_what_people_drew_and_each_once() -> None:
    """Also where Label Studio gives only stubs of annotations in its listings."""
    whole = {"id": 1, "annotations": [{"id": 7, "result": [1], "parent_prediction": None}]}
    stub = {"id": 2, "annotations": [{"id": 8}]}
    stand_in = StandIn(
        **{
            "GET /api/tasks/": tasks_of(whole, stub),
            "GET /api/tasks/2/annotations/": [{"id": 8, "result": [2]}],
        }
    )

    found = list(stand_in.api().annotated(3))

    assert [(task.id, [one.result for one in task.annotations]) for task in found] == [
        (1, [[1]]),
        (2, [[2]]),
    ]
    columns = {
        item["filter"]
        for request in stand_in.asked
        if request.url.path == "/api/tasks/"
        for item in json.loads(request.url.params["query"])["filters"]["items"]
    }
    assert columns >= {"filter:tasks:total_annotations", "filter:tasks:cancelled_annotations"}
    assert "include" not in stand_in.asked[0].url.params


def test_where_a_listing_lacks_the_origins_annotations_are_asked_for_alone() -> None:
    """Label Studio gives annotations short where it thinks that nobody needs more."""
    short, whole = {"id": 5, "result": []}, {"id": 5, "result": [], "parent_prediction": 11}
    listing = tasks_of(
        {"id": 1, "predictions": [row(11, "tiny-1")], "annotations": [short]},
        {"id": 2, "predictions": [], "annotations": []},
    )
    api = StandIn(**{"GET /api/tasks/": listing, "GET /api/tasks/1/annotations/": [whole]}).api()

    origins = [[one.parent_prediction for one in task.annotations] for task in api.with_rows(3)]
    assert origins == [[11], []]
