"""Doctor ends in findings whatever is at Label Studio's address, and at ours."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.projects.doctor.run import Doctor
from backend.projects.finding import Finding, Level
from backend.projects.our_web import OurWeb
from backend.queue.connection import connect
from backend.settings import Settings

TOKEN = SecretStr("0" * 40)
SETTINGS = Settings(
    label_studio_url="http://ls",
    label_studio_api_key=TOKEN,
    model="tiny",
    port=1,
)
DEEP = "[" * 100_000 + "]" * 100_000
BACKEND = {
    "id": 1,
    "url": "http://127.0.0.1:1",
    "title": "x",
    "state": "CO",
    "error_message": None,
    "readable_state": "",
    "model_version": "x",
    "is_interactive": True,
    "auto_update": True,
    "basic_auth_user": None,
}
PROJECT = {
    "id": 3,
    "title": "x",
    "label_config": "<View/>",
    "model_version": "x",
    "show_collab_predictions": True,
    "task_number": 0,
    "created_at": "2026-11-20T20:48:18.345678Z",
}
GOOD: dict[str, Any] = {
    "/api/current-user/whoami": {"email": "a@example.com"},
    "/api/version/": {"release": "1.23.2"},
    "/api/projects/": {"results": [{"id": 3, "title": "x"}], "next": None},
    "/api/projects/3/": PROJECT,
    "/api/ml/": [BACKEND],
    "/api/webhooks/": [],
    "/api/tasks/": {"tasks": [], "total": 0},
}


def look(
    answers: dict[str, Any], project: str | None, monkeypatch: pytest.MonkeyPatch
) -> list[Finding]:
    """Doctor's findings about a Label Studio that answers so; 404 elsewhere."""

    def answer(request: httpx.Request) -> httpx.Response:
        said = answers.get(request.url.path)
        if isinstance(said, str):
            return httpx.Response(200, text=said)
        if said is None and request.url.path not in answers:
            return httpx.Response(404, json={"detail": "Not found."})
        return httpx.Response(200, json=said)

    def api(settings: Settings) -> LabelStudioApi:
        transport = httpx.MockTransport(answer)
        return LabelStudioApi(
            "http://ls", LabelStudioCredential("http://ls", TOKEN), transport=transport
        )

    monkeypatch.setattr(LabelStudioApi, "from_settings", api)
    doctor = Doctor(SETTINGS, lambda: connect("redis://127.0.0.1:1/0", retries=0))
    return list(doctor.look(project))


def test_the_good_answers_get_to_the_label_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each odd one below is the reason for what is found there."""
    found = [one.what for one in look(GOOD, "3", monkeypatch)]
    assert any("no control tag" in what or "nothing" in what for what in found), found
    assert "project 3: x" in [one.what for one in look(GOOD, None, monkeypatch)]


ODD: tuple[object, ...] = (
    {},
    [],
    None,
    5,
    "text",
    "",
    DEEP,
    '{"results": [[]]}',
    "\ud83d",
    [None],
    [{}],
    {"a": DEEP[:3000]},
)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("project", [None, "3", "x"])
def test_one_odd_answer_is_a_finding(
    path: str, odd: object, project: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No exception of any kind; the reasons are sentences."""
    said = (
        odd.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        if isinstance(odd, str)
        else odd
    )
    findings = look({**GOOD, path: said}, project, monkeypatch)
    assert findings
    assert all(len(one.what) < 1000 for one in findings)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_address_that_answers_so_throughout_is_an_error(
    odd: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no Label Studio, and nothing is said to be well of it."""
    said = (
        odd.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        if isinstance(odd, str)
        else odd
    )
    for project in (None, "3"):
        findings = look(dict.fromkeys(GOOD, said), project, monkeypatch)
        about = [one for one in findings if "abel Studio" in one.what or "answer" in one.what]
        assert any(one.level is Level.ERROR for one in about)
        assert not [one for one in about if "takes our" in one.what and one.level is Level.OK]


@pytest.mark.parametrize(
    "config", [None, {}, [], 5, True, "", "  ", "<View", "[]", "<View>" * 5000]
)
def test_a_label_config_that_is_none_is_a_finding(
    config: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {**GOOD, "/api/projects/3/": {**PROJECT, "label_config": config}}
    findings = look(answers, "3", monkeypatch)
    assert any("label config" in one.what and one.level is Level.ERROR for one in findings), (
        findings
    )


@pytest.mark.parametrize("health", [[], None, 5, "text", {}])
def test_our_own_address_may_be_anothers(health: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OurWeb, "health", lambda self: health)
    assert look(GOOD, None, monkeypatch)
