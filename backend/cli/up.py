"""`firstpass up`: everything Firstpass needs, on this machine, from one command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backend.cli.options import MODELS, STATE, with_settings
from backend.logs import logs_are_plain
from backend.settings import Settings

__all__ = ["up"]

#: Each child in turn: a worker finishes its batch, the courier the rows that it is writing.
GRACE_S = 30.0
#: What makes a project's predictions show, and what tells why they do not.
NEXT = ("firstpass connect --project 3", "firstpass doctor --project 3")


@with_settings(
    *MODELS,
    *STATE,
    "host",
    "port",
    "public_url",
    "basic_auth_user",
    "label_studio_url",
    "log_level",
)
def up(
    settings: Settings,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            help="Worker processes; each holds the models once, so more than one per GPU seldom pays.",
        ),
    ] = 1,
) -> None:
    """Run all of Firstpass on this machine; Ctrl-C ends it.

    Redis (unless FIRSTPASS_REDIS_URL names one), web, workers, and the courier
    where Label Studio's address and a token are set. Secrets are taken from the
    environment only. On a terminal it tells in plain lines what happens,
    elsewhere in JSON (FIRSTPASS_LOG_FORMAT).

    Examples:
      firstpass up --model tiny
      firstpass up --port 9091 --workers 2 --device cuda
    """
    from backend.errors import SettingsError
    from backend.inference.checkpoints import check_checkpoints
    from backend.inference.devices import check_device
    from backend.processes.children import free_port, port_is_free
    from backend.processes.stack import start_stack
    from backend.processes.supervisor import Supervisor, ending_signals

    check_checkpoints(settings.model, settings.runs_in)
    check_device(settings.device)
    if logs_are_plain(settings.log_format, terminal=sys.stderr.isatty()):
        settings = settings.model_copy(update={"log_format": "plain"})
        typer.echo(_starting(settings, workers), err=True)
    if settings.port == 0:
        settings = settings.model_copy(update={"port": free_port()})
    elif not port_is_free(settings.host, settings.port):
        raise SettingsError(
            f"FIRSTPASS_PORT: {settings.host}:{settings.port} is in use; end what listens there, "
            "or choose another port"
        )
    try:
        with (
            ending_signals(),
            Supervisor(grace_s=GRACE_S) as supervisor,
            start_stack(settings, supervisor, workers=workers) as stack,
        ):
            typer.echo(_ready(settings, stack.url))
            supervisor.wait()
    except KeyboardInterrupt:
        typer.echo("Firstpass has ended.")


def _starting(settings: Settings, workers: int) -> str:
    many = "a worker" if workers == 1 else f"{workers} workers"
    courier = " and the courier" if settings.delivers else ""
    return f"Starting web, {many} with {settings.model}{courier}. A large model takes a minute to load."


def _ready(settings: Settings, url: str) -> str:
    """The addresses, and what to do next."""
    lines = [
        f"Firstpass is ready: give Label Studio the URL {settings.public_url or url} "
        f"{_credentials(settings)}(Ctrl-C ends it)",
        f"  how it is doing: {url}/status",
    ]
    if settings.delivers:
        lines += [
            "Next, in another shell that has the token too (3: the number in the project's address):",
            *(f"  {command}" for command in NEXT),
        ]
    else:
        lines.append(
            "It knows no Label Studio: to fill projects, end it and start it with FIRSTPASS_LABEL_STUDIO_URL "
            "and FIRSTPASS_LABEL_STUDIO_API_KEY"
        )
    return "\n".join(lines)


def _credentials(settings: Settings) -> str:
    if settings.basic_auth_user is None:
        return ""
    return f"with user {settings.basic_auth_user} and the password from FIRSTPASS_BASIC_AUTH_PASS "
