"""The part of Label Studio's API that gives annotations with the predictions they began from: its export.

Seen on 1.23: the export alone has the copy of the prediction with each annotation; lists of tasks and of
annotations leave it out. It takes ids, so it can be read in pages: neither side holds a whole project.
Label Studio keeps a file of each answer in its own `export` folder, as it does for every export.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import model_validator

from backend.label_studio.projects_api import ProjectsApi
from backend.label_studio.records import TaskRow

__all__ = ["IDS_IN_EXPORT", "ExportsApi"]

#: Ids in one request. They travel in its address, 17 characters each, of which some servers take 4 KB.
IDS_IN_EXPORT = 100


class _Exported(TaskRow):
    """A task of an export, which tells of predictions only their ids: so it tells none."""

    @model_validator(mode="before")
    @classmethod
    def _without_ids(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: one for name, one in value.items() if name != "predictions"}


class ExportsApi(ProjectsApi):
    """Adds exports of tasks to what is asked about projects; see `LabelStudioApi`."""

    def exported(self, project: int, ids: Sequence[int]) -> list[TaskRow]:
        """These tasks with their annotations, each with the copy of its prediction; in no order.

        At most `IDS_IN_EXPORT` of them.
        """
        params = {"exportType": "JSON", "download_all_tasks": "true", "ids[]": [*ids]}
        path = f"/api/projects/{project}/export"
        return [*self._connection.get(path, list[_Exported], params, slow=True)]
