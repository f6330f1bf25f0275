"""A Label Studio that stores predictions in memory, and misbehaves as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from backend.errors import Failure, LabelStudioRefuses, LabelStudioUnavailable, TaskUnlisted
from backend.label_studio.api import LabelStudioApi, StoredRows
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow, Project, TaskRow
from backend.plain import Json

PROJECT: Json = {
    "id": 4,
    "created_at": "2026-11-20T20:48:18.345678Z",
    "title": "Cats",
    "model_version": None,
    "show_collab_predictions": True,
    "task_number": 1,
}
KEY = ProjectKey(4, 1795207698)
BOXES = """
<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="cat"/></RectangleLabels></View>
"""
UNLISTED = Failure.of(TaskUnlisted("GET tasks: 500"))
OTHER_BOXES = BOXES.replace("cat", "dog")


def no_answer() -> LabelStudioUnavailable:
    return LabelStudioUnavailable("POST import: no answer in time")


class StandInLabelStudio:
    """Project 4. What befalls the next imports is scripted in `mishaps`, one each."""

    def __init__(self, tasks: Sequence[int] = (), *, label_config: str = BOXES) -> None:
        self.tasks: dict[int, Json] = {
            task: {"image": f"http://images.example/ok-{task}"} for task in tasks
        }
        self.found: Json = {**PROJECT, "label_config": label_config}
        #: By row id: task and version.
        self.rows: dict[int, tuple[int, str]] = {}
        self.mishaps: list[Callable[[Sequence[int], str], None]] = []
        #: Has every request with one of these answered with 500; with 400; leaves them out with 201.
        self.poison: set[int] = set()
        #: Has every list with one of these answered with 500.
        self.unlistable: set[int] = set()
        self.refused: set[int] = set()
        self.invalid: set[int] = set()
        #: While set, nothing is answered.
        self.down: Exception | None = None
        self.behind_a_proxy_that_finds_nothing = False
        self.parents: dict[int, list[int]] = {}
        self.imports: list[list[int]] = []
        #: Tasks of rows that came by themselves.
        self.created: list[int] = []
        self.looks = 0
        self._made = 0

    def api(self) -> LabelStudioApi:
        """In its place."""
        return cast("LabelStudioApi", self)

    def store(self, tasks: Sequence[int], version: str) -> None:
        for task in tasks:
            self._made += 1
            self.rows[self._made] = (task, version)

    # ---- what may befall an import ----

    def times_out_after(self, tasks: Sequence[int], version: str) -> None:
        self.store(tasks, version)
        raise no_answer()

    def times_out_before(self, tasks: Sequence[int], version: str) -> None:
        raise no_answer()

    def stores_half(self, tasks: Sequence[int], version: str) -> None:
        self.store(tasks[: len(tasks) // 2], version)
        raise no_answer()

    def stores_twice(self, tasks: Sequence[int], version: str) -> None:
        """Its database was locked when it came to the recount, so it ran the request again."""
        self.store([*tasks, *tasks], version)

    def dies_after(self, tasks: Sequence[int], version: str) -> None:
        self.store([*tasks, *tasks], version)
        self.down = LabelStudioUnavailable("no connection")
        raise self.down

    # ---- what `LabelStudioApi` has ----

    def project(self, project: int) -> Project:
        self._answer()
        if project != self.found["id"] or self.behind_a_proxy_that_finds_nothing:
            raise LabelStudioRefuses(f"no project {project}", 404)
        return Project.model_validate(self.found)

    def version(self) -> str:
        self._answer()
        if self.behind_a_proxy_that_finds_nothing:
            raise LabelStudioRefuses("404", 404)
        return "1.23.2"

    def pages(
        self, project: int, *, ids: Sequence[int], lacking: str, each_alone: bool
    ) -> Iterator[list[TaskRow]]:
        for start in range(0, len(ids), 200):
            self._answer()
            chunk = [task for task in ids[start : start + 200] if task in self.tasks]
            yield [
                TaskRow.failed(task, UNLISTED)
                if task in self.unlistable
                else TaskRow(id=task, data=self.tasks[task])
                for task in chunk
                if task in self.unlistable or task not in self.predicted(lacking)
            ]

    def stored_rows(self, model_version: str, ids: Sequence[int]) -> StoredRows:
        self._answer()
        self.looks += 1
        return StoredRows(
            {
                task: self.rows_of(task, model_version)
                for task in set(ids) & self.tasks.keys() - self.unlistable
            },
            dict.fromkeys(set(ids) & self.unlistable, UNLISTED),
        )

    def model_versions(self, project: int) -> dict[str, int]:
        self._answer()
        versions = [version for _, version in self.rows.values()]
        return {version: versions.count(version) for version in set(versions)}

    def import_predictions(self, project: int, rows: Sequence[Mapping[str, object]]) -> int:
        self._answer()
        tasks = [int(str(row["task"])) for row in rows]
        version = str(rows[0]["model_version"])
        self.imports.append(tasks)
        if self.mishaps:
            before = len(self.rows)
            self.mishaps.pop(0)(tasks, version)
            if len(self.rows) > before:
                return len(tasks)
        if set(tasks) & self.poison:
            raise LabelStudioUnavailable("POST import: 500")
        if set(tasks) & self.refused or set(tasks) - self.tasks.keys():
            raise LabelStudioRefuses("POST import: 400 invalid", 400)
        valid = [task for task in tasks if task not in self.invalid]
        self.store(valid, version)
        return len(valid)

    def create_prediction(self, row: Mapping[str, object]) -> None:
        self._answer()
        task, version = int(str(row["task"])), str(row["model_version"])
        self.created.append(task)
        if task not in self.tasks:
            raise LabelStudioRefuses("POST predictions: 400 no such task", 400)
        if task in self.poison:
            raise LabelStudioUnavailable("POST predictions: 500")
        self.store([task], version)

    def annotations(self, task: int) -> list[AnnotationRow]:
        return [AnnotationRow(parent_prediction=parent) for parent in self.parents.get(task, ())]

    def delete_prediction(self, prediction: int) -> None:
        if prediction not in self.rows:
            raise LabelStudioRefuses("404", 404)
        del self.rows[prediction]

    # ---- what a test asks ----

    def rows_of(self, *asked: Any) -> Any:
        """As the API gives them for a project, a version and tasks; or the ids of a task's rows."""
        if len(asked) == 3:
            return self.stored_rows(*asked[1:])
        task, version = asked
        return sorted(row for row, stored in self.rows.items() if stored == (task, version))

    def predicted(self, version: str) -> set[int]:
        return {task for task, of in self.rows.values() if of == version}

    def rows_per_task(self) -> dict[int, int]:
        tasks = [task for task, _ in self.rows.values()]
        return {task: tasks.count(task) for task in set(tasks)}

    def _answer(self) -> None:
        if self.down is not None:
            raise self.down
