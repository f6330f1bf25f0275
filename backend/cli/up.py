"""`firstpass up`: everything Firstpass needs, on this machine, from one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.cli.options import setting
from backend.settings import Settings, load_settings

__all__ = ["up"]

#: Each child in turn: a worker finishes its batch, the courier the rows that it is writing.
GRACE_S = 30.0


def up(
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
    model: Annotated[str | None, setting("model")] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            envvar="FIRSTPASS_WORKERS",
            help="Worker processes; each holds the models once, so more than one per GPU seldom pays.",
        ),
    ] = 1,
    device: Annotated[str | None, setting("device")] = None,
    dtype: Annotated[str | None, setting("dtype")] = None,
    batch_max: Annotated[int | None, setting("batch_max")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    home: Annotated[Path | None, setting("home")] = None,
    basic_auth_user: Annotated[str | None, setting("basic_auth_user")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
    log_level: Annotated[str | None, setting("log_level")] = None,
) -> None:
    """Run Redis (unless FIRSTPASS_REDIS_URL names one), web and workers; Ctrl-C ends them all.

    Secrets are taken from the environment alone.
    """
    _run(
        load_settings(
            host=host,
            port=port,
            model=model,
            device=device,
            dtype=dtype,
            batch_max=batch_max,
            redis_url=redis_url,
            home=home,
            basic_auth_user=basic_auth_user,
            label_studio_url=label_studio_url,
            score_threshold=score_threshold,
            log_level=log_level,
        ),
        workers,
    )


def _run(settings: Settings, workers: int) -> None:
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
