"""A small Label Studio in memory: one project, its backends and webhooks, as far as we ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import SecretStr

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.records import Backend, Project, Webhook
from backend.plain import Json
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb

Answer = tuple[int, Any]

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


class LabelStudio:
    """Answers our requests; `writes` are those that would change something, `refusal` answers them."""

    def __init__(self) -> None:
        self.project = a_project()
        self.backends: list[Json] = []
        self.webhooks: list[Json] = []
        self.tasks: list[Json] = []
        self.versions: dict[str, int] = {}
        self.writes: list[tuple[str, str, Json]] = []
        self.refusal: Answer | None = None

    def api(self) -> LabelStudioApi:
        credential = LabelStudioCredential("http://ls", SecretStr("0" * 40))
        return LabelStudioApi("http://ls", credential, transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.writes.append((request.method, request.url.path, body))
        status, answer = self._answer(request.method, request.url.path, body)
        return httpx.Response(status, json=answer)

    def _answer(self, method: str, path: str, body: Json) -> Answer:
        if method != "GET":
            return self.refusal or self._written(method, path, body)
        listings: dict[str, Callable[[], Any]] = {
            "/api/version/": lambda: {"release": "1.23.2"},
            "/api/current-user/whoami": lambda: {"email": "ann@example.com"},
            f"/api/projects/{PROJECT}/": lambda: self.project,
            f"/api/projects/{PROJECT}/model-versions/": lambda: {
                "static": [{"model_version": v, "count": n} for v, n in self.versions.items()]
            },
            "/api/projects/": lambda: {"results": [self.project], "next": None},
            "/api/ml/": lambda: self.backends,
            "/api/webhooks/": lambda: self.webhooks,
            "/api/tasks/": lambda: {"tasks": self.tasks, "total": len(self.tasks)},
        }
        if path in listings:
            return 200, listings[path]()
        if path.startswith("/api/tasks/"):
            return 200, next(task for task in self.tasks if path.endswith(f"/{task['id']}/"))
        return 404, {"detail": "No Project matches the given query."}

    def _without_row(self, row_id: int) -> Answer:
        for task in self.tasks:
            for row in task["predictions"]:
                if row["id"] == row_id:
                    task["predictions"].remove(row)
                    self.versions[row["model_version"] or ""] -= 1
                    return 204, None
        return 404, {"detail": "no such prediction"}

    def _written(self, method: str, path: str, body: Json) -> Answer:
        if method == "DELETE" and path.endswith("/model-versions/"):
            if not body["model_version"]:
                return 400, {"detail": "model_version param is required"}
            self.project["model_version"] = None
            return 200, {"deleted_predictions": self.versions.pop(body["model_version"])}
        if method == "DELETE" and path.startswith("/api/predictions/"):
            return self._without_row(int(path.rstrip("/").rpartition("/")[2]))
        if method == "DELETE":
            kept = int(path.rstrip("/").rpartition("/")[2])
            self.backends = [one for one in self.backends if one["id"] != kept]
            return 204, None
        if path.startswith("/api/projects/"):
            self.project.update(body)
            return 200, self.project
        if path.startswith("/api/ml"):
            made = {**a_backend(id=9), **body}
            self.backends = [one for one in self.backends if one["id"] != made["id"]]
            return 201, made
        return 201, {**a_webhook(id=6), **body}


def our_web(answers: Callable[[httpx.Request], httpx.Response] | None = None) -> OurWeb:
    """Our web process; healthy with a worker, and of `VERSION`, unless told otherwise."""

    def healthy(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/setup":
            return httpx.Response(200, json={"model_version": VERSION})
        if request.url.path == "/ready":
            return httpx.Response(200, json={"ready": True, "workers": 1})
        return httpx.Response(200, json={"version": "0.1.0", "workers": 1})

    return OurWeb((URL,), OURS.auth, transport=httpx.MockTransport(answers or healthy))
