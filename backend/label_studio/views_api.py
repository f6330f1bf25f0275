"""The part of Label Studio's API about the tabs of a project's Data Manager, which it calls views."""

from __future__ import annotations

from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.records import View

__all__ = ["ViewsApi"]


class ViewsApi:
    """The tabs that everybody sees in a project; see `LabelStudioApi`, which says what is raised."""

    def __init__(self, connection: LabelStudioConnection) -> None:
        self._connection = connection

    def views(self, project: int) -> list[View]:
        """The tabs of the project's Data Manager."""
        return self._connection.get("/api/dm/views/", list[View], {"project": project})
