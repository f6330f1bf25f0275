"""The stand-in Label Studio: one project in memory behind the API that Firstpass uses, over no network.

`tests/contract/test_label_studio.py` runs the same tests over it and over the real one. What the real one does
to who writes while it is busy, broken or restarted is scripted: see `StandInState.mishaps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx
from pydantic import SecretStr

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.plain import Json
from tests.standin.label_studio_state import Answered, StandInState, no_connection
from tests.standin.task_list import matching

__all__ = ["StandInLabelStudio"]

URL = "http://ls"
#: What a backend that answered says of itself.
CONNECTED: Json = {
    "state": "CO",
    "readable_state": "Connected",
    "error_message": None,
    "auto_update": True,
    "is_interactive": False,
}


class StandInLabelStudio(StandInState):
    """Called with a request, it answers as Label Studio does."""

    def api(self) -> LabelStudioApi:
        """Firstpass's own client of it; nothing is slept."""
        credential = LabelStudioCredential(URL, SecretStr("0" * 40))
        transport = httpx.MockTransport(self)
        return LabelStudioApi(URL, credential, transport=transport, sleep=lambda seconds: None)

    # ---- HTTP ----

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        try:
            status, answer = self._answer(request, body)
        except Answered as error:
            status, answer = error.status, error.body
        if status == httpx.codes.NO_CONTENT:
            return httpx.Response(status)
        return httpx.Response(status, json=answer)

    def _answer(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        if self.down is not None:
            raise type(self.down)(
                *self.down.args
            )  # one that is raised twice would be its own cause
        if self.silent:
            self.silent -= 1
            raise no_connection()
        if self.behind_a_proxy_that_finds_nothing:
            return 404, {"detail": "not found"}
        method, path, asked = request.method, request.url.path, request.url.params
        if method != "GET":
            self.writes.append((method, path, body))
            if self.refusal is not None:
                return self.refusal
        parts = path.removeprefix("/api/").rstrip("/").split("/")
        match method, parts:
            case "GET", ["version"]:
                return 200, {"release": "1.23.2"}
            case "GET", ["current-user", "whoami"]:
                return 200, {"id": 1, "email": "ann@example.com"}
            case "GET", ["projects"]:
                return 200, {"results": [self.found, *self.others], "next": None}
            case _, ["projects", project, *rest]:
                self._must_be_ours(project)
                return self._of_project(method, rest, asked, body)
            case "POST", ["dm", "actions"] if asked["id"] == "add_data_field":
                return self.no_data_fields or self._with_data_field(body)
            case "PATCH", ["tasks", task]:
                self.tasks[int(task)] = body["data"]
                return 200, self._task(int(task))
            case _, ["dm", "views", *rest]:
                return self._of_tabs(method, rest, body)
            case "GET", ["tasks"]:
                return 200, self._listed(asked)
            case "GET", ["tasks", task]:
                self.on_open(int(task))
                return 200, self._task(int(task))
            case "GET", ["tasks", task, "annotations"]:
                return 200, self.annotations.get(int(task), [])
            case _, ["predictions", *rest]:
                return self._of_rows(method, rest, asked, body)
            case "POST", ["ml"]:
                connected = {**CONNECTED, "model_version": body["title"], **body}
                return _kept(self.backends, method, (), connected)
            case _, ["ml", *rest]:
                return _kept(self.backends, method, rest, body)
            case _, ["webhooks", *rest]:
                return _kept(self.webhooks, method, rest, body)
        return 404, {"detail": "Not found."}

    def _of_tabs(self, method: str, rest: Sequence[str], body: Any) -> tuple[int, Any]:
        """A change replaces the tab; an empty order leaves the one that was, and no filters those that were."""
        if method == "PATCH":
            found = (view["data"] for view in self.views if view["id"] == int(rest[0]))
            before: Json = next(found, {})
            stays = {key: before[key] for key in ("ordering", "filters") if key in before}
            given = {key: value for key, value in body["data"].items() if value or key not in stays}
            body = {"data": {**stays, **given}}
        return _kept(self.views, method, rest, body)

    def _with_data_field(self, body: Json) -> tuple[int, Any]:
        """Merged into the data of the tasks that are named, and of all where none is."""
        named = set(body["selectedItems"]["included"]) or self.tasks.keys()
        for task in named & self.tasks.keys():
            self.tasks[task] = {**self.tasks[task], body["value_name"]: body["value"]}
        return 200, {"response_code": 200, "detail": f"Updated {len(named)} tasks"}

    def _must_be_ours(self, project: str) -> None:
        if int(project) != self.found["id"]:
            raise Answered(404, {"detail": "No Project matches the given query."})

    def _of_project(
        self, method: str, rest: Sequence[str], asked: httpx.QueryParams, body: Any
    ) -> tuple[int, Any]:
        match method, rest:
            case "GET", ["export"]:
                return 200, self._exported([int(task) for task in asked.get_list("ids[]")])
            case "GET", []:
                counted = {"task_number": len(self.tasks)}
                return 200, {**self.found, **counted, "total_predictions_number": len(self.rows)}
            case "PATCH", []:
                self.found |= body
                return 200, self.found
            case "GET", ["model-versions"]:
                static = [{"model_version": name, "count": n} for name, n in self.versions.items()]
                return 200, {"static": static, "live": []}
            case "DELETE", ["model-versions"]:
                return self._forget(body["model_version"])
            case "POST", ["import", "predictions"]:
                return 201, {"created": self._imported(body)}
        return 404, {"detail": "Not found."}

    def _forget(self, version: str) -> tuple[int, Any]:
        if not version:
            return 400, {"detail": "model_version param is required"}
        gone = [row["id"] for row in self.rows.values() if row["model_version"] == version]
        for row in gone:
            del self.rows[row]
        if self.found["model_version"] in {backend["title"] for backend in self.backends}:
            self.found["model_version"] = None
        return 200, {"deleted_predictions": len(gone)}

    def _imported(self, rows: Sequence[Mapping[str, Any]]) -> int:
        tasks, version = [int(row["task"]) for row in rows], str(rows[0]["model_version"])
        self.imports.append(tasks)
        if self.mishaps:
            before = len(self.rows)
            self.mishaps.pop(0)(tasks, version)
            if len(self.rows) > before:
                return len(tasks)
        if set(tasks) & self.poison:
            raise Answered(500, {"detail": "500"})
        if set(tasks) & self.refused or set(tasks) - self.tasks.keys():
            raise Answered(400, {"detail": "invalid"})
        valid = [row for row in rows if int(row["task"]) not in self.invalid]
        for row in valid:
            self.keep(row)
        return len(valid)

    def _of_rows(
        self, method: str, rest: Sequence[str], asked: httpx.QueryParams, body: Any
    ) -> tuple[int, Any]:
        if method == "POST":
            task = int(body["task"])
            self.created.append(task)
            if task not in self.tasks:
                return 400, {"detail": "no such task"}
            if task in self.poison:
                return 500, {"detail": "500"}
            return 201, self.keep(body)
        if method == "DELETE":
            found = self.rows.pop(int(rest[0]), None)
            return (404, {"detail": "No Prediction matches"}) if found is None else (204, None)
        of = int(asked["task"]) if "task" in asked else None
        return 200, [row for row in self.rows.values() if of is None or row["task"] == of]

    def _task(self, task: int) -> Json:
        if task not in self.tasks:
            raise Answered(404, {"detail": "No Task matches the given query."})
        return self._whole([task])[0]

    def _whole(self, tasks: Iterable[int]) -> list[Json]:
        """The tasks with their rows and annotations."""
        rows: dict[int, list[Json]] = {}
        for row in self.rows.values():
            rows.setdefault(row["task"], []).append(row)
        annotations = self.annotations
        return [
            {
                "id": task,
                "data": self.tasks[task],
                "predictions": rows.get(task, []),
                "annotations": annotations.get(task, []),
                "total_annotations": len(annotations.get(task, [])),
                "cancelled_annotations": sum(map(_skipped, annotations.get(task, []))),
                "total_predictions": len(rows.get(task, [])),
                "updated_at": max(map(_saved, annotations.get(task, [])), default=""),
                "predictions_score": self._score(rows.get(task, [])),
            }
            for task in tasks
        ]

    def _score(self, rows: Sequence[Json]) -> float | None:
        """The mean over the scores of the version that the project shows."""
        shown = self.found["model_version"]
        scores = [row["score"] for row in rows if shown and row["model_version"] == shown]
        scores = [score for score in scores if score is not None]
        return sum(scores) / len(scores) if scores else None

    def _exported(self, ids: Sequence[int]) -> list[Json]:
        """The tasks as an export has them: of predictions the ids."""
        if self.unlistable & set(ids):
            raise Answered(500, {"detail": "500"})
        wanted = self.tasks.keys() & (set(ids) or self.tasks.keys())
        return [
            {**task, "predictions": [row["id"] for row in task["predictions"]]}
            for task in self._whole(sorted(wanted))
        ]

    def _listed(self, asked: httpx.QueryParams) -> Json:
        self._must_be_ours(asked["project"])
        self.looks += 1
        query, size = json.loads(asked.get("query", "{}")), int(asked.get("page_size", 100))
        if not self.tasks and "predictions_score" in asked.get("query", ""):
            raise Answered(
                500, {"detail": "Cannot resolve keyword 'predictions_score' into field."}
            )
        found = matching(self._whole(sorted(self.tasks)), query)
        page = found[:size]
        wanted = set(asked.get("include", "data").split(","))
        whole = bool(wanted & {"data", "predictions", "annotations"})
        if whole and self.unlistable & {task["id"] for task in page}:
            raise Answered(500, {"detail": "500"})
        fields = (
            asked["include"].split(",") if "include" in asked else list(page[0]) if page else []
        )
        return {
            "tasks": [{name: task[name] for name in fields} for task in page],
            "total": len(found),
        }


def _skipped(annotation: Json) -> bool:
    return bool(annotation.get("was_cancelled"))


def _saved(annotation: Json) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _kept(kept: list[Json], method: str, rest: Sequence[str], body: Json) -> tuple[int, Any]:
    """What is done with the project's backends or webhooks."""
    number = int(rest[0]) if rest else None
    one = next((found for found in kept if found["id"] == number), None)
    match method:
        case "GET":
            return 200, kept
        case "POST":
            made = {**body, "id": max((found["id"] for found in kept), default=0) + 1}
            kept.append(made)
            return 201, made
    if one is None:
        return 404, {"detail": "Not found."}
    if method == "DELETE":
        kept.remove(one)
        return 204, None
    one |= body
    return 200, one
