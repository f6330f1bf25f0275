"""`firstpass status`: Redis, queues, workers and failures, as on the `/status` page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from backend.cli.ends import AMISS
from backend.cli.options import STATE, AsJson, with_settings
from backend.errors import SettingsError
from backend.processes.redis_server import running_redis
from backend.settings import Settings

if TYPE_CHECKING:
    import redis

__all__ = ["open_redis", "status"]


@with_settings(*STATE)
def status(
    settings: Settings,
    failed: Annotated[bool, typer.Option(help="List the images that failed.")] = False,
    as_json: AsJson = False,
    most: Annotated[int, typer.Option(min=0, help="Failures to show at most.")] = 50,
) -> None:
    """Show workers, queues, cache and failures at this moment.

    Without a Redis URL it looks at the `firstpass up` that runs for
    FIRSTPASS_HOME. JSON is as at /status.json.

    Examples:
      firstpass status
      firstpass status --failed --most 200

    These need a look: no worker, a silent one, opened images that wait, tasks
    that no courier delivers, Redis about to lose data, something learned that is
    named and not there. Images that failed are shown and do not change the exit
    code.
    """
    from backend.cli.tables import failure_tables, overview_tables
    from backend.queue.heads import HeadShelf
    from backend.status.plain import overview_json
    from backend.status.reading import read_overview
    from backend.status.verdict import problems

    with open_redis(settings) as connection:
        heads = HeadShelf(connection, settings.home)
        overview = read_overview(connection, failures=most, runs_in=settings.runs_in, heads=heads)
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
        return connect(
            settings.redis_url.get_secret_value(),
            retries=0,
            timeout_s=timeout_s,
            runs_in=settings.runs_in,
        )
    url = running_redis(settings.home)
    if url is None:
        up = "start `firstpass up`, or " if settings.runs_in == "host" else ""
        raise SettingsError(
            f"expected FIRSTPASS_REDIS_URL (or REDIS_URL), or a `firstpass up` running for "
            f"FIRSTPASS_HOME ({settings.home}); found neither: {up}set FIRSTPASS_REDIS_URL"
        )
    return connect(url, retries=0, timeout_s=timeout_s)
