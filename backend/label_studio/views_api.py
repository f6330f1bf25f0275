"""The part of Label Studio's API about the tabs of a project's Data Manager, which it calls views."""

from __future__ import annotations

from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.records import View
from backend.plain import Json

__all__ = ["ViewsApi"]


class ViewsApi:
    """The tabs that everybody sees in a project; see `LabelStudioApi`, which says what is raised."""

    def __init__(self, connection: LabelStudioConnection) -> None:
        self._connection = connection

    def views(self, project: int) -> list[View]:
        """The tabs of the project's Data Manager, in their order."""
        return self._connection.get("/api/dm/views/", list[View], {"project": project})

    def create_view(self, project: int, data: Json) -> View:
        """A new last tab. Label Studio takes operators that its own pages then cannot show."""
        return self._connection.post("/api/dm/views/", View, {"project": project, "data": data})

    def update_view(self, view: int, data: Json) -> None:
        """Have a tab be so. What `data` lacks is gone; an empty order leaves the one that was."""
        self._connection.patch(f"/api/dm/views/{view}/", object, {"data": data})

    def delete_view(self, view: int) -> None:
        self._connection.delete(f"/api/dm/views/{view}/", object)
