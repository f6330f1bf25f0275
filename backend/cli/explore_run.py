"""`firstpass explore`: from an index to its findings, and to where they are kept and shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import typer
from rich.console import Console

from backend.cli.answering import answering
from backend.cli.explore import TABBED, ExploreOptions
from backend.cli.findings import finding_line
from backend.cli.which_project import project_id_in
from backend.errors import BadRequest, FirstpassError, LabelStudioRefuses
from backend.explore.exploring import Exploring, Words
from backend.explore.findings import KeptFindings, Question
from backend.explore.image_set import ImageSet, image_name, read_images
from backend.explore.names import VOCABULARY
from backend.explore.report import ExploreReport, ImageName, explore_summary
from backend.explore.report_page import explore_page
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import data_page
from backend.learning.phrase_vectors import phrase_vectors
from backend.pages.terminal import say, summary_parts
from backend.plain import Json
from backend.prediction.engine import Engine, engine_of
from backend.projects.our_tabs import MOST_IDS, explored
from backend.projects.tabs import ProjectTabs
from backend.review.report import now_in_utc
from backend.runs.output_file import check_output, writing
from backend.settings import Settings
from backend.vectors.file_store import FileIndex
from backend.vectors.places import IndexPlace, folder_place, project_place

__all__ = ["explore_images"]

#: Processors that the map may use.
_THREADS = 2


def explore_images(
    options: ExploreOptions, questions: Collection[Question], settings: Settings
) -> None:
    """Explore, keep and show what was found. Raises errors of ours."""
    if options.report is not None:
        check_output(options.report, "--report")
    console, engine = Console(stderr=True), engine_of(settings)
    number = None if options.project is None else project_id_in(options.project, settings)
    if number is not None:
        place = project_place(settings, engine, number)
    else:
        place = folder_place(settings, engine, Path(str(options.images)))
    images = _read(place)
    other, other_number = None, None
    if options.against is not None:
        against, other_number = _place_of(options.against, engine, settings)
        if against.folder == place.folder:
            raise BadRequest("expected --against another set: this is the same one")
        other = _read(against)
    notes: list[str] = []
    exploring = Exploring(
        images, options.seed, other, options.against or "",
        lambda: _words(options, engine, settings, notes), _THREADS, notes,
    )  # fmt: skip
    answers: dict[Question, Json] = {}
    for question, body in exploring.answers(questions):
        answers[question] = body
        if not options.as_json:
            say(console, f"{question}: done", "dim")
    made_at = now_in_utc()
    KeptFindings(place).put(answers, made_at, images.state)
    home = settings.label_studio_browser_url or settings.label_studio_url or ""
    report = ExploreReport(
        place_title(options, number), made_at, len(images), options.seed, answers,
        _names(images, home, number), {} if other is None else _names(other, home, other_number), notes,
    )  # fmt: skip
    _show(report, as_json=options.as_json)
    if options.report is not None:
        thumbnail = None if other is None else other.index.thumbnail
        with writing(options.report) as file:
            file.write(explore_page(report, images.index.thumbnail, thumbnail).encode())
        typer.echo(f"Written: {options.report}", err=options.as_json)
    if options.tab and number is not None:
        _make_tabs(images, answers, settings, number, err=options.as_json)


def place_title(options: ExploreOptions, number: int | None) -> str:
    """What is explored, in words."""
    return f"project {number}" if number is not None else str(options.images)


def _read(place: IndexPlace) -> ImageSet:
    found = read_images(FileIndex(place))
    if not len(found):
        raise BadRequest(f"the index has no image yet: `{place.remake}` brings it up to date")
    return found


def _place_of(name: str, engine: Engine, settings: Settings) -> tuple[IndexPlace, int | None]:
    """The index of a folder that is there, else of a project."""
    if Path(name).is_dir():
        return folder_place(settings, engine, Path(name)), None
    number = project_id_in(name, settings)
    return project_place(settings, engine, number), number


def _words(
    options: ExploreOptions, engine: Engine, settings: Settings, notes: list[str]
) -> Words | None:
    """What clusters may be called. Where nobody can be asked they have no such names, and that is noted."""
    given: tuple[str, ...] = VOCABULARY
    if options.words is not None:
        named = (word.strip() for word in options.words.split(","))
        given = tuple(dict.fromkeys(filter(None, named)))
        if len(given) < 2:
            raise BadRequest("expected at least two --words, with commas between")
    try:
        with answering(options.images, engine, settings) as window:
            vectors = phrase_vectors(given, engine, window)
    except FirstpassError as error:
        if options.words is not None:
            raise
        notes.append(f"clusters have no names in words: {error}")
        return None
    return Words(given, np.stack([vectors[word] for word in given]))


def _names(images: ImageSet, home: str, number: int | None) -> Mapping[int, ImageName]:
    found = {}
    for row in images.rows:
        address = ""
        if number is not None and row.task is not None and home:
            address = f"{data_page(home, number)}?task={row.task}"
        found[row.row] = ImageName(row.key, image_name(row), address, row.task)
    return found


def _show(report: ExploreReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(report.to_json(), nl=False)
        return
    console = Console()
    for part in summary_parts(explore_summary(report)):
        console.print(part)


def _make_tabs(
    images: ImageSet,
    answers: Mapping[Question, Json],
    settings: Settings,
    number: int,
    *,
    err: bool,
) -> None:
    console = Console(soft_wrap=True, stderr=err)
    with LabelStudioApi.from_settings(settings) as api:
        home = settings.label_studio_browser_url or api.url
        for question in TABBED:
            rows = _rows_of(question, answers)
            if not rows:
                if question in answers:
                    typer.echo(f"No tab is made of {question}: none was found.", err=err)
                continue
            annotations, open_tasks = _listed(images, rows)
            if len(open_tasks) > MOST_IDS:
                typer.echo(
                    f"The tab of {question} has the first {MOST_IDS} of {len(open_tasks):,} tasks that nobody has "
                    "annotated: a tab names each of them by itself.",
                    err=err,
                )
            tab = explored(question, annotations, open_tasks[:MOST_IDS])
            try:
                for finding in ProjectTabs(api, number, "", home).make([tab]):
                    console.print(finding_line(finding))
            except LabelStudioRefuses as error:
                raise BadRequest(f'the tab "{tab.title}" could not be made: {error}') from error


def _rows_of(question: Question, answers: Mapping[Question, Json]) -> list[int]:
    """The rows of what was found, what matters most first."""
    body = answers.get(question, {})
    if question == "copies":
        return [row for group in body.get("groups", ()) for row in group["rows"]]
    return [one["row"] for one in body.get("images", ())]


def _listed(images: ImageSet, rows: Sequence[int]) -> tuple[list[int], list[int]]:
    """Annotations, which a tab takes any number of, and the tasks that have none."""
    places = {row.row: place for place, row in enumerate(images.rows)}
    annotations: list[int] = []
    tasks: list[int] = []
    for row in rows:
        place = places[row]
        made, task = images.annotations[place], images.rows[place].task
        annotations += sorted(made)
        if not made and task is not None:
            tasks.append(task)
    return list(dict.fromkeys(annotations)), list(dict.fromkeys(tasks))
