"""The `firstpass` command line. Modules named here import nothing heavy before they run."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from backend.cli.connect import connect
from backend.cli.courier import courier
from backend.cli.demo import demo
from backend.cli.doctor import doctor
from backend.cli.drain import drain
from backend.cli.ends import NOT_DONE, exit_codes
from backend.cli.evaluate import evaluate
from backend.cli.explore import explore
from backend.cli.health import health
from backend.cli.index import index
from backend.cli.learn import learn
from backend.cli.models import models
from backend.cli.order import order
from backend.cli.owed import owed
from backend.cli.phrases import phrases
from backend.cli.plan import plan
from backend.cli.predict import predict
from backend.cli.prelabel import prelabel
from backend.cli.prune import prune
from backend.cli.retry import retry
from backend.cli.review import review
from backend.cli.search import search
from backend.cli.status import status
from backend.cli.tabs import tabs
from backend.cli.tidy import tidy
from backend.cli.tune import tune
from backend.cli.up import up
from backend.cli.version import show_version
from backend.cli.web import web
from backend.cli.worker import worker
from backend.errors import FirstpassError

__all__ = ["app", "main"]

#: Help's groups of commands.
PANELS = {
    "Run it": (up, web, worker, courier, demo),
    "Projects of Label Studio": (connect, doctor, tabs, prune, tidy, owed),
    "Learn from reviews": (review, order, tune, learn),
    "Know the images": (index, search, explore),
    "See and mend": (status, health, drain, retry),
    "Ask the models": (plan, predict),
}

app = typer.Typer(
    name="firstpass", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@app.callback(epilog=exit_codes("firstpass"))
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the versions that a report of a fault should name.",
            callback=show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Pre-annotate images in Label Studio with Florence-2 and CLIP."""


for panel, commands in PANELS.items():
    for command in commands:
        name = command.__name__
        app.command(name, rich_help_panel=panel, epilog=exit_codes(name))(command)
for group, panel in (
    (prelabel, "Projects of Label Studio"),
    (evaluate, "Projects of Label Studio"),
    (phrases, "Projects of Label Studio"),
    (models, "Ask the models"),
):
    app.add_typer(group, rich_help_panel=panel)


def main() -> None:
    """Run the command; an error of ours, or of the system, ends it with one sentence (see `ends`)."""
    # Read by torch's threads when it loads. By default they spin while they wait for each other: on a
    # processor that other programs use too, 16 small images took ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # noqa: TID251 - set, not read
    try:
        app()
    except FirstpassError as error:
        typer.echo(f"firstpass: {error}", err=True)
        sys.exit(NOT_DONE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        typer.echo(f"firstpass: {where}{error.strerror or error}", err=True)
        sys.exit(NOT_DONE)
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        typer.echo(f"firstpass: {_lacking(error)}", err=True)
        sys.exit(NOT_DONE)


def _is_ours(error: ModuleNotFoundError) -> bool:
    """A module of this program that is not there is a fault of the program."""
    return (error.name or "").partition(".")[0] in ("backend", "models")


def _lacking(error: ModuleNotFoundError) -> str:
    """Which layer of an installation is missing: the models' libraries come together with torch."""
    if find_spec("torch") is None:
        return (
            "this command needs the models' libraries, and this installation has none of them (it is the "
            "web image's); run it where the workers run, such as in the firstpass-worker image"
        )
    return (
        f"this installation is not whole: its library {_named(error)} is missing; install Firstpass "
        "again, from its lock files"
    )


def _named(error: BaseException | None) -> str:
    """The module that is missing; transformers names it only in the error behind its own."""
    while error is not None:
        if isinstance(error, ImportError) and error.name:
            return error.name
        error = error.__cause__ or error.__context__
    return "(of no name)"


if __name__ == "__main__":
    main()
