"""`firstpass prelabel`: predictions for a whole project, or a folder of images."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.console import Console

from backend.cli.ends import SOME_FAILED, exit_codes, going_on
from backend.cli.options import MODELS, PROJECT_HELP, STATE, with_settings
from backend.cli.prelabel_options import FolderOptions, ProjectOptions
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.bulk.illustrated import Illustrated

__all__ = ["prelabel", "quietly"]

prelabel = typer.Typer(
    name="prelabel",
    help="Predict a whole project, or a folder of images, and report on it.",
    no_args_is_help=True,
)


@prelabel.command("project", epilog=exit_codes("prelabel"))
@with_settings(
    *(*STATE, "model", "score_threshold", "label_studio_url"),
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def of_project(
    settings: Settings,
    project: Annotated[
        str, typer.Argument(help=f"{PROJECT_HELP} A tab in the address counts as --view.")
    ],
    options: ProjectOptions,
) -> None:
    """Predict a Label Studio project; predictions are written as they come.

    It needs Redis and workers, as `firstpass up` runs them. Each task gets its
    prediction once, whoever else writes. Stopped, by Ctrl-C or worse, the same command
    goes on where it was and repeats nothing.

    Examples:
      firstpass prelabel project 3 --dry-run
      firstpass prelabel project "Street scenes" --all --report run.html
    """
    from backend.cli.prelabel_project import prelabel_project

    _report(options.report or (), lambda say: prelabel_project(project, options, settings, say))


@prelabel.command("folder", epilog=exit_codes("prelabel"))
@with_settings(*MODELS, *STATE, as_running=ANSWERS)
def of_folder(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="Folder of images, subfolders included.")],
    options: FolderOptions,
) -> None:
    """Predict a folder of images, without any server.

    The models run in this process, and a file is written that Label Studio
    imports, or a dataset. Stopped, by Ctrl-C or worse, the same command goes on
    where it was and repeats nothing.

    Examples:
      firstpass prelabel folder scans/ --config a.xml --out tasks.json
      firstpass prelabel folder scans/ --config a.xml --format yolo --out set/
    """
    from backend.cli.prelabel_folder import prelabel_folder

    _report(options.report or (), lambda say: prelabel_folder(folder, options, settings, say))


def _report(paths: Sequence[Path], run: Callable[[Console], Illustrated]) -> None:
    """Run, and show and write the report; end with the code that it makes."""
    from backend.cli.printed_report import print_summary
    from backend.runs.report_files import check_report_paths, write_reports

    check_report_paths(paths)
    with going_on(), quietly():
        done = run(Console(stderr=True))
        print_summary(done.summary())
        write_reports(paths, done.report.to_json, done.page)
    if not done.report.complete:
        raise typer.Exit(SOME_FAILED)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep log lines below errors off the terminal, where the progress is; errors go beside it."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
