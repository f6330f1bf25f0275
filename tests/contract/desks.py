"""A project of the real Label Studio, and one of the stand-in, that the same tests are run over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from backend.demo.client import LabelStudioClient
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import TaskRow
from backend.plain import Json
from tests.standin.label_studio import StandInLabelStudio

__all__ = ["VERSION", "Desk", "RealDesk", "StandInDesk", "ids_of", "row"]

VERSION = "tiny-0123456789"


class Desk(Protocol):
    """A project that no backend is connected to, and what people do with it."""

    project: int
    api: LabelStudioApi

    def add_tasks(self, count: int) -> list[int]: ...

    def add_task(self, data: Json) -> int: ...

    def delete_task(self, task: int) -> None: ...

    def annotate(self, task: int) -> None: ...

    def annotate_again(self, task: int) -> None: ...

    def add_view(self, filters: Json) -> int: ...

    def task_of_another_project(self) -> int: ...


def data(count: int) -> list[Json]:
    return [{"image": f"s3://bucket/{number}%20.png"} for number in range(count)]


class RealDesk:
    """In the session's Label Studio."""

    def __init__(
        self, client: LabelStudioClient, api: LabelStudioApi, title: str, label_config: str
    ) -> None:
        self._client, self.api = client, api
        self.project = client.create_project(title, label_config)

    def add_tasks(self, count: int) -> list[int]:
        return self._client.import_tasks(self.project, data(count))

    def add_task(self, data: Json) -> int:
        return self._client.import_tasks(self.project, [data])[0]

    def delete_task(self, task: int) -> None:
        chosen = {"selectedItems": {"all": False, "included": [task]}}
        self._client.post(f"/api/dm/actions?id=delete_tasks&project={self.project}", chosen)

    def annotate(self, task: int) -> None:
        self._client.post(f"/api/tasks/{task}/annotations/", {"result": []})

    def annotate_again(self, task: int) -> None:
        """The annotation is saved once more, unchanged."""
        (made,) = self._client.annotations(task)
        self._client.patch(f"/api/annotations/{made['id']}/", {"result": []})

    def add_view(self, filters: Json) -> int:
        body = {"project": self.project, "data": {"filters": filters}}
        return int(self._client.post("/api/dm/views/", body)["id"])

    def task_of_another_project(self) -> int:
        other = self._client.create_project("Other", "<View/>")
        return self._client.import_tasks(other, data(1))[0]


class StandInDesk:
    """In the stand-in."""

    def __init__(self) -> None:
        self._studio = StandInLabelStudio()
        self.api = self._studio.api()
        self.project = int(self._studio.found["id"])

    def add_tasks(self, count: int) -> list[int]:
        first = max(self._studio.tasks, default=0) + 1
        made = dict(enumerate(data(count), first))
        self._studio.tasks |= made
        return list(made)

    def add_task(self, data: Json) -> int:
        task = max(self._studio.tasks, default=0) + 1
        self._studio.tasks[task] = data
        return task

    def delete_task(self, task: int) -> None:
        del self._studio.tasks[task]

    def annotate(self, task: int) -> None:
        now = datetime.now(UTC).isoformat()
        self._studio.annotations[task] = [
            {
                "id": task,
                "result": [],
                "parent_prediction": None,
                "created_at": now,
                "updated_at": now,
            }
        ]

    def annotate_again(self, task: int) -> None:
        self._studio.annotations[task][0]["updated_at"] = datetime.now(UTC).isoformat()

    def add_view(self, filters: Json) -> int:
        self._studio.views.append({"id": 1, "data": {"filters": filters}})
        return 1

    def task_of_another_project(self) -> int:
        return 999_999


def row(task: int, version: str = VERSION) -> Json:
    return {"task": task, "result": [], "score": None, "model_version": version}


def ids_of(pages: Iterator[list[TaskRow]]) -> list[int]:
    return [task.id for page in pages for task in page]
