"""The pages of an index over HTTP: what is in its files, and nothing where there are none."""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.errors import Failure
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer, Outcome
from backend.queue.connection import connect
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexPlace, index_place, project_index
from backend.web.app import create_app
from backend.web.explore_source import ExploreSource
from backend.web.explore_view import Cluster, CopiesFound, Explored, MapPoint, Remark
from backend.web.monitor import QueueMonitor
from models.queries import SearchIndex
from models.types import Hits, IndexHit
from tests.standin.queue import StandInQueue
from tests.unit.vectors.made_rows import image, region

HOME_URL = "http://label-studio.example:8080"
ENGINE = engine_for("tiny")


def jpeg() -> bytes:
    told = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(told, "JPEG")
    return told.getvalue()


def indexed(home: Path) -> IndexPlace:
    """Two tasks: a car and a van on the first, a car on the second, whose name is not plain."""
    place = index_place(home, project_index(HOME_URL, 3), classifier_of(ENGINE) or "")
    with open_writer(place) as writer:
        writer.put(
            [
                image(7, region(1, score=0.25, source="prediction"), region(2, "a/<b>van")),
                image(8, region(3)),
            ]
        )
    return place


class Http:
    """A web process over `home`, whose workers answer as `answers` says."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self.answers: Callable[[ModelRequest], Outcome | None] = lambda request: None
        self.tabs: list[tuple[int, Sequence[int]]] = []
        self._stack, self._home = stack, home

    def client(self, *, makes_tabs: bool = True, **settings: Any) -> TestClient:
        service = PredictionService(
            queue=StandInQueue(lambda request: self.answers(request)),
            predictors=PredictorSettings(ENGINE, 0.3, None),
            waits=WaitLimits(8, 1, 1),
        )
        running = RunningService(service, start=lambda: None, close=lambda: None)
        monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
        told = load_settings(**{"home": self._home, "label_studio_url": HOME_URL, **settings})
        app = create_app(told, running, monitor, self.make_tab if makes_tabs else None)
        return self._stack.enter_context(TestClient(app))

    def make_tab(self, project: int, tasks: Sequence[int]) -> tuple[str, str]:
        self.tabs.append((project, tasks))
        return "Firstpass: chosen", f"{HOME_URL}/projects/{project}/data?tab=1"


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    with ExitStack() as stack:
        yield Http(stack, tmp_path)


def test_without_an_index_the_page_says_how_to_make_one(http: Http) -> None:
    page = http.client().get("/explore/3")

    assert page.status_code == 404
    assert "<code>firstpass index --project 3</code>" in page.text


def test_without_label_studios_address_it_says_what_is_missing(http: Http) -> None:
    page = http.client(label_studio_url=None).get("/explore/3")

    assert page.status_code == 404
    assert "FIRSTPASS_LABEL_STUDIO_URL" in page.text


def test_the_first_page_before_anything_was_explored(http: Http, tmp_path: Path) -> None:
    indexed(tmp_path)

    page = http.client().get("/explore/3")

    assert page.status_code == 200
    assert "<strong>2</strong>" in page.text
    assert "<code>firstpass explore --project 3</code>" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "img-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy


def explored(place: IndexPlace) -> Explored:
    return Explored(
        made_at="2026-11-28T11:00:00Z",
        state="another",
        points=(MapPoint(1, 0.0, 0.5, 2), MapPoint(4, 1.0, 1.0, 1), MapPoint(99, 0.1, 0.1)),
        clusters=(Cluster(2, "<i>night</i>", 1, (1, 99)),),
        copies=(CopiesFound((1, 4), "the same pixels", conflict=True),),
        odd=(Remark(4, "far from all others"),),
        oddness={3: 0.9, 5: 0.1},
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IndexPlace:
    place = indexed(tmp_path)
    monkeypatch.setattr(ExploreSource, "explored", lambda self, project: explored(place))
    return place


def test_the_first_page_shows_what_was_found(http: Http, seen: IndexPlace) -> None:
    """Names are escaped, each picture leads to its task, and a row that is gone is left out."""
    page = http.client().get("/explore/3").text

    assert "&lt;i&gt;night" in page
    assert "<i>night" not in page
    assert 'src="3/thumbnail/1"' in page
    assert "thumbnail/99" not in page
    assert f'href="{HOME_URL}/projects/3/data?task=7"' in page
    assert "labelled differently" in page
    assert "far from all others" in page
    assert "the index has changed since" in page
    assert 'id="tab"' in page
    assert 'href="../crops/3"' in page
    assert 'id="tab"' not in http.client(makes_tabs=False).get("/explore/3").text


def test_the_map_comes_as_columns(http: Http, seen: IndexPlace) -> None:
    """Of 14 bytes a point; those whose rows are gone are not among them."""
    told = http.client().get("/explore/3/map").content

    assert len(told) == 2 * 14
    assert array("I", told[:8]).tolist() == [1, 4]
    assert array("I", told[8:16]).tolist() == [7, 8]
    assert array("H", told[16:]).tolist() == [0, 65535, 32768, 65535, 2, 1]


def test_thumbnails_are_pictures_that_may_be_kept(http: Http, seen: IndexPlace) -> None:
    client = http.client()

    picture, gone = client.get("/explore/3/thumbnail/1"), client.get("/explore/3/thumbnail/99")

    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert picture.content == b"image 7"
    assert gone.status_code == 404
    assert client.get(f"/explore/3/thumbnail/{2**70}").status_code == 404
    figures = client.get("/explore/3/thumbnails", params={"rows": f"4,1,99,x,{2**70}"}).text
    assert figures.index("task 8") < figures.index("task 7")
    assert figures.count("<figure>") == 2


def test_each_question_has_a_page(http: Http, seen: IndexPlace) -> None:
    client = http.client()

    assert 'src="../3/thumbnail/4"' in client.get("/explore/3/copies").text
    assert "far from all others" in client.get("/explore/3/odd").text
    assert (
        "None." in client.get("/explore/3/quality").text
        or client.get("/explore/3/quality").status_code == 200
    )
    unknown = client.get("/explore/3/other")
    assert unknown.status_code == 404
    assert "copies, odd, quality" in unknown.text


def test_every_box_of_a_label_the_oddest_first(http: Http, seen: IndexPlace) -> None:
    client = http.client()

    index = client.get("/crops/3").text
    cars = client.get("/crops/3/car").text
    odd_name = client.get("/crops/3/a%2F%3Cb%3Evan").text
    same = client.get("/crops/3", params={"label": "car"}).text

    assert 'href="3/a%2F%3Cb%3Evan"' in index
    assert "a/&lt;b&gt;van" in index
    assert cars.index("thumbnail/5") > 0
    assert "2 boxes, the oddest first" in cars
    assert "../../explore/3/thumbnail/5" in cars
    assert "../explore/3/thumbnail/5" in same
    assert "drawn by a person" in odd_name
    gone = client.get("/crops/3/bus")
    assert gone.status_code == 404
    assert "there are boxes of" in gone.text


def test_a_search_is_answered_by_a_worker(http: Http, seen: IndexPlace) -> None:
    asked: list[ModelRequest] = []

    def answer(request: ModelRequest) -> Outcome:
        asked.append(request)
        hits = (IndexHit(2, "regions", 0.3, 4.2, 1.0), IndexHit(4, "images", 0.2, 3.0, 0.99))
        return Answer(None, (Hits(hits, 5),), "")

    http.answers = answer

    page = http.client().get("/explore/3", params={"q": "  red   star "}).text

    (query,) = asked[0].queries
    assert isinstance(query, SearchIndex)
    assert (query.index, query.sought) == (project_index(HOME_URL, 3), "red star")
    assert page.index("z 4.2, ahead of 100%") < page.index("z 3.0, ahead of 99%")
    assert "car 0.25, task 7" in page


def test_what_looks_like_a_row_comes_after_it(http: Http, seen: IndexPlace) -> None:
    """Each picture has the link to it."""
    hits = (IndexHit(5, "regions", 0.9, 4.2, 1.0),)
    http.answers = lambda request: Answer(None, (Hits(hits, 5),), "")

    page = http.client().get("/explore/3", params={"like": 2}).text

    assert 'href="3?like=2"' in page
    found = page[page.index("What looks like this") :]
    assert found.index("thumbnail/2") < found.index("this one") < found.index("thumbnail/5")
    assert http.client().get("/explore/3", params={"like": -1}).status_code == 422


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Failure("BadRequest", "no worker has it: do this", transient=False), "No worker has it: do this."),
        (None, "Not done in time"),
        (Answer(None, (Hits((), 0),), ""), "Nothing is indexed"),
    ],
)  # fmt: skip
def test_a_search_that_fails_says_why(
    http: Http, seen: IndexPlace, outcome: Outcome | None, said: str
) -> None:
    http.answers = lambda request: outcome

    assert said in http.client().get("/explore/3", params={"q": "star"}).text


def test_a_query_of_5000_characters_is_refused_in_words(http: Http, seen: IndexPlace) -> None:
    page = http.client().get("/explore/3", params={"q": "x" * 5000})

    assert page.status_code == 200
    assert "at most 200 characters" in page.text


def test_a_tab_is_made_of_chosen_tasks(http: Http, seen: IndexPlace) -> None:
    told = http.client().post("/explore/3/tab", json={"tasks": [8, 7]})

    assert told.status_code == 200
    assert told.json()["url"].endswith("?tab=1")
    assert http.tabs == [(3, [8, 7])]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Origin": "https://evil.example"}, {"tasks": [7]}),
        ({"Sec-Fetch-Site": "cross-site"}, {"tasks": [7]}),
        ({}, {"tasks": []}),
        ({}, {"tasks": ["x"]}),
        ({}, {"tasks": [1] * 201}),
    ],
)
def test_no_tab_for_other_sites_or_other_bodies(
    http: Http, seen: IndexPlace, headers: dict[str, str], body: Any
) -> None:
    """A form of another site cannot send JSON at all."""
    guarded = http.client(basic_auth_user="ann", basic_auth_pass="secret")

    callers: list[tuple[TestClient, Any]] = [(http.client(), None), (guarded, ("ann", "secret"))]
    for client, auth in callers:
        refused = client.post("/explore/3/tab", json=body, headers=headers, auth=auth)
        assert refused.status_code in (400, 403)
        assert client.post("/explore/3/tab", content="tasks=7", auth=auth).is_client_error
    assert http.tabs == []


def test_credentials_guard_every_page(http: Http, seen: IndexPlace) -> None:
    client = http.client(basic_auth_user="ann", basic_auth_pass="secret")

    for path in (
        "/explore/3",
        "/explore/3/map",
        "/explore/3/thumbnail/1",
        "/crops/3",
        "/explore/3/copies",
    ):
        assert client.get(path).status_code == 401
    assert client.post("/explore/3/tab", json={"tasks": [7]}).status_code == 401
