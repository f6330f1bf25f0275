"""Label Studio's API as a person's browser would use it: signed in, with session and CSRF token.

Holds just the calls that the demo and the end-to-end tests make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from backend.demo.label_studio import LabelStudio
from backend.errors import LabelStudioUnavailable
from backend.plain import Json
from backend.projects.our_web import OurWeb

__all__ = ["Backend", "LabelStudioClient"]

#: Retrieving predictions for all tasks is one long request; Label Studio itself gives up at 100 s.
TIMEOUT_S = 180.0


class Backend:
    """An ML backend as one connects it: address, and credentials where it wants them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None) -> None:
        self.url = url
        self.auth = (user, password) if user is not None and password is not None else None


class LabelStudioClient:
    """A signed-in session. Every method raises `LabelStudioUnavailable` when the answer is an error."""

    def __init__(self, label_studio: LabelStudio) -> None:
        """Signs in."""
        self._token = label_studio.login.token
        self._http = httpx.Client(base_url=label_studio.url, timeout=TIMEOUT_S, trust_env=False)
        self._sign_in(label_studio.login.email, label_studio.login.password)

    def __enter__(self) -> LabelStudioClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def personal_access_token(self) -> str:
        """The user's token for programs: Label Studio gives each user one, and shows it once."""
        if self._token is None:
            self._token = str(self.post("/api/token/")["token"])
        return self._token

    def create_project(self, title: str, label_config: str, **fields: object) -> int:
        """The id of a new project."""
        made = self.post("/api/projects", {"title": title, "label_config": label_config, **fields})
        return int(made["id"])

    def upload(self, project: int, files: Mapping[str, bytes]) -> list[int]:
        """Import files by name, one task each; the tasks' ids in that order."""
        named = [(name, (name, content)) for name, content in files.items()]
        done = self._call(
            "POST", f"/api/projects/{project}/import", files=named, params={"return_task_ids": 1}
        )
        return [int(task) for task in done["task_ids"]]

    def import_tasks(self, project: int, data: Sequence[Mapping[str, object]]) -> list[int]:
        """Import tasks by their data; their ids in that order."""
        path = f"/api/projects/{project}/import?return_task_ids=1"
        done = self.post(path, [{"data": dict(one)} for one in data])
        return [int(task) for task in done["task_ids"]]

    def connect(self, project: int, backend: Backend) -> Json:
        """Connect an ML backend under the title that makes Label Studio show its scores.

        That title is the `model_version` which the backend answers for the project's label config.
        """
        with OurWeb((backend.url,), backend.auth) as web:
            title = web.version(self.project(project)["label_config"])
        body: Json = {"url": backend.url, "project": project, "title": title}
        if backend.auth is not None:
            user, password = backend.auth
            body |= {"auth_method": "BASIC_AUTH", "basic_auth_user": user}
            body |= {"basic_auth_pass": password}
        connected: Json = self.post("/api/ml", {**body, "is_interactive": True})
        return connected

    def retrieve_predictions(self, project: int, tasks: Sequence[int] | None = None) -> None:
        """The Data Manager's action "Retrieve predictions" on these tasks (`None`: on all)."""
        chosen: Json = {"all": True, "excluded": []}
        if tasks is not None:
            chosen = {"all": False, "included": list(tasks)}
        path = f"/api/dm/actions?id=retrieve_tasks_predictions&project={project}"
        self.post(path, {"selectedItems": chosen})

    def project(self, project: int) -> Json:
        return self._object(f"/api/projects/{project}")

    def task(self, task: int) -> Json:
        """One task as the editor opens it: a connected backend is asked if it has no prediction."""
        return self._object(f"/api/tasks/{task}")

    def tasks(self, project: int) -> list[Json]:
        """All tasks of a project, with their data."""
        listed = self._object(
            "/api/tasks", {"project": project, "page_size": 1000, "fields": "task_only"}
        )
        return list(listed["tasks"])

    def predictions(self, project: int) -> list[Json]:
        """All stored predictions of a project."""
        rows: list[Json] = self._call("GET", "/api/predictions/", params={"project": project})
        return rows

    def annotations(self, task: int) -> list[Json]:
        """What people submitted for a task."""
        rows: list[Json] = self._call("GET", f"/api/tasks/{task}/annotations/")
        return rows

    def next_task(self, project: int) -> Json:
        """The task that the label stream gives next."""
        return self._object(f"/api/projects/{project}/next")

    def get(self, path: str) -> Any:
        """Any other answer."""
        return self._call("GET", path)

    def patch(self, path: str, body: object) -> Any:
        """Any other change of some fields."""
        return self._call("PATCH", path, json=body)

    def post(self, path: str, body: object = None) -> Any:
        """Any other call that changes something."""
        return self._call("POST", path, json=body if body is not None else {})

    @property
    def _csrf_token(self) -> str:
        return self._http.cookies.get("csrftoken") or ""

    def _object(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        found: Json = self._call("GET", path, params=params)
        return found

    def _sign_in(self, email: str, password: str) -> None:
        self._send("GET", "/user/login/")
        form = {"email": email, "password": password, "csrfmiddlewaretoken": self._csrf_token}
        answer = self._send("POST", "/user/login/", data=form)
        if answer.status_code != httpx.codes.FOUND:
            raise LabelStudioUnavailable(
                f"expected {self._http.base_url} to let {email} sign in, got {answer.status_code}"
            )

    def _call(self, method: str, path: str, **request: Any) -> Any:
        answer = self._send(method, path, headers={"X-CSRFToken": self._csrf_token}, **request)
        return _success(answer).json()

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise LabelStudioUnavailable(f"{method} {path}: {error or repr(error)}") from error


def _success(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        what = f"{answer.request.method} {answer.request.url.path}"
        raise LabelStudioUnavailable(
            f"{what}: expected success, got {answer.status_code} {answer.text[:500]}"
        )
    return answer
