"""`firstpass demo`: a real Label Studio with pre-filled boxes and tags, on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.ends import AMISS
from backend.settings import load_settings

if TYPE_CHECKING:
    from backend.demo.run import DemoResult

__all__ = ["demo"]

MODEL = "tiny"
#: Long enough for all images to be predicted within one request of Label Studio.
WAIT_MANY_S = 60.0
#: The tiny models are too small for two threads: waiting for each other takes longer than the work.
CPU_THREADS = 1

_INVITATION = """
Open       {result.address}
sign in    {result.login.email}
password   {result.login.password}

Three things to try:
  1. Open a task and submit it as it is: its boxes and its ground are there already.
  2. Switch on Auto-Annotation below the image, type `red star` above it and press Enter: what is
     found is suggested, and a sentence says what became of it.
  3. With that on, delete a box, choose its label and draw roughly around the shape: the box that
     is suggested fits.

Ctrl-C ends everything the demo started and discards its data."""


def demo(
    once: Annotated[
        bool,
        typer.Option("--once", help="End once it is measured whether every task got a prediction."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="File to write the figures to, as JSON."),
    ] = None,
    tasks: Annotated[
        int,
        typer.Option(min=1, max=90, help="How many images to generate."),
    ] = 24,
    label_studio_bin: Annotated[
        Path | None,
        typer.Option(
            "--label-studio-bin",
            help="The label-studio to run (default: the one that `make setup` installed).",
        ),
    ] = None,
) -> None:
    """Start a real Label Studio with pre-filled boxes and tags.

    It predicts generated images and compares with what they show. It stays up
    to be looked at until Ctrl-C, which ends all of it and throws its data away.

    Examples:
      firstpass demo
      firstpass demo --once --tasks 8 --report demo.json
    """
    from backend.demo.environment import LABEL_STUDIO_BIN, repository
    from backend.demo.run import run_demo
    from backend.processes.supervisor import ending_signals

    began = time.monotonic()
    binary = (label_studio_bin or repository() / LABEL_STUDIO_BIN).absolute()

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:5.1f} s  {line}")

    complete = False
    try:
        settings = load_settings(model=MODEL, wait_many_s=WAIT_MANY_S, cpu_threads=CPU_THREADS)
        with ending_signals(), run_demo(settings, binary, tasks=tasks, say=say) as result:
            complete = result.report.complete
            _show(result, report)
            if not once:
                typer.echo(_INVITATION.format(result=result))
                result.supervisor.wait()
    except KeyboardInterrupt:
        typer.echo("\nEverything the demo started has ended.")
    if once and not complete:
        raise typer.Exit(AMISS)


def _show(result: DemoResult, path: Path | None) -> None:
    from rich.console import Console

    from backend.demo.report import figures_of, write_json
    from backend.pages.terminal import figure_table

    Console().print(figure_table(figures_of(result.report), "Pre-filled in Label Studio"))
    if path is not None:
        write_json(result.report, path)
