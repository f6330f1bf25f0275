"""`firstpass connect`: a project and Firstpass together, as Label Studio needs it."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.ends import AMISS
from backend.cli.options import setting
from backend.settings import load_settings

__all__ = ["connect"]


def connect(
    project: Annotated[
        int, typer.Option(envvar="FIRSTPASS_PROJECT", help="The project's id, as in its address.")
    ],
    public_url: Annotated[str | None, setting("public_url")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
    basic_auth_user: Annotated[str | None, setting("basic_auth_user")] = None,
    trial_s: Annotated[
        float,
        typer.Option(
            envvar="FIRSTPASS_TRIAL_S",
            min=0,
            help="Seconds to wait for a prediction to try it with.",
        ),
    ] = 60.0,
) -> None:
    """Connect a Label Studio project to the Firstpass that runs, or repair the connection.

    Names the ML backend after its model_version, which scores and sorting need, gives
    the webhook its secret, and opens one task to see that a prediction arrives. What
    is right already is left alone. Exit code 1 when a step failed.
    """
    from rich.console import Console

    from backend.cli.findings import failed, finding_line
    from backend.label_studio.api import LabelStudioApi
    from backend.projects.connect import Connector
    from backend.projects.our_backend import OurBackend
    from backend.projects.our_web import OurWeb

    settings = load_settings(
        public_url=public_url,
        label_studio_url=label_studio_url,
        host=host,
        port=port,
        basic_auth_user=basic_auth_user,
    )
    console, findings = Console(soft_wrap=True), []
    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        connector = Connector(api, web, OurBackend.from_settings(settings), wait_s=trial_s)
        for finding in connector.connect(project):
            console.print(finding_line(finding))
            findings.append(finding)
    if failed(findings):
        raise typer.Exit(AMISS)
