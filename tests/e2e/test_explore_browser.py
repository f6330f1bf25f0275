"""The map of an index in a browser: by hand, by keys, in light and dark, wide and narrow.

The index is made up; `test_explore` has one of a real Label Studio.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from backend.pages.summary import Table
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.vectors.file_writer import open_writer
from backend.vectors.places import index_place, project_index
from backend.vectors.records import IndexedImage
from backend.web.app import create_app
from backend.web.explore_source import ExploreSource
from backend.web.explore_view import Cluster, CopiesFound, Explored, MapPoint, Remark
from backend.web.monitor import QueueMonitor
from tests.e2e.axe import SCHEMES, amiss, keep, look, overflow
from tests.e2e.browser import Page
from tests.e2e.chromium import SharedChromium
from tests.standin.queue import StandInQueue
from tests.unit.vectors.made_rows import image, region

ENGINE = engine_for("tiny")
LABEL_STUDIO = "http://label-studio.example"
#: Two islands, left and right, of as many images each.
EACH = 20
WIDTHS = (1200, 375)


def picture(colour: str) -> bytes:
    told = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(told, "JPEG")
    return told.getvalue()


def an_image(task: int) -> IndexedImage:
    colour = "navy" if task <= EACH else "orange"
    made = image(task, replace(region(task, "<i>star</i>"), thumbnail=picture("white")))
    return replace(made, thumbnail=picture(colour))


def explored(rows: Sequence[int]) -> Explored:
    random = np.random.default_rng(5)
    left = [
        MapPoint(row, 0.2 + random.normal(0, 0.03), 0.5 + random.normal(0, 0.03), 1)
        for row in rows[:EACH]
    ]
    right = [
        MapPoint(row, 0.8 + random.normal(0, 0.03), 0.5 + random.normal(0, 0.03), 2)
        for row in rows[EACH:]
    ]
    return Explored(
        made_at="2026-11-28T11:00:00Z",
        state="",
        points=(*left, *right),
        clusters=(Cluster(1, "night", EACH, rows[:6]), Cluster(2, "<b>day</b>", EACH, rows[EACH : EACH + 6])),
        copies=(CopiesFound(rows[:2], "the same pixels", conflict=True),),
        odd=(Remark(rows[3], "far from all others: 0.91"),),
        quality=(Remark(rows[4], "blurred: a hint"),),
        tables=(Table("Gaps", ("label", "scene", "seen#"), [("star", "night", "0")]),),
        notes=("40 images, generated",),
    )  # fmt: skip


class Served:
    """A web process over a made index, and the tabs that were asked of it."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tabs: list[Sequence[int]] = []
        place = index_place(home, project_index(LABEL_STUDIO, 3), classifier_of(ENGINE) or "")
        with open_writer(place) as writer:
            writer.put(an_image(task) for task in range(1, 2 * EACH + 1))
        self.home = home
        service = PredictionService(
            queue=StandInQueue(lambda request: None),
            predictors=PredictorSettings(ENGINE, 0.3, None),
            waits=WaitLimits(8, 1, 1),
        )
        settings = load_settings(home=home, label_studio_url=LABEL_STUDIO)
        running = RunningService(service, start=lambda: None, close=lambda: None)
        monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
        self.app = create_app(settings, running, monitor, self.make_tab)
        source = ExploreSource(settings, ENGINE, service.queue)
        rows = [one.row for one in source.rows(3).images()]
        monkeypatch.setattr(ExploreSource, "explored", lambda self, project: explored(rows))

    def make_tab(self, project: int, tasks: Sequence[int]) -> tuple[str, str]:
        self.tabs.append(tasks)
        return "Firstpass: chosen", f"{LABEL_STUDIO}/projects/{project}/data?tab=5"


