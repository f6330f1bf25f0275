"""`firstpass review`: from the options to the report, which is left for the page of the web process."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from backend.cli.ends import without_all_pictures
from backend.cli.reviewed_project import (
    cached_answers,
    predictor_of,
    project_of,
    project_words,
    redis_or_why,
)
from backend.errors import BadRequest, Failure, FirstpassError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.project_key import data_page
from backend.label_studio.records import Project, TaskRow
from backend.label_studio.reviewed_tasks import ReviewedTasks
from backend.prediction.predictor import Predictor
from backend.projects.sample_tab import sample_of
from backend.queue.heads import HeadShelf
from backend.review.figures import Picture, ReviewFacts, ReviewReport
from backend.review.kept_report import KeptReport, KeptReports
from backend.review.reading import count_reviews, since_when
from backend.review.remarks import remarks, why_nothing
from backend.review.report import now_in_utc, review_report
from backend.review.report_page import review_page
from backend.review.resumed_reading import ResumedReading
from backend.review.sample import SampleTally
from backend.review.tally import Reviews, Worst
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings

if TYPE_CHECKING:
    import redis

    from backend.cli.review import ReviewOptions
    from backend.label_studio.project_key import ProjectKey

__all__ = ["Reviewed", "review_project"]

#: Longer side of a picture, in pixels.
SIDE_PX = 640


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The report, and pictures of the images that went worst, by `WorstTask.picture`."""

    report: ReviewReport
    pictures: dict[str, Picture]

    def page(self) -> str:
        """The report as HTML."""
        return review_page(self.report, self.pictures)


def review_project(number: int, options: ReviewOptions, settings: Settings) -> Reviewed:
    """Reads the annotations and counts. Raises errors of ours."""
    since = since_when(options.since, datetime.now(UTC)) if options.since is not None else None
    with ExitStack() as stack:
        api = stack.enter_context(LabelStudioApi.from_settings(settings))
        project = project_of(api, number)
        tally = SampleTally(frozenset(sample_of(api, number))) if options.sample else None
        connection, why_not = redis_or_why(settings)
        if connection is not None:
            stack.enter_context(connection)
        predictor = predictor_of(project, settings, HeadShelf(connection, settings.home))
        answers = cached_answers(predictor, connection, settings, stack)
        reviews = Reviews(tuple(options.version or ()), answers.look_up if answers else None)
        reading = stack.enter_context(_reading(api, project, settings))
        tasks = ReviewedTasks(api, number)
        reading.note(tasks.listed(ids=sorted(tally.ids) if tally else None, since=since))
        with showing_progress(Console(stderr=True)) as progress:
            count_reviews(_read(reading, tasks, progress), reviews, since, tally)
        sample = tally.figures() if tally else None
        if not reviews.total.annotations:
            raise BadRequest(
                f"{project_words(project)}: {why_nothing(reviews, project, options.since, sample)}"
            )
        home = settings.label_studio_browser_url or api.url
        url = data_page(home, number)
        facts = ReviewFacts(
            number, f"{project_words(project)}, {url}", url, now_in_utc(), options.since, (*reviews.versions,)
        )  # fmt: skip
        report = review_report(
            reviews,
            facts,
            annotators=options.by_annotator,
            notes=[*remarks(reviews, project, sample)],
            sample=sample,
        )
        done = Reviewed(report, _pictures(reviews.worst(), report, predictor, settings))
        if sample is None:
            why_not = why_not or _keep(done, project.key, connection)
        reading.done()
    if why_not and sample is None:
        typer.echo(f"The page /review/{number} does not show this report: {why_not}", err=True)
    return done


def _reading(api: LabelStudioApi, project: Project, settings: Settings) -> ResumedReading:
    return ResumedReading(settings.home, f"{api.url} {project.key or project.id}")


def _read(reading: ResumedReading, tasks: ReviewedTasks, progress: Progress) -> Iterator[TaskRow]:
    """The tasks, each counted as it is read."""
    if reading.why_not:
        typer.echo(f"Interrupted, this would begin anew: {reading.why_not}", err=True)
    progress.begin(None)
    return reading.read(tasks, lambda count: progress.advance(made=count))


def _pictures(
    worst: list[Worst], report: ReviewReport, predictor: Predictor | None, settings: Settings
) -> dict[str, Picture]:
    if predictor is None or not worst:
        return {}
    found: dict[str, Picture] = {}
    with (
        without_all_pictures(partial(typer.echo, err=True)),
        ImageFetcher(settings, LabelStudioCredential.from_settings(settings)) as fetcher,
    ):
        found.update(_drawn(worst, report, predictor, fetcher, settings.image_max_pixels))
    return found


def _drawn(
    worst: list[Worst],
    report: ReviewReport,
    predictor: Predictor,
    fetcher: ImageFetcher,
    max_pixels: int,
) -> Iterator[tuple[str, Picture]]:
    """Those that can still be read, each once."""
    pairs = zip(worst, report.worst, strict=True)
    for one, told in {told.picture: (one, told) for one, told in pairs}.values():
        requests = predictor.requests(Task.of(one.task))
        if isinstance(requests, Failure):
            continue
        for image, (_, request) in requests.items():
            if (image.name, image.item_index or 0) == (told.image, told.page):
                with suppress(FirstpassError):
                    data = fetcher.fetch(request.image).data
                    yield told.picture, _picture(data, max_pixels)


def _picture(data: bytes, max_pixels: int) -> Picture:
    image = decode_image(data, max_pixels)
    image.thumbnail((SIDE_PX, SIDE_PX))
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=80)
    address = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return Picture(address, image.width, image.height)


def _keep(done: Reviewed, project: ProjectKey | None, connection: redis.Redis | None) -> str:
    """Leave the report for the page; why that was not done, empty where it was."""
    if connection is not None:
        try:
            KeptReports(connection).keep(KeptReport(done.report, done.pictures, project))
        except FirstpassError as error:
            return str(error)
    return ""
