"""The stand-in Label Studio as the tests of projects have it, and what is ours in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from backend.label_studio.records import Backend, Project, Webhook
from backend.plain import Json
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from tests.standin.label_studio import StandInLabelStudio

URL = "http://web:9090"
VERSION = "tiny-0123456789"
OLD = "tiny-aaaaaaaaaa"
PROJECT = 7

OURS = OurBackend(URL, "user", "pass", "sesame")


def a_backend(**changes: Any) -> Json:
    """Ours, as it should stand."""
    return {
        "id": 3,
        "url": URL,
        "title": VERSION,
        "model_version": VERSION,
        "is_interactive": True,
        "auto_update": True,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "user",
        "state": "CO",
        "readable_state": "Connected",
        "error_message": None,
        **changes,
    }


def a_webhook(**changes: Any) -> Json:
    """Ours, as it should stand."""
    return {
        "id": 5,
        "url": f"{URL}/webhook",
        "headers": {"X-Firstpass-Secret": "sesame"},
        "is_active": True,
        "send_payload": True,
        "send_for_all_actions": True,
        **changes,
    }


def a_project(**changes: Any) -> Json:
    return {
        "id": PROJECT,
        "title": "Shapes",
        "label_config": "<View/>",
        "model_version": VERSION,
        "show_collab_predictions": True,
        "task_number": 1,
        "created_at": "2026-11-20T20:48:18.345678Z",
        **changes,
    }


def the_backend(**changes: Any) -> Backend:
    return Backend.model_validate(a_backend(**changes))


def the_webhook(**changes: Any) -> Webhook:
    return Webhook.model_validate(a_webhook(**changes))


def the_project(**changes: Any) -> Project:
    return Project.model_validate(a_project(**changes))


def a_label_studio() -> StandInLabelStudio:
    """The stand-in with that project; nothing is connected to it."""
    made = StandInLabelStudio(project=PROJECT)
    made.found = a_project()
    return made


def our_web(answers: Callable[[httpx.Request], httpx.Response] | None = None) -> OurWeb:
    """Our web process; healthy with a worker, and of `VERSION`, unless told otherwise."""

    def healthy(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/setup":
            return httpx.Response(200, json={"model_version": VERSION})
        if request.url.path == "/ready":
            return httpx.Response(200, json={"ready": True, "workers": 1})
        return httpx.Response(200, json={"version": "0.1.0", "workers": 1})

    return OurWeb((URL,), OURS.auth, transport=httpx.MockTransport(answers or healthy))
