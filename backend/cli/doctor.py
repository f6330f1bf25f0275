"""`firstpass doctor`: what keeps predictions from showing, line by line, each with its fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.ends import AMISS, NOT_DONE
from backend.cli.options import setting
from backend.errors import FirstpassError, SettingsError
from backend.settings import load_settings

if TYPE_CHECKING:
    from backend.projects.finding import Finding

__all__ = ["doctor"]


def doctor(
    project: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_PROJECT", help="A project's id: it is looked at, too."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="FIRSTPASS_JSON", help="Print JSON.")
    ] = False,
    model: Annotated[str | None, setting("model")] = None,
    public_url: Annotated[str | None, setting("public_url")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    home: Annotated[Path | None, setting("home")] = None,
    basic_auth_user: Annotated[str | None, setting("basic_auth_user")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
) -> None:
    """Look at Firstpass, Label Studio and one project: each line ok, warning or error, with its fix.

    Run it with the settings that the processes run with. Changes nothing. Exit code 1
    when there is any error, 2 when the settings themselves are wrong.
    """
    from rich.console import Console

    from backend.cli.findings import failed, finding_json, finding_line

    console, findings = Console(soft_wrap=True), []
    given = {
        "model": model,
        "public_url": public_url,
        "label_studio_url": label_studio_url,
        "host": host,
        "port": port,
        "redis_url": redis_url,
        "home": home,
        "basic_auth_user": basic_auth_user,
        "score_threshold": score_threshold,
    }
    for finding in _look(given, project):
        findings.append(finding)
        if not as_json:
            console.print(finding_line(finding))
    if as_json:
        ok = not failed(findings)
        typer.echo(json.dumps({"ok": ok, "findings": [*map(finding_json, findings)]}, indent=2))
    if failed(findings):
        raise typer.Exit(AMISS if _can_be_read(given) else NOT_DONE)


def _can_be_read(given: dict[str, Any]) -> bool:
    """Whether the settings are such that anything could run with them."""
    from backend.prediction.engine import engine_of

    try:
        engine_of(load_settings(**given))
    except FirstpassError:
        return False
    return True


def _look(given: dict[str, Any], project: int | None) -> Iterator[Finding]:
    from backend.cli.status import open_redis
    from backend.projects.doctor.run import Doctor
    from backend.projects.finding import Finding, Level

    try:
        settings = load_settings(**given)
    except SettingsError as error:
        yield Finding(Level.ERROR, str(error))
        return
    yield from Doctor(settings, lambda: open_redis(settings)).look(project)
