"""`firstpass connect`: a project and Firstpass together, as Label Studio needs it."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.ends import AMISS
from backend.cli.options import BOTH_SIDES, STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO, OURS
from backend.settings import Settings

__all__ = ["connect"]


@with_settings(*BOTH_SIDES, *STATE, "basic_auth_user", as_running=(*LABEL_STUDIO, *OURS))
def connect(
    settings: Settings,
    project: ProjectOption,
    trial_s: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for a prediction to try it with.")
    ] = 60.0,
    tabs: Annotated[bool, typer.Option(help="Make the tabs that lead to what needs care.")] = True,
    review_order: Annotated[
        bool | None,
        typer.Option(
            "--review-order/--usual-order",
            help="Have Label All Tasks give the least sure first, or go as before.",
        ),
    ] = None,
) -> None:
    """Connect a Label Studio project to the Firstpass that runs, or repair that.

    Names the ML backend after its model_version, which scores and sorting need,
    gives the webhook its secret, makes our tabs, and opens one task to see that
    a prediction arrives. What is right already is left alone.

    Examples:
      firstpass connect --project 3
      firstpass connect --project "Street scenes" --trial-s 300
      firstpass connect --project 3 --review-order
    """
    from rich.console import Console

    from backend.cli.findings import failed, finding_line
    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.projects.connect import Connector
    from backend.projects.our_backend import OurBackend
    from backend.projects.our_web import OurWeb

    console, findings = Console(soft_wrap=True), []
    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        connector = Connector(
            api,
            web,
            OurBackend.from_settings(settings),
            wait_s=trial_s,
            tabs_at=(settings.label_studio_browser_url or api.url) if tabs else None,
            review_order=review_order,
        )
        for finding in connector.connect(project_id(project, api, settings)):
            console.print(finding_line(finding))
            findings.append(finding)
    if failed(findings):
        raise typer.Exit(AMISS)
