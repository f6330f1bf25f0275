"""`firstpass order`: from the options to the order or the sample, and to their tabs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import typer
from rich.console import Console

from backend.cli.asking import ask
from backend.cli.findings import finding_line
from backend.errors import BadRequest, LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import data_page
from backend.label_studio.records import PredictionRow, Project
from backend.label_studio.reviewed_tasks import reviewed_tasks
from backend.label_studio.task_filters import looked_at
from backend.prediction.model_version import is_model_version
from backend.projects.columns import what_it_breaks, write_column
from backend.projects.our_tabs import (
    MOST_FIRST,
    MOST_IDS,
    REVIEW_COLUMN,
    SAMPLE_COLUMN,
    OurTab,
    review_first,
    review_first_by_column,
    sample_by_column,
    sample_of_tasks,
)
from backend.projects.sample_tab import sample_drawn
from backend.projects.tabs import ProjectTabs
from backend.projects.unreviewed import must_show_version, unreviewed, why_none
from backend.review.disagreements import Meanings, meanings_of
from backend.review.edit_chances import EditChances, EditCounts
from backend.review.order_report import OrderReport, order_notes
from backend.review.reading import reviews_in
from backend.review.report import now_in_utc
from backend.review.sample import drawn
from backend.review.task_doubts import doubts_of
from backend.review.task_order import OrderedTask, column_values, in_order
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings
from backend.wording import tasks as in_tasks

if TYPE_CHECKING:
    from backend.cli.order import OrderOptions

__all__ = ["order_project", "sample_project"]

#: Seeds that are drawn, so that they can be typed again.
_SEEDS = 1_000_000


class Show(Protocol):
    """Shows the order before anything is asked or written."""

    def __call__(self, report: OrderReport, *, as_json: bool) -> None: ...


def order_project(number: int, options: OrderOptions, settings: Settings, *, show: Show) -> None:
    """Show the order, then make its tab. Raises errors of ours."""
    with LabelStudioApi.from_settings(settings) as api:
        project = must_show_version(api.project(number))
        meanings = meanings_of(project.label_config)
        home = settings.label_studio_browser_url or api.url
        unread: list[int] = []
        with showing_progress(Console(stderr=True)) as progress:
            chances = _chances(api, project, meanings, progress)
            doubts = [
                doubts_of(task, row, chances, meanings)
                for task, row in _noted(unreviewed(api, project, unread), progress)
            ]
        found = in_order(doubts)
        if not found:
            raise BadRequest(why_none(api, project))
        url = data_page(home, number)
        source = (
            f"project {number} ({project.title}), {in_tasks(len(found))} of {project.model_version}"
        )
        notes = tuple(order_notes(chances, found, len(unread)))
        report = OrderReport(
            number, source, url, now_in_utc(), project.model_version, chances.calibrated, chances.parts, notes,
            tuple(found),
        )  # fmt: skip
        show(report, as_json=options.as_json)
        if not options.no_tab:
            _tab_of_order(api, project, found, options, home)


def sample_project(number: int, size: int, options: OrderOptions, settings: Settings) -> None:
    """Draw the sample, and make its tab. Raises errors of ours."""
    if size > MOST_IDS and not options.columns:
        raise BadRequest(
            f"expected --sample of at most {MOST_IDS}, since a tab names its tasks one by one; got {size}: add "
            f"--columns to mark them in a column, {SAMPLE_COLUMN}"
        )
    with LabelStudioApi.from_settings(settings) as api:
        project = must_show_version(api.project(number))
        with showing_progress(Console(stderr=True)) as progress:
            ids = [task for task, _ in _noted(unreviewed(api, project, []), progress)]
        if not ids:
            raise BadRequest(why_none(api, project))
        _ask_to_replace(api, number, yes=options.yes)
        seed = options.seed
        if seed is None:
            seed = random.SystemRandom().randrange(_SEEDS)
        sample = drawn(ids, size, seed)
        few = f": there are no more than {in_tasks(len(ids))}" if size > len(ids) else ""
        typer.echo(
            f"Drawn: {in_tasks(len(sample))} of {len(ids):,} that have a prediction of {project.model_version} and that "
            f"nobody has annotated or skipped, each as likely as any other; --seed {seed} draws them again{few}."
        )
        tab = sample_of_tasks(sample)
        if options.columns:
            _write(api, project, SAMPLE_COLUMN, {"1.00": sample}, yes=options.yes)
            tab = sample_by_column()
        home = settings.label_studio_browser_url or api.url
        _make(api, project, tab, home)
        typer.echo(
            "Label Tasks As Displayed (beside Label All Tasks) goes through it. Then `firstpass review --project "
            f"{number} --sample` tells how many of them were accepted as predicted."
        )


def _chances(
    api: LabelStudioApi, project: Project, meanings: Meanings, progress: Progress
) -> EditChances:
    """What was reviewed of the version that is shown, or of any of ours where that is ours."""
    counts, shown = EditCounts(meanings), project.model_version
    progress.begin(None)
    for task in reviewed_tasks(api, project.id):
        progress.advance(made=1)
        for one in reviews_in(task):
            ours = is_model_version(shown) and is_model_version(one.version or "")
            if ours or one.version == shown:
                counts.add(one)
    return counts.fitted()


def _noted(
    rows: Iterator[tuple[int, PredictionRow]], progress: Progress
) -> Iterator[tuple[int, PredictionRow]]:
    """The rows, each counted as it passes."""
    progress.begin(None)
    for row in rows:
        progress.advance(made=1)
        yield row


def _tab_of_order(
    api: LabelStudioApi,
    project: Project,
    found: Sequence[OrderedTask],
    options: OrderOptions,
    home: str,
) -> None:
    ids, tab = [one.task for one in found], review_first([one.task for one in found[:MOST_FIRST]])
    aside = options.as_json  # what is said besides spoils no JSON
    if options.columns:
        _write(api, project, REVIEW_COLUMN, column_values(ids), yes=options.yes)
        tab = review_first_by_column()
    _make(api, project, tab, home, err=aside)
    more = (
        "in this order"
        if options.columns
        else f"of the first {in_tasks(min(len(ids), MOST_FIRST))}, the lowest score first: a tab knows no other order "
        "without --columns"
    )
    typer.echo(
        f"Label Tasks As Displayed (beside Label All Tasks) goes through the tab, {more}.",
        err=aside,
    )


def _write(
    api: LabelStudioApi,
    project: Project,
    column: str,
    values: Mapping[str, Sequence[int]],
    *,
    yes: bool,
) -> None:
    """Write the column once that is agreed to."""
    count = sum(map(len, values.values()))
    typer.echo(what_it_breaks(column, count), err=True)
    ask("Write it?", yes=yes, undone="written")
    with showing_progress(Console(stderr=True)) as progress:
        progress.begin(count)
        for some in write_column(api, project.id, column, values):
            progress.advance(made=some)


def _make(
    api: LabelStudioApi, project: Project, tab: OurTab, home: str, *, err: bool = False
) -> None:
    """Make or renew the tab; where it may not be made that is one sentence."""
    console = Console(soft_wrap=True, stderr=err)
    try:
        for finding in ProjectTabs(api, project.id, project.model_version, home).make([tab]):
            console.print(finding_line(finding))
    except LabelStudioRefuses as error:
        raise BadRequest(f'the tab "{tab.title}" could not be made: {error}') from error


def _ask_to_replace(api: LabelStudioApi, number: int, *, yes: bool) -> None:
    """Nobody loses half a reviewed sample unasked."""
    before = sample_drawn(api, number)
    if not before:
        return
    left = len(before) - _annotated(api, number, before)
    if left < len(before):
        typer.echo(
            f"Of the sample that was drawn before, {len(before) - left:,} of {in_tasks(len(before))} are annotated: "
            "`firstpass review --sample` tells only of the new one from here on.",
            err=True,
        )
        ask("Replace it?", yes=yes, undone="changed")


def _annotated(api: LabelStudioApi, number: int, ids: Sequence[int]) -> int:
    """How many of these tasks somebody has annotated or skipped."""
    pages = api.pages(number, filters=looked_at(), ids=ids, include="id")
    return sum(len(page) for page in pages)
