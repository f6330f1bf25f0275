"""`firstpass demo`: a real Label Studio with pre-filled boxes and tags, on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.ends import AMISS
from backend.settings import Settings, load_settings

if TYPE_CHECKING:
    from backend.demo.environment import Say
    from backend.demo.run import DemoResult, LoopResult
    from backend.pages.summary import Figure

__all__ = ["demo"]

MODEL = "tiny"
#: Long enough for all images to be predicted within one request of Label Studio.
WAIT_MANY_S = 60.0
#: The tiny models are too small for two threads: waiting for each other takes longer than the work.
CPU_THREADS = 1

#: More are a benchmark, not something to look at.
MOST_TASKS = 500
#: Images, where `--tasks` says nothing: to be predicted, and to be reviewed with `--reviewer`.
TASKS, REVIEWED = 24, 100

_SIGN_IN = """
Open       {result.address}
sign in    {result.login.email}
password   {result.login.password}

"""
_TO_TRY = """Three things to try:
  1. Open a task and submit it as it is: its boxes and its ground are there already.
  2. Switch on Auto-Annotation below the image, type `red star` above it and press Enter: what is
     found is suggested, and a sentence says what became of it.
  3. With that on, delete a box, choose its label and draw roughly around the shape: the box that
     is suggested fits.
"""
_ENDING = """
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
        int | None,
        typer.Option(
            min=1,
            max=MOST_TASKS,
            help=f"How many images to generate (default: {TASKS}; with --reviewer {REVIEWED}, and 50 more).",
            show_default=False,
        ),
    ] = None,
    reviewer: Annotated[
        bool,
        typer.Option(
            "--reviewer",
            help="Have a scripted person review 100 images instead, then tune, learn, and predict again.",
        ),
    ] = False,
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

    With --reviewer a scripted person corrects the predictions, `tune` and `learn`
    go by that, and images that nobody reviewed show what it was worth.

    Examples:
      firstpass demo
      firstpass demo --reviewer --once
      firstpass demo --once --tasks 8 --report demo.json
    """
    from backend.demo.environment import LABEL_STUDIO_BIN, repository
    from backend.processes.supervisor import ending_signals

    began = time.monotonic()
    binary = (label_studio_bin or repository() / LABEL_STUDIO_BIN).absolute()

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:5.1f} s  {line}")

    complete = False
    try:
        settings = load_settings(model=MODEL, wait_many_s=WAIT_MANY_S, cpu_threads=CPU_THREADS)
        show = _reviewing if reviewer else _predicting
        with ending_signals(), show(settings, binary, tasks, report, say) as shown:
            complete = shown.complete
            if not once:
                to_try = "" if reviewer else _TO_TRY
                typer.echo(_SIGN_IN.format(result=shown.result) + to_try + _ENDING)
                shown.result.supervisor.wait()
    except KeyboardInterrupt:
        typer.echo("\nEverything the demo started has ended.")
    if once and not complete:
        raise typer.Exit(AMISS)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was shown; `complete`: whether every image got its prediction."""

    result: DemoResult | LoopResult
    complete: bool


@contextmanager
def _predicting(
    settings: Settings, binary: Path, tasks: int | None, report: Path | None, say: Say
) -> Iterator[_Shown]:
    from backend.demo.report import figures_of, write_json
    from backend.demo.run import run_demo

    with run_demo(settings, binary, tasks=tasks or TASKS, say=say) as result:
        _show(figures_of(result.report), "Pre-filled in Label Studio")
        if report is not None:
            write_json(result.report, report)
        yield _Shown(result, result.report.complete)


@contextmanager
def _reviewing(
    settings: Settings, binary: Path, tasks: int | None, report: Path | None, say: Say
) -> Iterator[_Shown]:
    from backend.demo.report import write_json
    from backend.demo.run import run_review_loop

    with run_review_loop(settings, binary, reviewed=tasks or REVIEWED, say=say) as result:
        _show(result.figures.figures, "On images that nobody reviewed, before and after")
        if report is not None:
            write_json(result.figures, report)
        yield _Shown(result, complete=True)


def _show(figures: Sequence[Figure], title: str) -> None:
    from rich.console import Console

    from backend.pages.terminal import figure_table

    Console().print(figure_table(figures, title))
