"""Label Studio's API as Firstpass uses it: tasks and predictions; the rest is in `projects_api`.

Answers are read as `records`. Facts were seen on 1.23; two of them shape the calls for tasks:

- Listing tasks has Label Studio ask the ML backend for those without a prediction if the project says so
  (`evaluate_predictions_automatically`). A prediction of ours would then be there twice: stored by
  that, and written by who was told that it is missing. With `review=true` it does not ask.
- `resolve_uri=false` gives a task's data as `/predict` gets it, so that the same image has the same name.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import httpx

from backend.errors import Failure, SettingsError
from backend.label_studio.answers import (
    Deleted,
    Imported,
    Page,
    StoredRows,
    VersionCounts,
    with_predictions,
)
from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.exports_api import ExportsApi
from backend.label_studio.halving import Halving
from backend.label_studio.records import AnnotationRow, PredictionRow, TaskRow
from backend.label_studio.task_filters import some_of, without_version
from backend.label_studio.task_walk import id_chunks, query_text, walk
from backend.plain import Json
from backend.settings import Settings

__all__ = ["LabelStudioApi"]

#: Seconds for a read; opening a task and writing take longer: on SQLite, writers wait for each other.
TIMEOUT_S = 60.0
WRITE_TIMEOUT_S = 180.0

#: What asks for rows whole, and for nothing else.
WITH_ROWS = {"include": "id,predictions", "fields": "all"}
#: Tasks that somebody has annotated or skipped.
LOOKED_AT: Json = {
    "conjunction": "or",
    "items": [some_of("total_annotations"), some_of("cancelled_annotations")],
}


class LabelStudioApi(ExportsApi):
    """Label Studio at `url`, with our credential. Safe to share between threads; a context manager.

    Every method raises `LabelStudioRefuses` when Label Studio says no, and nothing was changed; and
    `LabelStudioUnavailable` when it gives no answer to go by: what a write did is unknown then.
    """

    def __init__(
        self,
        url: str,
        credential: LabelStudioCredential,
        *,
        timeout_s: float = TIMEOUT_S,
        write_timeout_s: float = WRITE_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`transport` stands in for the network in tests."""
        self._sleep = sleep
        super().__init__(
            LabelStudioConnection(
                url,
                credential,
                timeout_s=timeout_s,
                write_timeout_s=write_timeout_s,
                transport=transport,
            )
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> LabelStudioApi:
        """The Label Studio that the settings name. Raises `SettingsError` when they name none."""
        credential = LabelStudioCredential.from_settings(settings)
        if settings.label_studio_url is None or credential is None:
            raise SettingsError(
                "expected FIRSTPASS_LABEL_STUDIO_URL and a token for it in FIRSTPASS_LABEL_STUDIO_API_KEY "
                "(or a file that holds it in FIRSTPASS_LABEL_STUDIO_API_KEY_FILE); make a token in Label "
                "Studio under Account & Settings > Personal Access Token"
            )
        return cls(settings.label_studio_url, credential)

    def __enter__(self) -> LabelStudioApi:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    # ---- tasks ----

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
        return self._whole(project, LOOKED_AT)

    def with_rows(self, project: int) -> Iterator[TaskRow]:
        """Every task with its rows and annotations, by ascending id."""
        return map(with_predictions, self._whole(project, None))

    def _whole(self, project: int, filters: Json | None, page_size: int = 100) -> Iterator[TaskRow]:
        """The tasks that match with all that is stored with them; flat in memory.

        With a list of fields Label Studio gives annotations without results and origins, so all fields
        come. Where it leaves them out all the same, each task's annotations are asked for alone.
        """
        for task in self._tasks(project, filters, None, page_size, {"fields": "all"}):
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

    # ---- predictions ----

    def rows_of(self, project: int, model_version: str, ids: Sequence[int]) -> StoredRows:
        """The rows of exactly that version, of those tasks that are in the project (still).

        One request for 200 tasks: the filter by version would match parts of names and counts are kept
        apart from the rows, so the rows themselves are read; Label Studio loads them for every listing
        anyway.
        """
        rows: dict[int, list[int]] = {}
        unlisted: dict[int, Failure] = {}
        for task in self._tasks(project, None, ids, len(ids) or 1, WITH_ROWS, each_alone=True):
            # Of a task with a row that cannot be read nobody knows whether it has one of this version.
            if failure := task.failure or next(iter(task.unread), None):
                unlisted[task.id] = failure
            else:
                stored = with_predictions(task).predictions
                rows[task.id] = sorted(
                    row.id for row in stored if row.model_version == model_version
                )
        return StoredRows(rows, unlisted)

    def predictions_of(
        self, project: int, ids: Sequence[int]
    ) -> dict[int, Sequence[PredictionRow]]:
        """The stored rows of these tasks; without those of tasks that Label Studio cannot list."""
        listed = self._tasks(project, None, ids, len(ids), WITH_ROWS, each_alone=True)
        return {task.id: task.predictions for task in listed if task.failure is None}

    def create_prediction(self, row: Mapping[str, object]) -> None:
        """Store a row; it has `task`, `result`, `score` and `model_version`."""
        self._connection.post("/api/predictions/", object, dict(row))

    def delete_prediction(self, prediction: int) -> None:
        self._connection.delete(f"/api/predictions/{prediction}/", object)

    def import_predictions(self, project: int, rows: Sequence[Mapping[str, object]]) -> int:
        """How many were stored: Label Studio drops rows that it finds invalid without a word.

        One row for a task that is not there has it refuse all.
        """
        path = f"/api/projects/{project}/import/predictions"
        return self._connection.post(path, Imported, [dict(row) for row in rows]).created

    def model_versions(self, project: int) -> dict[str, int]:
        """How many rows are stored per version; those without one under an empty name."""
        params = {"extended": "true"}
        path = f"/api/projects/{project}/model-versions/"
        counts: Counter[str] = Counter()
        for one in self._connection.get(path, VersionCounts, params).static:
            counts[one.model_version] += one.count
        return counts

    def delete_model_version(self, project: int, model_version: str) -> int:
        """How many rows of that version were deleted.

        Label Studio empties the project's `model_version` along with it if a backend's title stood there.
        """
        path = f"/api/projects/{project}/model-versions/"
        body = {"model_version": model_version}
        return self._connection.delete(path, Deleted, body).deleted_predictions

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
