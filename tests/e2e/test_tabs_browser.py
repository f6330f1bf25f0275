"""Tabs that lead to what needs care, in Label Studio's own pages: each is opened, and worked through."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from backend.projects.our_tabs import OURS, REVIEW_FIRST, SAMPLE, is_default_of_ours
from tests.e2e.browser import SUBMIT, Editor, Page
from tests.e2e.review import firstpass, predicted

ROW = "[data-testid=table-row]"
#: The most that a tab may take to show its rows.
SHOWN_WITHIN_S = 30


@pytest.fixture
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as made:
        yield made


@pytest.fixture
def window(both: Running, window: webdriver.Chrome) -> webdriver.Chrome:
    """Somebody is signed in to Label Studio."""
    Editor(window, both.label_studio).sign_in()
    return window


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """Six uploaded images, and no backend."""
    made = client.create_project(request.node.name[:50], demo_config)
    client.upload(made, {image.name: image.png for image in demo_images(6)})
    return made


def shown(window: webdriver.Chrome, address: str) -> list[int]:
    """The ids of the tasks in the order in which the tab lists them, as soon as all are there."""
    window.get(address)
    began = time.monotonic()
    page = Page(window)
    page.until(lambda: page.all(ROW))
    assert time.monotonic() - began < SHOWN_WITHIN_S
    page.settled(ROW)
    assert not window.find_elements(By.XPATH, "//*[contains(text(), 'Runtime error')]")
    return page.until(lambda: [int(row.text.split()[0]) for row in page.all(ROW)])


def as_displayed(
    window: webdriver.Chrome, client: LabelStudioClient, tasks: list[int]
) -> list[int]:
    """These tasks in the order in which Label Tasks As Displayed gives them, each submitted."""
    page = Page(window)
    page.until(lambda: page.clicked("button[aria-label='Toggle open']"))
    displayed = "//*[text()='Label Tasks As Displayed']"
    page.until(lambda: window.find_elements(By.XPATH, displayed))[0].click()
    served: list[int] = []

    def just_submitted() -> list[int]:
        return [task for task in tasks if task not in served and client.annotations(task)]

    for _ in tasks:
        page.settled(".konvajs-content canvas")
        page.until(lambda: page.clicked(SUBMIT))
        served += page.until(just_submitted)
    return served


def test_each_kind_of_tab_is_opened_and_shows_its_tasks(
    both: Running,
    client: LabelStudioClient,
    api: LabelStudioApi,
    project: int,
    window: webdriver.Chrome,
) -> None:
    """Twice, since the pages store a tab again that they read otherwise; and they are then as we made them."""
    client.connect(project, both.backend)
    expected = predicted(api, project)
    made = firstpass(both, "tabs", "--project", str(project))
    views = {view.data.title: view.id for view in api.views(project)}
    assert list(views) == ["Default", *OURS]
    assert made.count("is made") == 5

    for _ in range(2):
        for title, tasks in expected.items():
            address = f"{both.label_studio.url}/projects/{project}/data?tab={views[title]}"
            assert address in made
            assert shown(window, address) == tasks, title

    assert firstpass(both, "tabs", "--project", str(project)).count("already so") == 4
    assert {view.data.title: view.id for view in api.views(project)} == views


@pytest.mark.parametrize("columns", [(), ("--columns",)], ids=["by ids", "by column"])
def test_the_order_and_the_sample_are_opened_and_show_their_tasks(
    both: Running,
    client: LabelStudioClient,
    api: LabelStudioApi,
    project: int,
    window: webdriver.Chrome,
    columns: tuple[str, ...],
) -> None:
    """Twice, as above; then Label Tasks As Displayed gives exactly what is displayed."""
    client.connect(project, both.backend)
    expected = predicted(api, project)
    unsure, middling, sure = expected[OURS[0]]
    (nothing,) = expected[OURS[1]]
    named = ("order", "--project", str(project), *columns, "--yes")
    firstpass(both, *named)
    firstpass(both, *named, "--sample", "3", "--seed", "5")
    views = {view.data.title: view for view in api.views(project)}
    assert list(views) == ["Default", REVIEW_FIRST, SAMPLE]
    address = f"{both.label_studio.url}/projects/{project}/data?tab="

    for _ in range(2):
        first = shown(window, f"{address}{views[REVIEW_FIRST].id}")
        sample = shown(window, f"{address}{views[SAMPLE].id}")
        assert first == [unsure, middling, sure, nothing]
        assert len(sample) == 3
        assert set(sample) < set(first)

    assert {view.data.title: view for view in api.views(project)} == views
    shown(window, f"{address}{views[REVIEW_FIRST].id}")
    assert as_displayed(window, client, first) == first
    assert api.count_tasks(project, filters=views[SAMPLE].data.filters) == 0


def test_default_is_where_everybody_lands(
    both: Running,
    client: LabelStudioClient,
    api: LabelStudioApi,
    project: int,
    window: webdriver.Chrome,
) -> None:
    """And looking at it makes it nobody's: it is still known to be ours."""
    client.connect(project, both.backend)
    firstpass(both, "tabs", "--project", str(project))

    tasks = shown(window, f"{both.label_studio.url}/projects/{project}/data")

    assert len(tasks) == 6
    assert is_default_of_ours(api.views(project)[0])


def test_label_tasks_as_displayed_goes_through_the_least_sure_first(
    both: Running,
    client: LabelStudioClient,
    api: LabelStudioApi,
    project: int,
    window: webdriver.Chrome,
) -> None:
    """Submitted one after the other, the lowest score comes first."""
    client.connect(project, both.backend)
    expected = predicted(api, project)[OURS[0]]
    firstpass(both, "tabs", "--project", str(project))
    tab = next(view.id for view in api.views(project) if view.data.title == OURS[0])
    shown(window, f"{both.label_studio.url}/projects/{project}/data?tab={tab}")
    assert as_displayed(window, client, expected) == expected


def test_a_tab_that_stops_the_data_manager_is_found_and_removed(
    both: Running,
    client: LabelStudioClient,
    api: LabelStudioApi,
    project: int,
    window: webdriver.Chrome,
) -> None:
    """Somebody else's, among a hundred; without being told to, doctor removes none."""
    client.connect(project, both.backend)
    for number in range(100):
        api.create_view(project, {"title": f"<b>{number}\u202e"})
    listed = {"filter": "filter:tasks:id", "operator": "in_list", "type": "Number", "value": [1]}
    planted = api.create_view(
        project,
        {"title": "<i>mine\u202e", "filters": {"conjunction": "and", "items": [listed]}},
    )
    address = f"{both.label_studio.url}/projects/{project}/data"
    window.get(address)
    page = Page(window)
    page.until(lambda: [one for one in window.get_log("browser") if "mobx" in one["message"]])

    found = firstpass(both, "doctor", "--project", str(project), code=1)

    assert f"tab {planted.id} (<i>mine\ufffd) filters by in_list" in found
    assert "this tab stops the Data Manager of the project for everybody" in found
    assert len(api.views(project)) == 101

    removed = firstpass(both, "doctor", "--project", str(project), "--remove-broken-tabs", code=0)

    assert f"tab {planted.id} (<i>mine\ufffd) filters by in_list" in removed
    assert "it is removed" in removed
    assert len(shown(window, address)) == 6
    firstpass(both, "tabs", "--project", str(project))
    assert [view.data.title for view in api.views(project)][100:] == [*OURS]
