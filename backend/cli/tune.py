"""`firstpass tune`: thresholds and calibrations from what people made of a project's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import STATE, AsJson, ProjectOption, with_settings
from backend.cli.review import Since
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.tuning.figures import TuneReport

__all__ = ["TuneOptions", "tune"]


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What is best, whether it is written, and which annotations say so."""

    apply: Annotated[bool, typer.Option(help="Write it into the project's label config.")] = False
    undo: Annotated[
        bool, typer.Option(help="Take back what the last --apply wrote; nothing else is done.")
    ] = False
    precision: Annotated[
        str | None,
        typer.Option(
            help="The least threshold that reaches this precision, in place of the best F1.",
            metavar="SHARE",
        ),
    ] = None
    cost: Annotated[
        str | None,
        typer.Option(
            help="The fewest edits, in place of the best F1: what adding a box and deleting one cost.",
            metavar="add=1,delete=0.3",
        ),
    ] = None
    since: Since = None
    version: Annotated[
        list[str] | None,
        typer.Option(
            help="Only annotations that began from this model_version of Firstpass, be it of other models; "
            "may be given again."
        ),
    ] = None
    as_json: AsJson = False
    report: Annotated[
        list[Path] | None,
        typer.Option(help="FILE.html or FILE.json; may be given twice.", metavar="FILE"),
    ] = None


@with_settings(
    "model",
    "label_studio_url",
    *STATE,
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def tune(settings: Settings, project: ProjectOption, options: TuneOptions) -> None:
    """Tune a project's thresholds and scores to what people made of predictions.

    For each label the threshold of the best F1, and curves that make scores say
    how many boxes are right. Only what reviews show for certain is proposed,
    from 30 reviewed boxes of a label on. Without --apply nothing is written.

    Examples:
      firstpass tune --project 3
      firstpass tune --project 3 --apply
      firstpass tune --project 3 --undo
    """
    from backend.cli.tune_run import take_back_in, tune_project
    from backend.cli.which_project import project_id_in
    from backend.runs.report_files import check_report_paths, write_reports

    if options.undo:
        _check_alone(options)
        for line in take_back_in(project_id_in(project, settings), settings):
            typer.echo(line)
        return
    paths = options.report or ()
    check_report_paths(paths)
    report = tune_project(project_id_in(project, settings), options, settings)
    write_reports(paths, report.to_json, lambda: _page(report))
    _print(report, as_json=options.as_json)


def _check_alone(options: TuneOptions) -> None:
    """Raises `BadRequest` where something is said besides that it is to be taken back."""
    given = {
        "--apply": options.apply,
        "--precision": options.precision,
        "--cost": options.cost,
        "--since": options.since,
        "--version": options.version,
        "--json": options.as_json,
        "--report": options.report,
    }
    named = [name for name, value in given.items() if value]
    if named:
        raise BadRequest(
            f"--undo takes back what the last --apply wrote, and nothing else is done: expected it without "
            f"{', '.join(named)}"
        )


def _page(report: TuneReport) -> str:
    from backend.pages.page import summary_page
    from backend.tuning.report_rows import tune_summary

    return summary_page(tune_summary(report))


def _print(report: TuneReport, *, as_json: bool) -> None:
    from rich.console import Console

    from backend.cli.printed_report import print_report
    from backend.pages.terminal import say
    from backend.tuning.report_rows import ending, tune_summary

    print_report(report, lambda: tune_summary(report), as_json=as_json)
    if not as_json:
        say(Console(), ending(report), style="bold")
