"""`firstpass status`: Redis, queues, workers and failures, as on the `/status` page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from backend.cli.ends import AMISS
from backend.cli.options import setting
from backend.errors import SettingsError
from backend.redis_server import running_redis
from backend.settings import Settings, load_settings

if TYPE_CHECKING:
    import redis

__all__ = ["open_redis", "status"]


def status(
    failed: Annotated[
        bool,
        typer.Option("--failed", envvar="FIRSTPASS_FAILED", help="List the images that failed."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="FIRSTPASS_JSON", help="Print JSON, as /status.json.")
    ] = False,
    most: Annotated[
        int, typer.Option(envvar="FIRSTPASS_MOST", min=0, help="Failures to show at most.")
    ] = 50,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    home: Annotated[Path | None, setting("home")] = None,
) -> None:
    """Show workers, queues, cache and failures at this moment.

    Without a Redis URL it looks at the `firstpass up` that runs for FIRSTPASS_HOME.

    Exit codes: 0 all is well; 2 Redis does not answer; 1 something else needs a
    look: no worker, a silent one, opened images that wait, tasks that no courier
    delivers, Redis about to lose data. Images that failed are shown and do not change the exit code.
    """
    from backend.cli.tables import failure_tables, overview_tables
    from backend.queue.overview import read_overview
    from backend.queue.verdict import overview_json, problems

    settings = load_settings(redis_url=redis_url, home=home)
    with open_redis(settings) as connection:
        overview = read_overview(connection, failures=most)
    if as_json:
        typer.echo(json.dumps(overview_json(overview), indent=2))
    else:
        console = Console()
        for part in failure_tables(overview) if failed else overview_tables(overview):
            console.print(part)
    if problems(overview):
        raise typer.Exit(AMISS)


def open_redis(settings: Settings, timeout_s: float | None = None) -> redis.Redis:
    """A client for the Redis of the settings, else for the embedded one that runs for their home.

    `timeout_s`: the most that one command may take, other than usual. Raises `SettingsError` when there is neither.
    """
    from backend.queue.connection import connect

    if settings.redis_url is not None:
        return connect(settings.redis_url.get_secret_value(), retries=0, timeout_s=timeout_s)
    url = running_redis(settings.home)
    if url is None:
        raise SettingsError(
            f"expected FIRSTPASS_REDIS_URL (or REDIS_URL), or a `firstpass up` running for "
            f"FIRSTPASS_HOME ({settings.home}); found neither"
        )
    return connect(url, retries=0, timeout_s=timeout_s)
