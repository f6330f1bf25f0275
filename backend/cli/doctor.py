"""`firstpass doctor`: what keeps predictions from showing, line by line, each with its fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.ends import AMISS, NOT_DONE
from backend.cli.options import BOTH_SIDES, PROJECT_HELP, STATE, AsJson, ReadSettings, with_settings
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO, OURS
from backend.errors import BadRequest, FirstpassError, SettingsError

if TYPE_CHECKING:
    from backend.projects.finding import Finding

__all__ = ["doctor"]


@with_settings(
    *(*BOTH_SIDES, *STATE, "model", "basic_auth_user", "score_threshold"),
    as_running=(*ANSWERS, *LABEL_STUDIO, *OURS, *IMAGES),
)
def doctor(
    read: ReadSettings,
    project: Annotated[
        str | None, typer.Option(help=f"{PROJECT_HELP} It is looked at, too.")
    ] = None,
    remove_broken_tabs: Annotated[
        bool, typer.Option(help="Remove tabs that stop the project's Data Manager.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what keeps predictions from showing, line by line, each with its fix.

    Looks at Firstpass, Label Studio and one project. Settings that are not given
    are those of the Firstpass that runs. Changes nothing, unless
    --remove-broken-tabs tells it to.

    Examples:
      firstpass doctor
      firstpass doctor --project http://localhost:8080/projects/3
    """
    from rich.console import Console

    from backend.cli.findings import failed, finding_json, finding_line

    if remove_broken_tabs and project is None:
        raise BadRequest(
            "expected --project with --remove-broken-tabs: a tab stands in one project"
        )
    console, findings = Console(soft_wrap=True), []
    for finding in _look(read, project, remove_broken_tabs=remove_broken_tabs):
        findings.append(finding)
        if not as_json:
            console.print(finding_line(finding))
    if as_json:
        ok = not failed(findings)
        typer.echo(json.dumps({"ok": ok, "findings": [*map(finding_json, findings)]}, indent=2))
    if failed(findings):
        raise typer.Exit(AMISS if _can_be_read(read) else NOT_DONE)


def _can_be_read(read: ReadSettings) -> bool:
    """Whether the settings are such that anything could run with them."""
    from backend.prediction.engine import engine_of

    try:
        engine_of(read())
    except FirstpassError:
        return False
    return True


def _look(
    read: ReadSettings, project: str | None, *, remove_broken_tabs: bool
) -> Iterator[Finding]:
    from backend.cli.status import open_redis
    from backend.projects.doctor.run import Doctor
    from backend.projects.finding import Finding, Level

    try:
        settings = read()
    except SettingsError as error:
        yield Finding(Level.ERROR, str(error))
        return
    doctor = Doctor(settings, lambda: open_redis(settings), remove_broken_tabs)
    yield from doctor.look(project)
