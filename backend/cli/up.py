"""`firstpass up`: everything Firstpass needs, on this machine, from one command."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.options import MODELS, STATE, with_settings
from backend.settings import Settings

__all__ = ["up"]

#: Each child in turn: a worker finishes its batch, the courier the rows that it is writing.
GRACE_S = 30.0


@with_settings(*MODELS, *STATE, "host", "port", "basic_auth_user", "label_studio_url", "log_level")
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
    environment only.

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
            typer.echo(
                f"Firstpass is ready: give Label Studio the URL {stack.url}"
                f"{_credentials(settings)} (Ctrl-C ends it)"
            )
            supervisor.wait()
    except KeyboardInterrupt:
        typer.echo("Firstpass has ended.")


def _credentials(settings: Settings) -> str:
    if settings.basic_auth_user is None:
        return ""
    return f" with user {settings.basic_auth_user} and the password from FIRSTPASS_BASIC_AUTH_PASS"
