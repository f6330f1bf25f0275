"""`firstpass tabs`: tabs in a project's Data Manager that lead to what needs care."""

from __future__ import annotations

import typer

from backend.cli.options import STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO
from backend.settings import Settings

__all__ = ["tabs"]


@with_settings("label_studio_url", *STATE, as_running=LABEL_STUDIO)
def tabs(settings: Settings, project: ProjectOption) -> None:
    """Make or renew the tabs that lead to what needs care.

    They list what nobody has annotated yet: least sure, nothing found, failed,
    and changed since. Everybody in the project sees them. Nothing is written
    into tasks; `firstpass tidy` removes the tabs.

    Examples:
      firstpass tabs --project 3
      firstpass tabs --project http://localhost:8080/projects/3
    """
    from rich.console import Console

    from backend.cli.findings import finding_line
    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.projects.tabs import ProjectTabs, shown_version

    console = Console(soft_wrap=True)
    with LabelStudioApi.from_settings(settings) as api:
        number = project_id(project, api, settings)
        version = shown_version(api.project(number))
        browser_url = settings.label_studio_browser_url or api.url
        for finding in ProjectTabs(api, number, version, browser_url).make():
            console.print(finding_line(finding))
    typer.echo(
        "Label Tasks As Displayed (beside Label All Tasks) goes through a tab in its order. Label All Tasks "
        "heeds no tab: `firstpass connect --project "
        f"{number} --review-order` has it give the least sure first."
    )
