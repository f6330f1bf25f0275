"""The project that a command is about, and a word where its address said more than is heeded."""

from __future__ import annotations

import typer

from backend.label_studio.api import LabelStudioApi
from backend.projects.project_name import NamedProject, find_project, parse_project
from backend.settings import Settings

__all__ = ["project_id", "project_id_in"]


def project_id(name: str, api: LabelStudioApi, settings: Settings) -> int:
    """Give the id of the project named so. Raises what `find_project` raises."""
    return _whole(find_project(name, api, settings.label_studio_browser_url))


def project_id_in(name: str, settings: Settings) -> int:
    """Give the id of the project named so, without Label Studio where its id or address is given."""
    found = parse_project(name, settings.label_studio_url, settings.label_studio_browser_url)
    if found is not None:
        return _whole(found)
    with LabelStudioApi.from_settings(settings) as api:
        return project_id(name, api, settings)


def _whole(found: NamedProject) -> int:
    if found.tab is not None:
        typer.echo(
            f"This is about the whole project {found.id}, not only about tab {found.tab} of its address.",
            err=True,
        )
    return found.id
