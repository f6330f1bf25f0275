"""The part of Label Studio's API about projects themselves: settings, views, ML backends, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from backend.errors import LabelStudioUnavailable
from backend.label_studio.connection import LabelStudioConnection

__all__ = ["Json", "ProjectsApi"]

Json: TypeAlias = dict[str, Any]


class ProjectsApi:
    """Everything but tasks and predictions; see `LabelStudioApi`, which says what is raised."""

    def __init__(self, connection: LabelStudioConnection) -> None:
        self._connection = connection

    @property
    def url(self) -> str:
        return self._connection.url

    def version(self) -> str:
        """Label Studio's version, such as `1.23.2`."""
        return str(self._get("/api/version/")["release"])

    def whoami(self) -> Json:
        """The user whose token this is."""
        return self._get("/api/current-user/whoami")

    def projects(self) -> list[Json]:
        """Id and title of every project that the user sees."""
        found: list[Json] = []
        while True:
            params = {"include": "id,title", "page_size": 100, "page": len(found) // 100 + 1}
            answer = self._get("/api/projects/", params)
            found += answer["results"]
            if not answer.get("next"):
                return found

    def project(self, project: int) -> Json:
        """The project with all of its settings; a label config that is none is an empty one."""
        found = self._get(f"/api/projects/{project}/")
        if not isinstance(found["label_config"], str):
            found["label_config"] = ""
        return found

    def update_project(self, project: int, **fields: object) -> Json:
        """The project with these fields changed.

        `model_version` must be a connected backend's title or the version of a stored prediction.
        """
        changed: Json = self._connection.patch(f"/api/projects/{project}/", fields)
        return changed

    def views(self, project: int) -> list[Json]:
        """The tabs of the project's Data Manager, with their filters under `data`."""
        found: list[Json] = self._connection.get("/api/dm/views/", {"project": project})
        return found

    def backends(self, project: int) -> list[Json]:
        """The project's ML backends, in the order of their making; only the first is ever asked.

        Label Studio calls each of them first, which shows in its `state`.
        """
        found: list[Json] = self._connection.get("/api/ml/", {"project": project}, slow=True)
        return sorted(found, key=lambda backend: int(backend["id"]))

    def create_backend(self, project: int, **fields: object) -> Json:
        """Connect a backend; Label Studio calls it, and makes a webhook for it."""
        made: Json = self._connection.post("/api/ml/", {"project": project, **fields})
        return made

    def update_backend(self, backend: int, **fields: object) -> Json:
        """Label Studio calls it with these fields alone: `url` and its credentials must be among them."""
        changed: Json = self._connection.patch(f"/api/ml/{backend}", fields)
        return changed

    def delete_backend(self, backend: int) -> None:
        """Disconnect a backend; its predictions and its webhook stay."""
        self._connection.delete(f"/api/ml/{backend}")

    def webhooks(self, project: int) -> list[Json]:
        found: list[Json] = self._connection.get("/api/webhooks/", {"project": project})
        return found

    def create_webhook(self, project: int, **fields: object) -> Json:
        made: Json = self._connection.post("/api/webhooks/", {"project": project, **fields})
        return made

    def update_webhook(self, webhook: int, **fields: object) -> Json:
        changed: Json = self._connection.patch(f"/api/webhooks/{webhook}/", fields)
        return changed

    def delete_webhook(self, webhook: int) -> None:
        self._connection.delete(f"/api/webhooks/{webhook}/")

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        found = self._connection.get(path, params)
        if not isinstance(found, dict):
            raise LabelStudioUnavailable(
                f"GET {path} at {self.url}: expected a JSON object, got {type(found).__name__}"
            )
        return found
