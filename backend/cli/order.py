"""`firstpass order`: what to review first, and a sample drawn by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import STATE, AsJson, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.review.order_report import OrderReport

__all__ = ["OrderOptions", "order"]


@dataclass(frozen=True, kw_only=True)
class OrderOptions:
    """What is made in Label Studio."""

    no_tab: Annotated[bool, typer.Option(help="Make no tab: change nothing in Label Studio.")] = (
        False
    )
    columns: Annotated[
        bool,
        typer.Option(help="Write the order, or the sample, into a column of the tasks' data."),
    ] = False
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Draw so many unreviewed tasks by chance instead.", metavar="N"),
    ] = None
    seed: Annotated[
        int | None, typer.Option(help="The number that decides the sample; drawn unless given.")
    ] = None
    yes: Annotated[bool, typer.Option(help="Write columns, and replace a sample, unasked.")] = False
    as_json: AsJson = False


@with_settings("label_studio_url", *STATE, as_running=LABEL_STUDIO)
def order(settings: Settings, project: ProjectOption, options: OrderOptions) -> None:
    """Show what to review first: where most corrections are expected.

    Goes by scores, as far as what was reviewed bears them out, by what
    contradicts itself, and by rare labels. Makes a tab of the first 100 tasks.
    With --columns the tab has all of them in this very order; it says what that
    breaks, and asks. --sample draws tasks by chance, for `firstpass review
    --sample` to tell how many are accepted.

    Examples:
      firstpass order --project 3
      firstpass order --project 3 --columns
      firstpass order --project 3 --sample 200
    """
    from backend.cli.order_run import order_project, sample_project
    from backend.cli.which_project import project_id_in

    _check(options)
    number = project_id_in(project, settings)
    if options.sample is None:
        order_project(number, options, settings, show=_print)
    else:
        sample_project(number, options.sample, options, settings)


def _check(options: OrderOptions) -> None:
    if options.no_tab and options.columns:
        raise BadRequest(
            "expected --columns or --no-tab, got both: a column is written for the tab to go by"
        )
    if options.no_tab and options.sample is not None:
        raise BadRequest(
            "expected --sample or --no-tab, got both: the tab is what keeps the sample"
        )
    if options.seed is not None and options.sample is None:
        raise BadRequest("expected --seed with --sample: the order itself is not drawn by chance")


def _print(report: OrderReport, *, as_json: bool) -> None:
    from rich.console import Console

    from backend.pages.terminal import say
    from backend.review.order_report import order_lines

    if as_json:
        typer.echo(report.to_json(), nl=False)
        return
    console = Console()
    say(console, f"What to review first: {report.source}", "bold")
    for line, why in order_lines(report):
        say(console, line, "")
        say(console, f"    {why}", "dim")
    for note in report.notes:
        say(console, f"Note: {note}.")