@contextmanager
def serving(app: object) -> Iterator[str]:
    """The address of an application while it is served by a thread of this process."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(tmp_path, monkeypatch)


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    with serving(served.app) as at:
        yield at


@pytest.fixture
def window(url: str, shared_chromium: SharedChromium) -> Iterator[webdriver.Chrome]:
    with shared_chromium.window(url) as opened:
        look(opened, "light", WIDTHS[0])
        yield opened


def opened(window: webdriver.Chrome, url: str) -> Page:
    window.get(f"{url}/explore/3")
    page = Page(window)
    page.until(lambda: canvas(window).get_attribute("data-points") == str(2 * EACH))
    return page


def canvas(window: webdriver.Chrome):
    return window.find_element(By.ID, "map")


def said(window: webdriver.Chrome) -> str:
    return window.find_element(By.ID, "said").text


def chosen(window: webdriver.Chrome) -> list[str]:
    return [one.text for one in window.find_elements(By.CSS_SELECTOR, "#chosen figcaption > a")]


def lasso(window: webdriver.Chrome, left: float, right: float) -> None:
    """Drag around a part of the map, given as shares of its width."""
    at = canvas(window)
    wide, high = at.size["width"], at.size["height"] - 20
    window.execute_script("arguments[0].scrollIntoView({block: 'center'})", at)
    steps = [(left, -0.5), (right, -0.5), (right, 0.5), (left, 0.5)]
    moves = ActionChains(window, duration=20).move_to_element_with_offset(
        at, int((left - 0.5) * wide), int(-0.5 * high)
    )
    moves.click_and_hold()
    for x, y in steps[1:]:
        moves.move_to_element_with_offset(at, int((x - 0.5) * wide), int(y * high))
    moves.release().perform()


def test_what_a_lasso_holds_is_listed_and_made_a_tab(
    served: Served, url: str, window: webdriver.Chrome
) -> None:
    page = opened(window, url)

    lasso(window, 0.1, 0.5)

    page.until(lambda: said(window) == f"{EACH} images chosen")
    page.until(lambda: chosen(window) == [f"task {task}" for task in range(1, EACH + 1)])
    figure = window.find_element(By.CSS_SELECTOR, "#chosen figure")
    link = figure.find_element(By.CSS_SELECTOR, "figcaption > a").get_attribute("href")
    assert link == f"{LABEL_STUDIO}/projects/3/data?task=1"
    width = "return arguments[0].querySelector('img').naturalWidth"
    page.until(lambda: window.execute_script(width, figure) == 96)
    window.find_element(By.ID, "tab").click()
    page.until(lambda: said(window) == "made: Firstpass: chosen")
    assert served.tabs == [list(range(1, EACH + 1))]
    made = window.find_element(By.CSS_SELECTOR, "#said a").get_attribute("href")
    assert made == f"{LABEL_STUDIO}/projects/3/data?tab=5"
    window.find_element(By.ID, "none").click()
    page.until(lambda: said(window) == "nothing chosen")
    assert chosen(window) == []
    assert window.get_log("browser") == []


def test_the_map_is_used_by_keys(url: str, window: webdriver.Chrome) -> None:
    """Arrows go from point to point, which is said; Enter chooses. A cluster has a button."""
    page = opened(window, url)
    canvas(window).send_keys(Keys.ARROW_RIGHT)
    first = page.seen(lambda: said(window), lambda text: text.startswith("task"))
    canvas(window).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.seen(lambda: said(window), lambda text: text != first).startswith("task ")

    canvas(window).send_keys(Keys.ENTER)
    page.until(lambda: said(window) == "1 image chosen")
    canvas(window).send_keys(Keys.ESCAPE)
    page.until(lambda: said(window) == "nothing chosen")
    button = window.find_element(By.CSS_SELECTOR, 'button[data-cluster="2"]')
    window.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)

    page.until(lambda: said(window) == f"{EACH} images chosen")
    page.until(lambda: chosen(window)[:1] == [f"task {EACH + 1}"])


def test_every_page_can_be_read(
    url: str, window: webdriver.Chrome, request: pytest.FixtureRequest
) -> None:
    """In light and dark, wide and narrow; nothing is cut off, nothing is refused by the policy."""
    screenshots: Path = request.config.getoption("--screenshots")
    pages = (
        "explore/3",
        "explore/3/copies",
        "explore/3/odd",
        "crops/3",
        "crops/3/%3Ci%3Estar%3C%2Fi%3E",
    )
    for name in pages:
        window.get(f"{url}/{name}")
        if name == "explore/3":
            Page(window).until(lambda: canvas(window).get_attribute("data-points"))
        for scheme in SCHEMES:
            for width in WIDTHS:
                look(window, scheme, width)
                assert amiss(window) == [], f"{name}, {scheme}, {width} px"
                assert overflow(window) <= 0, f"{name}, {scheme}, {width} px"
                keep(
                    window,
                    screenshots,
                    f"{name.partition('%')[0].replace('/', '-')}-{scheme}-{width}",
                )
        assert window.get_log("browser") == []


def test_a_search_is_typed_and_sent(url: str, window: webdriver.Chrome) -> None:
    """Nobody answers here, which the page says."""
    page = opened(window, url)

    window.find_element(By.NAME, "q").send_keys("red star", Keys.ENTER)

    page.until(
        lambda: "Found for \u201cred star\u201d" in window.find_element(By.TAG_NAME, "main").text
    )
    assert "Not done in time" in window.find_element(By.TAG_NAME, "main").text
    assert window.current_url == f"{url}/explore/3?q=red+star"
    assert window.find_element(By.NAME, "q").get_attribute("value") == "red star"
