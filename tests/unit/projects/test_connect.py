"""Steps of `connect` that a real Label Studio does not bring about at will."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from backend.projects.connect import Connector
from backend.projects.finding import Finding, Level
from backend.projects.our_tabs import OURS as OUR_TITLES
from backend.projects.review_order import LEAST_SURE_FIRST
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    OLD,
    OURS,
    PROJECT,
    URL,
    VERSION,
    a_backend,
    a_label_studio,
    a_project,
    a_webhook,
    our_web,
)


def connect(
    label_studio: StandInLabelStudio, project: int = PROJECT, **changes: Any
) -> list[Finding]:
    web = changes.pop("web", our_web())
    connector = Connector(label_studio.api(), web, replace(OURS, **changes), wait_s=0)
    return list(connector.connect(project))


@pytest.fixture
def connected() -> StandInLabelStudio:
    """All is as it should be; there is nothing to open."""
    made = a_label_studio()
    made.backends, made.webhooks = [a_backend()], [a_webhook()]
    return made


def test_what_is_right_is_left_alone(connected: StandInLabelStudio) -> None:
    """Not one request changes anything."""
    findings = connect(connected)

    assert connected.writes == []
    assert [f.level for f in findings[3:]] == [*[Level.ALREADY] * 3, Level.WARNING]


def test_a_user_who_may_only_read_is_told_so() -> None:
    """And nothing is changed."""
    label_studio = a_label_studio()
    label_studio.refusal = 403, {"detail": "You do not have permission to perform this action."}

    last = connect(label_studio)[-1]

    assert last.level is Level.ERROR
    assert "use the token of a user who may change the project" in last.what
    assert [path for _, path, _ in label_studio.writes] == ["/api/ml/"]


def test_an_unknown_project_is_said_before_anything_is_asked() -> None:
    label_studio = a_label_studio()

    findings = connect(label_studio, 99)

    assert "there is no project 99" in findings[-1].what
    assert label_studio.writes == []


def test_every_field_goes_along_when_the_backend_is_repaired(connected: StandInLabelStudio) -> None:
    """Label Studio tries what it is sent, not what it holds: address, project and password too."""
    connected.backends = [a_backend(id=9, title=OLD)]

    findings = connect(connected)

    assert findings[3].level is Level.REPAIRED
    (method, path, body), *_ = connected.writes
    assert (method, path) == ("PATCH", "/api/ml/9")
    assert body == {**OURS.fields(VERSION), "project": PROJECT}


def test_a_backend_that_stays_disconnected_is_an_error(connected: StandInLabelStudio) -> None:
    bad = a_backend(state="ER", readable_state="Error", error_message="500 Server Error")
    connected.backends = [bad]
    connected.refusal = 200, bad

    last = connect(connected)[-1]

    assert last.level is Level.ERROR
    assert "as Error: 500 Server Error" in last.what


def test_two_firstpasses_are_told_apart(connected: StandInLabelStudio) -> None:
    """Label Studio got another version from the address than we did."""
    connected.backends = [a_backend(model_version=OLD)]

    last = connect(connected)[-1]

    assert last.level is Level.ERROR
    assert "they are two" in last.what


def test_without_a_worker_or_a_webhook_secret_it_warns(connected: StandInLabelStudio) -> None:
    def no_worker(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ready":
            told = {"ready": False, "workers": 0, "reason": "no worker is alive", "remedy": ""}
            return httpx.Response(503, json=told)
        return httpx.Response(200, json={"workers": 0, "model_version": VERSION})

    warnings = [
        f.what
        for f in connect(connected, web=our_web(no_worker), webhook_secret=None)
        if f.level is Level.WARNING
    ]

    assert "nothing is predicted yet: no worker is alive" in warnings
    assert any("webhooks carry no credentials" in what for what in warnings)


def test_open_access_needs_no_webhook_secret(connected: StandInLabelStudio) -> None:
    connected.backends = [a_backend(auth_method="NONE", basic_auth_user="")]

    findings = connect(connected, user=None, password=None, webhook_secret=None)

    assert not any("credentials" in finding.what for finding in findings)


def test_the_version_that_the_project_shows_is_put_right(connected: StandInLabelStudio) -> None:
    connected.found = a_project(model_version=None, show_collab_predictions=False)

    connect(connected)

    assert connected.found["model_version"] == VERSION
    assert connected.found["show_collab_predictions"] is True


def test_where_another_backend_is_asked_no_trial_is_made(connected: StandInLabelStudio) -> None:
    """Opening a task would have that one predict."""
    connected.backends = [a_backend(id=1, url="http://other", title="Other"), a_backend()]
    connected.put({"id": 1, "data": {}})

    findings = connect(connected)

    assert any("'Other' (http://other)" in f.what for f in findings if f.level is Level.WARNING)
    assert findings[-1].what == f"a webhook calls {URL}/webhook"


def test_tabs_are_made_when_asked_for(connected: StandInLabelStudio) -> None:
    """They go by the version that the project has just come to show."""
    connected.store([1], VERSION)
    connected.put({"id": 1})
    findings = list(
        Connector(connected.api(), our_web(), OURS, wait_s=0, tabs_at="http://ls").connect(PROJECT)
    )

    assert [view["data"]["title"] for view in connected.views] == ["Default", *OUR_TITLES]
    assert VERSION in str(connected.views)
    assert [f.level for f in findings[6:11]] == [Level.DONE] * 5


def test_who_may_not_make_tabs_is_connected_all_the_same(connected: StandInLabelStudio) -> None:
    """He is told what to do."""
    connected.store([1], VERSION)
    connected.put({"id": 1})
    connected.refusal = 403, {"detail": "You do not have permission to perform this action."}

    findings = list(
        Connector(connected.api(), our_web(), OURS, wait_s=0, tabs_at="http://ls").connect(PROJECT)
    )

    assert findings[6].level is Level.WARNING
    assert "tabs for review are not all there" in findings[6].what
    assert "`firstpass tabs --project 7`" in str(findings[6].fix)
    assert Level.ERROR not in [f.level for f in findings]


@pytest.mark.parametrize(
    ("review_order", "sampling"), [(True, LEAST_SURE_FIRST), (None, "x"), (False, "x")]
)
def test_the_review_order_is_set_when_asked_for(
    connected: StandInLabelStudio, review_order: bool | None, sampling: str
) -> None:
    connected.found["sampling"] = "x"

    list(
        Connector(connected.api(), our_web(), OURS, wait_s=0, review_order=review_order).connect(
            PROJECT
        )
    )

    assert connected.found["sampling"] == sampling
