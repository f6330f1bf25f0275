"""The part of Label Studio's API about projects themselves: settings, ML backends, webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

from backend.label_studio.fields import Body, Id, Text
from backend.label_studio.records import Backend, Project, Webhook
from backend.label_studio.views_api import ViewsApi

__all__ = ["ProjectsApi"]

Row = TypeVar("Row", bound=Body)


class _Version(Body):
    release: str


class _User(Body):
    email: Text


class _Titled(Body):
    id: Id
    title: Text


class _Configured(Body):
    id: Id
    label_config: Text


class _Projects(Body, Generic[Row]):
    results: list[Row]
    next: object = None


class ProjectsApi(ViewsApi):
    """Everything but tasks and predictions; see `LabelStudioApi`, which says what is raised."""

    @property
    def url(self) -> str:
        return self._connection.url

    def version(self) -> str:
        """Label Studio's version, such as `1.23.2`."""
        return self._connection.get("/api/version/", _Version).release

    def email(self) -> str:
        """Of the user whose token this is."""
        return self._connection.get("/api/current-user/whoami", _User).email

    def titles(self) -> dict[int, str]:
        """The title of every project that the user sees, by its id."""
        return {one.id: one.title for one in self._projects("title", _Projects[_Titled])}

    def label_configs(self) -> dict[int, str]:
        """The label config of every project that the user sees, by the project's id."""
        found = self._projects("label_config", _Projects[_Configured])
        return {one.id: one.label_config for one in found}

    def _projects(self, field: str, kind: type[_Projects[Row]]) -> Iterator[Row]:
        """Every project that the user sees, with its id and this field alone, page by page."""
        for page in count(1):
            params = {"include": f"id,{field}", "page_size": 100, "page": page}
            answer = self._connection.get("/api/projects/", kind, params)
            yield from answer.results
            if not answer.next:
                return

    def project(self, project: int) -> Project:
        return self._connection.get(f"/api/projects/{project}/", Project)

    def update_project(self, project: int, **fields: object) -> None:
        """Change these fields.

        `model_version` must be a connected backend's title or the version of a stored prediction.
        """
        self._connection.patch(f"/api/projects/{project}/", object, fields)

    def backends(self, project: int) -> list[Backend]:
        """The project's ML backends, in the order of their making; only the first is ever asked.

        Label Studio calls each of them first, which shows in its `state`.
        """
        params = {"project": project}
        found = self._connection.get("/api/ml/", list[Backend], params, slow=True)
        return sorted(found, key=lambda backend: backend.id)

    def create_backend(self, project: int, **fields: object) -> Backend:
        """Connect a backend; Label Studio calls it, and makes a webhook for it."""
        return self._connection.post("/api/ml/", Backend, {"project": project, **fields})

    def update_backend(self, backend: int, **fields: object) -> Backend:
        """Label Studio calls it with these fields alone: `url` and its credentials must be among them."""
        return self._connection.patch(f"/api/ml/{backend}", Backend, fields)

    def delete_backend(self, backend: int) -> None:
        """Disconnect a backend; its predictions and its webhook stay."""
        self._connection.delete(f"/api/ml/{backend}", object)

    def webhooks(self, project: int) -> list[Webhook]:
        return self._connection.get("/api/webhooks/", list[Webhook], {"project": project})

    def create_webhook(self, project: int, **fields: object) -> Webhook:
        return self._connection.post("/api/webhooks/", Webhook, {"project": project, **fields})

    def update_webhook(self, webhook: int, **fields: object) -> None:
        self._connection.patch(f"/api/webhooks/{webhook}/", object, fields)

    def delete_webhook(self, webhook: int) -> None:
        self._connection.delete(f"/api/webhooks/{webhook}/", object)
