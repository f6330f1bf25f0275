"""`firstpass review`: what people made of a project's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.options import STATE, AsJson, ProjectOption, with_settings
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.settings import Settings

__all__ = ["ReviewOptions", "Since", "Versions", "review"]

Since = Annotated[
    str | None,
    typer.Option(
        help="Only annotations made since: 2026-11-20 or 2026-11-20T08:00, in UTC unless a zone is named, or 7d.",
        metavar="WHEN",
    ),
]
Versions = Annotated[
    list[str] | None,
    typer.Option(
        help="Only annotations that began from this model_version, be it another tool's; may be given again."
    ),
]


@dataclass(frozen=True, kw_only=True)
class ReviewOptions:
    """What is counted, and where the figures go."""

    since: Since = None
    version: Versions = None
    sample: Annotated[
        bool,
        typer.Option(
            help="Only the sample of `firstpass order`, and how many of it were accepted."
        ),
    ] = False
    by_annotator: Annotated[bool, typer.Option(help="Also by who annotated.")] = False
    as_json: AsJson = False
    report: Annotated[
        list[Path] | None,
        typer.Option(help="FILE.html or FILE.json; may be given twice.", metavar="FILE"),
    ] = None


@with_settings(
    "model",
    "label_studio_url",
    "local_files_root",
    *STATE,
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def review(settings: Settings, project: ProjectOption, options: ReviewOptions) -> None:
    """Show what people made of a project's predictions.

    Label by label: kept, moved, relabelled, deleted, added, with intervals;
    choices and texts likewise; edits and time per image. Read from Label Studio,
    which keeps with each annotation the prediction it began from; nothing there
    is changed. The report is also on the page /review/3 of the web process.

    Examples:
      firstpass review --project 3
      firstpass review --project 3 --since 7d --report review.html
      firstpass review --project 3 --sample
    """
    from backend.cli.printed_report import print_report
    from backend.cli.review_run import review_project
    from backend.cli.which_project import project_id_in
    from backend.review.report_rows import review_summary
    from backend.runs.report_files import check_report_paths, write_reports

    paths = options.report or ()
    check_report_paths(paths)
    done = review_project(project_id_in(project, settings), options, settings)
    write_reports(paths, done.report.to_json, done.page)
    report = done.report
    print_report(report, lambda: review_summary(report), as_json=options.as_json)
