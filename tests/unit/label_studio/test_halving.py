"""A task that Label Studio cannot list is named; all others are listed, each once."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from backend.errors import Failure, LabelStudioUnavailable
from backend.label_studio import halving
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential

LEGACY = "0123456789abcdef0123456789abcdef01234567"


class Studio:
    """Answers 500, or what `answer` is, to every list that holds one of the bad tasks."""

    def __init__(self, tasks: range, bad: set[int]) -> None:
        self.tasks, self.bad = list(tasks), bad
        #: Ids that not even a selection may name, such as one that no database holds.
        self.unspeakable: set[int] = set()
        self.answer: dict[str, Any] = {"status_code": 500, "text": "<h1>Server Error</h1>"}
        #: Lists that are answered with an error although nothing is bad.
        self.hiccups = 0
        self.up = True
        self.asked = 0
        self.slept: list[float] = []
        #: Why tasks that came as failed ones did.
        self.named: dict[int, Failure] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            raise httpx.ConnectError("nobody there")
        if request.url.path == "/api/version/":
            return httpx.Response(200, json={"release": "1.23.2"})
        self.asked += 1
        query = json.loads(request.url.params["query"])
        chosen = query.get("selectedItems", {}).get("included")
        above = query["filters"]["items"][-1]["value"]
        found = [t for t in self.tasks if t > above and (chosen is None or t in chosen)]
        page = found[: int(request.url.params["page_size"])]
        whole = request.url.params["include"] != "id"
        if self.hiccups or (whole and set(page) & self.bad) or set(chosen or ()) & self.unspeakable:
            self.hiccups = max(0, self.hiccups - 1)
            return httpx.Response(**self.answer)
        tasks = [{"id": task, "data": {}, "predictions": []} for task in page]
        return httpx.Response(200, json={"tasks": tasks, "total": len(found)})

    def api(self) -> LabelStudioApi:
        credential = LabelStudioCredential("http://ls", SecretStr(LEGACY))
        transport = httpx.MockTransport(self)
        return LabelStudioApi("http://ls", credential, transport=transport, sleep=self.slept.append)

    def listed(self, **selection: Any) -> list[int]:
        pages = self.api().pages(3, each_alone=True, **selection)
        rows = [task for page in pages for task in page]
        assert [task.id for task in rows] == sorted({task.id for task in rows})
        self.named |= {task.id: task.failure for task in rows if task.failure is not None}
        return [task.id for task in rows if task.failure is None]


@settings(deadline=None)
@given(st.integers(0, 60), st.sets(st.integers(1, 60)), st.integers(1, 20), st.booleans())
def test_whatever_is_bad_the_others_are_listed(
    tasks: int, bad: set[int], page_size: int, by_id: bool
) -> None:
    """Wherever the bad ones stand, with any size of page, of a whole project or of some ids."""
    studio = Studio(range(1, tasks + 1), bad)
    chosen: dict[str, Any] = {"ids": list(range(1, 61))} if by_id else {}

    listed = studio.listed(page_size=page_size, **chosen)

    assert listed == [task for task in range(1, tasks + 1) if task not in bad]
    assert studio.named.keys() == bad & set(range(1, tasks + 1))


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500, "text": "<h1>Server Error</h1>"},
        {"status_code": 502, "text": ""},
        {"status_code": 503, "json": {"detail": "x"}},
        {"status_code": 504, "text": "gateway"},
        {"status_code": 200, "text": '{"tasks": [{"id": 1, "da'},
        {"status_code": 200, "text": "[" * 100_000},
        {"status_code": 200, "content": b'{"tasks": "\xff\xfe"}'},
    ],
)
def test_whatever_it_answers_instead_of_a_list(answer: dict[str, Any]) -> None:
    """An error's page, half an answer, what is nested too deeply."""
    studio = Studio(range(1, 10), {4})
    studio.answer = answer

    assert studio.listed(page_size=9) == [1, 2, 3, 5, 6, 7, 8, 9]
    assert "mend its data or delete it" in studio.named[4].message


def test_ids_that_no_request_may_name_are_named() -> None:
    """A database that has no room for a number answers 500 to whoever asks for it."""
    studio = Studio(range(1, 8), set())
    studio.unspeakable = {2**62, 2**63 - 1}

    assert studio.listed(ids=[1, 2, 3, 2**62, 2**63 - 1]) == [1, 2, 3]
    assert studio.named.keys() == studio.unspeakable


def test_what_passes_names_nobody() -> None:
    """A database that was locked for a moment."""
    studio = Studio(range(1, 30), set())
    studio.hiccups = 3

    assert studio.listed(page_size=4) == list(range(1, 30))
    assert studio.named == {}


def test_an_outage_is_an_outage() -> None:
    """Nobody is named when nothing is answered at all."""
    studio = Studio(range(1, 10), {4})
    studio.up = False

    with pytest.raises(LabelStudioUnavailable, match="nobody there"):
        studio.listed()
    assert studio.named == {}


def test_tasks_are_not_to_blame_where_none_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many in a row it is the server's trouble, whatever else it answers."""
    monkeypatch.setattr(halving, "IN_A_ROW", 10)
    studio = Studio(range(1, 100), set(range(1, 100)))

    with pytest.raises(LabelStudioUnavailable, match="500"):
        studio.listed()


def test_the_search_is_short() -> None:
    """A thousand tasks, one of them bad: some dozens of requests rather than a thousand."""
    studio = Studio(range(1, 1001), {567})

    assert len(studio.listed(page_size=1000)) == 999
    assert studio.asked < 40


def test_rows_of_tasks_that_cannot_be_listed_are_told_too() -> None:
    studio = Studio(range(1, 10), {4})

    found = studio.api().rows_of(3, "v", [1, 4, 5])

    assert found.lacking == {1, 5}
    assert found.unlisted.keys() == {4}


def test_who_does_not_ask_for_names_gets_the_error() -> None:
    with pytest.raises(LabelStudioUnavailable, match="500"):
        list(Studio(range(1, 10), {4}).api().pages(3))
