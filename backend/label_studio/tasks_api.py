"""The part of Label Studio's API about a project's tasks: opened one by one, or listed.

Facts were seen on 1.23; two of them shape the calls:

- Listing tasks has Label Studio ask the ML backend for those without a prediction if the project says so
  (`evaluate_predictions_automatically`). A prediction of ours would then be there twice: stored by
  that, and written by who was told that it is missing. With `review=true` it does not ask.
- `resolve_uri=false` gives a task's data as `/predict` gets it, so that the same image has the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from backend.errors import LabelStudioRefuses, SettingsError
from backend.label_studio.answers import Page, with_predictions
from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.exports_api import ExportsApi
from backend.label_studio.halving import Halving
from backend.label_studio.records import AnnotationRow, TaskRow
from backend.label_studio.task_filters import looked_at, without_version
from backend.label_studio.task_walk import id_chunks, query_text, walk
from backend.plain import Json

__all__ = ["TasksApi"]


class TasksApi(ExportsApi):
    """Tasks, and what people submitted; see `LabelStudioApi`, which says what is raised."""

    def __init__(self, connection: LabelStudioConnection, sleep: Callable[[float], None]) -> None:
        super().__init__(connection)
        self._sleep = sleep

    def task(self, task: int) -> TaskRow:
        """One task as the editor opens it: a connected backend is asked if it has no prediction."""
        return self._connection.get(f"/api/tasks/{task}/", TaskRow, slow=True)

    def annotations(self, task: int) -> list[AnnotationRow]:
        """What people submitted for a task."""
        return self._connection.get(f"/api/tasks/{task}/annotations/", list[AnnotationRow])

    def pages(
        self,
        project: int,
        *,
        filters: Json | None = None,
        view: int | None = None,
        ids: Sequence[int] | None = None,
        lacking: str | None = None,
        page_size: int = 200,
        include: str = "id,data",
        each_alone: bool = False,
    ) -> Iterator[list[TaskRow]]:
        """The tasks that match, by ascending id, in lists of at most `page_size`; flat in memory.

        `filters` is as in the Data Manager; `view` takes a tab's filters instead, not what is ticked in
        it. `ids` leaves those tasks alone. `lacking` names a version of ours that the tasks must not
        have a prediction of; cheaper than the method of that name, but Label Studio compares parts of
        names, so it is for versions that end in a digest. The list may change meanwhile: a task that is there from
        beginning to end, and matches when its page is asked, comes exactly once. With `each_alone`, a task
        that Label Studio cannot list, while it can list others, comes as one that has failed.
        """
        if view is not None:
            filters = self._view_filters(project, view)
        also = [] if lacking is None else [without_version(lacking)]
        params = {"include": include}
        tasks = self._tasks(project, filters, ids, page_size, params, also, each_alone=each_alone)
        while page := list(islice(tasks, page_size)):
            yield page

    def annotated(self, project: int) -> Iterator[TaskRow]:
        """The tasks that somebody has annotated or skipped, by ascending id, with their annotations."""
        return self._whole(project, looked_at())

    def with_rows(self, project: int, ids: Sequence[int] | None = None) -> Iterator[TaskRow]:
        """Every task, or those of `ids`, with its rows and annotations; as failed one that Label Studio cannot list.

        By ascending id.
        """
        for task in self._whole(project, None, ids=ids, each_alone=True):
            yield task if task.failure is not None else with_predictions(task)

    def _whole(
        self,
        project: int,
        filters: Json | None,
        page_size: int = 100,
        *,
        ids: Sequence[int] | None = None,
        each_alone: bool = False,
    ) -> Iterator[TaskRow]:
        """The tasks that match with all that is stored with them; flat in memory.

        With a list of fields Label Studio gives annotations without results and origins, so all fields
        come. Where it leaves them out all the same, each task's annotations are asked for alone.
        """
        tasks = self._tasks(
            project, filters, ids, page_size, {"fields": "all"}, each_alone=each_alone
        )
        for task in tasks:
            if task.failure is not None:
                yield task
                continue
            given = task.annotations
            listed = bool(given or task.unread) or (
                task.tells("annotations") and not task.total_annotations
            )
            if not listed or not all(annotation.is_whole for annotation in given):
                task = task.model_copy(update={"annotations": tuple(self.annotations(task.id))})
            yield task

    def count_tasks(
        self,
        project: int,
        *,
        filters: Json | None = None,
        view: int | None = None,
        lacking: str | None = None,
    ) -> int | None:
        """How many tasks match, as `pages` takes it; `None` where only listing them would tell."""
        if view is not None:
            filters = self._view_filters(project, view)
        conjunction = (filters or {}).get("conjunction", "and")
        items = (filters or {}).get("items") or []
        if lacking is not None:
            if conjunction == "or" and len(items) > 1:
                return None
            conjunction, items = "and", [*items, without_version(lacking)]
        query = {"filters": {"conjunction": conjunction, "items": items}}
        _, total = self._page(project, query, 1, {"include": "id"})
        return total

    def set_column(self, project: int, column: str, value: str, ids: Sequence[int]) -> None:
        """Have the data of these tasks hold that text under `column`; the rest of their data stays.

        By an action that the Data Manager's menu hides, since it merges where a PATCH replaces. There is none
        that takes a column away again. No id would be all tasks to it, so nothing is asked then.
        """
        if not ids:
            return
        self._connection.post(
            f"/api/dm/actions?id=add_data_field&project={project}",
            object,
            {
                "selectedItems": {"all": False, "included": [*ids]},
                "value_name": column,
                "value_type": "String",
                "value": value,
            },
        )

    def set_column_of(self, project: int, column: str, value: str, task: int) -> None:
        """The same for one task by a PATCH, which replaces its data: all of it is read right before, as it is stored.

        What somebody changes of it in the moment between is lost, so `set_column` comes first. A task that is gone,
        and one that has the value, is left.
        """
        for page in self.pages(project, ids=[task]):
            for found in page:
                if found.failure is not None:
                    raise LabelStudioRefuses(f"task {task} cannot be read: {found.failure.message}")
                if found.data.get(column) != value:
                    data = {**found.data, column: value}
                    self._connection.patch(f"/api/tasks/{task}/", object, {"data": data})

    # ---- what the above share ----

    def _view_filters(self, project: int, view: int) -> Json | None:
        tabs = {one.id: one.data for one in self.views(project)}
        if view not in tabs:
            known = ", ".join(f"{one} ({tab.title})" for one, tab in tabs.items())
            raise SettingsError(
                f"expected a view of project {project}, got {view}; it has {known or 'none yet'}"
            )
        return tabs[view].filters

    def _tasks(
        self,
        project: int,
        filters: Json | None,
        ids: Sequence[int] | None,
        page_size: int,
        params: Mapping[str, str],
        also: Sequence[Json] = (),
        *,
        each_alone: bool = False,
    ) -> Iterator[TaskRow]:
        """Tasks by ascending id; of `ids` those that match."""

        def page(query: Json, size: int, *, whole: bool) -> tuple[list[TaskRow], int]:
            return self._page(project, query, size, params if whole else {"include": "id"})

        def chosen(chunk: Sequence[int]) -> list[TaskRow]:
            size = min(page_size, len(chunk))

            def of_chunk(query: Json) -> tuple[list[TaskRow], int]:
                selected = {"selectedItems": {"all": False, "included": chunk}}
                return page({**query, **selected}, size, whole=True)

            return list(walk(of_chunk, filters, also))

        halving = Halving(self.version, self._sleep) if each_alone else None
        if ids is not None:
            for chunk in id_chunks(ids):
                yield from halving.of_ids(chunk, chosen) if halving else chosen(chunk)
        elif halving is not None:
            yield from walk(halving.of_pages(page, page_size), filters, also)
        else:
            yield from walk(lambda query: page(query, page_size, whole=True), filters, also)

    def _page(
        self, project: int, query: Json, page_size: int, params: Mapping[str, str]
    ) -> tuple[list[TaskRow], int]:
        found = self._connection.get(
            "/api/tasks/",
            Page,
            {
                **params,
                "project": project,
                "page_size": page_size,
                "query": query_text(query),
                "review": "true",
                "resolve_uri": "false",
            },
        )
        return found.tasks, found.total
