"""What the stand-in Label Studio holds, and what may befall it; `label_studio.py` answers from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from backend.plain import Json

__all__ = ["Answered", "StandInState", "no_answer", "no_connection"]


PROJECT: Json = {
    "title": "Shapes",
    "created_at": "2026-11-20T20:48:18.345678Z",
    "model_version": "",
    "show_collab_predictions": True,
}


class Answered(Exception):
    """An answer that is an error, with its status."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


def no_answer() -> httpx.ReadTimeout:
    """The request came, and was answered too late."""
    return httpx.ReadTimeout("no answer in time")


def no_connection() -> httpx.ConnectError:
    """Nobody is there."""
    return httpx.ConnectError("no connection")


class StandInState:
    """One project, by default number 4. What befalls the next imports is scripted in `mishaps`, one each."""

    def __init__(
        self, tasks: Sequence[int] = (), *, label_config: str = "<View/>", project: int = 4
    ) -> None:
        self.found: Json = {**PROJECT, "id": project, "label_config": label_config}
        #: Other projects that the user sees, as a listing gives them.
        self.others: list[Json] = []
        #: The data of each task, by its id.
        self.tasks: dict[int, Json] = {
            task: {"image": f"http://images.example/ok-{task}"} for task in tasks
        }
        #: Predictions by id.
        self.rows: dict[int, Json] = {}
        #: What people submitted, by task.
        self.annotations: dict[int, list[Json]] = {}
        self.backends: list[Json] = []
        self.webhooks: list[Json] = []
        self.views: list[Json] = []
        #: Called with the tasks and the version of an import before it is answered.
        self.mishaps: list[Callable[[Sequence[int], str], None]] = []
        #: Has every request with one of these answered with 500; with 400; leaves them out with 201.
        self.poison: set[int] = set()
        self.refused: set[int] = set()
        self.invalid: set[int] = set()
        #: Has every list with one of these answered with 500.
        self.unlistable: set[int] = set()
        #: Called with a task that is opened, before it is answered: a connected backend would predict it.
        self.on_open: Callable[[int], object] = lambda task: None
        #: While set, this is the answer to whatever would change something.
        self.refusal: tuple[int, Any] | None = None
        #: While set, this is the answer to everything.
        self.down: Exception | None = None
        self.behind_a_proxy_that_finds_nothing = False
        #: How the hidden action that writes a column is refused; `None`: it is not.
        self.no_data_fields: tuple[int, Any] | None = None
        #: So many calls find nobody, before one is answered.
        self.silent = 0
        #: The tasks of each import; the tasks of rows that came by themselves; all that changes something.
        self.imports: list[list[int]] = []
        self.created: list[int] = []
        self.writes: list[tuple[str, str, Json]] = []
        #: How often tasks were listed.
        self.looks = 0
        self._made = 0

    # ---- what a test does and asks ----

    def store(self, tasks: Sequence[int], version: str) -> None:
        """As if somebody had written an empty prediction of the version for each."""
        for task in tasks:
            self.keep({"task": task, "model_version": version, "result": [], "score": None})

    def put(self, *tasks: Json) -> None:
        """As they stand there: with `id`, and `data`, `predictions` and `annotations` where they have some."""
        for task in tasks:
            self.tasks[task["id"]] = task.get("data", {})
            self.annotations[task["id"]] = task.get("annotations", [])
            for row in task.get("predictions", ()):
                self.keep({**row, "task": task["id"]}, row["id"])

    @property
    def versions(self) -> dict[str, int]:
        """How many rows there are of each version; those of none under an empty name."""
        return dict(Counter(row["model_version"] or "" for row in self.rows.values()))

    def rows_of(self, task: int, version: str) -> list[int]:
        """The ids of the rows of exactly that version."""
        return sorted(
            row["id"]
            for row in self.rows.values()
            if (row["task"], row["model_version"]) == (task, version)
        )

    def predicted(self, version: str) -> set[int]:
        """The tasks with a row of exactly that version."""
        return {row["task"] for row in self.rows.values() if row["model_version"] == version}

    def rows_per_task(self) -> dict[int, int]:
        tasks = [row["task"] for row in self.rows.values()]
        return {task: tasks.count(task) for task in set(tasks)}

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
        self.down = no_connection()
        raise no_connection()

    # ---- what writes share ----

    def keep(self, row: Mapping[str, Any], number: int | None = None) -> Json:
        """The row as stored, under the next id or this one."""
        number = number or self._made + 1
        self._made = max(self._made, number)
        self.rows[number] = {"result": [], "score": None, **row, "id": number}
        return self.rows[number]
