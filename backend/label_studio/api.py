"""Label Studio's API as Firstpass uses it: predictions here, tasks in `tasks_api`, the rest in `projects_api`.

Answers are read as `records`. Facts were seen on 1.23.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx

from backend.errors import Failure, SettingsError
from backend.label_studio.answers import (
    Deleted,
    Imported,
    StoredRows,
    VersionCounts,
    with_predictions,
)
from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.records import PredictionRow, TaskRow
from backend.label_studio.task_filters import none_of, with_version
from backend.label_studio.tasks_api import TasksApi
from backend.settings import Settings

__all__ = ["LabelStudioApi"]

#: Seconds for a read; opening a task and writing take longer: on SQLite, writers wait for each other.
TIMEOUT_S = 60.0
WRITE_TIMEOUT_S = 180.0

#: What asks for rows whole, and for nothing else.
WITH_ROWS = {"include": "id,predictions", "fields": "all"}


class LabelStudioApi(TasksApi):
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
        connection = LabelStudioConnection(
            url,
            credential,
            timeout_s=timeout_s,
            write_timeout_s=write_timeout_s,
            transport=transport,
        )
        super().__init__(connection, sleep)

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

    def unreviewed(self, project: int, model_version: str) -> Iterator[TaskRow]:
        """The tasks with a row of that version that nobody has annotated or skipped, with their rows.

        By ascending id. Versions of which the name is a part count, too: who needs exactly one looks. A task that Label
        Studio cannot list comes as one that has failed.
        """
        items = [
            none_of("total_annotations"),
            none_of("cancelled_annotations"),
            with_version(model_version),
        ]
        filters = {"conjunction": "and", "items": items}
        yield from self._tasks(project, filters, None, 100, WITH_ROWS, each_alone=True)

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
