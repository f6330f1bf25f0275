"""`firstpass review`: from the options to the report, which is left for the page of the web process."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from backend.cli.ends import without_all_pictures
from backend.cli.status import open_redis
from backend.errors import (
    BadRequest,
    Failure,
    FirstpassError,
    LabelConfigError,
    LabelStudioRefuses,
    ModelUnavailable,
)
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.inference.output_cache import OutputCache
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.project_key import data_page
from backend.label_studio.records import Project, TaskRow
from backend.label_studio.reviewed_tasks import reviewed_tasks
from backend.prediction.predictor import Predictor, predictor_settings
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.connection import connect, queue_errors
from backend.queue.heads import HeadShelf
from backend.review.cached_answers import CachedAnswers
from backend.review.figures import Picture, ReviewFacts, ReviewReport
from backend.review.kept_report import KeptReport, KeptReports
from backend.review.reading import count_reviews, since_when
from backend.review.remarks import remarks, why_nothing
from backend.review.report import now_in_utc, review_report
from backend.review.report_page import review_page
from backend.review.tally import Reviews, Worst
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings

if TYPE_CHECKING:
    import redis

    from backend.cli.review import ReviewOptions
    from backend.label_studio.project_key import ProjectKey

__all__ = ["Reviewed", "review_project"]

NOT_FOUND = 404
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
        project = _project(api, number)
        connection, why_not = _redis(settings)
        if connection is not None:
            stack.enter_context(connection)
        predictor = _predictor(project, settings, HeadShelf(connection, settings.home))
        answers = _answers(predictor, connection, settings, stack)
        reviews = Reviews(tuple(options.version or ()), answers.look_up if answers else None)
        with showing_progress(Console(stderr=True)) as progress:
            count_reviews(_noted(reviewed_tasks(api, number), progress), reviews, since)
        if not reviews.total.annotations:
            raise BadRequest(f"{_words(project)}: {why_nothing(reviews, project, options.since)}")
        home = settings.label_studio_browser_url or api.url
        url = data_page(home, number)
        facts = ReviewFacts(
            number, f"{_words(project)}, {url}", url, now_in_utc(), options.since, (*reviews.versions,)
        )  # fmt: skip
        report = review_report(
            reviews,
            facts,
            annotators=options.by_annotator,
            notes=[*remarks(reviews, project)],
        )
        done = Reviewed(report, _pictures(reviews.worst(), report, predictor, settings))
        why_not = why_not or _keep(done, project.key, connection)
    if why_not:
        typer.echo(f"The page /review/{number} does not show this report: {why_not}", err=True)
    return done


def _noted(tasks: Iterable[TaskRow], progress: Progress) -> Iterator[TaskRow]:
    """The tasks, each counted as it passes."""
    progress.begin(None)
    for task in tasks:
        progress.advance(made=1)
        yield task


def _words(project: Project) -> str:
    return f"project {project.id} ({project.title})"


def _project(api: LabelStudioApi, number: int) -> Project:
    try:
        return api.project(number)
    except LabelStudioRefuses as error:
        if error.status != NOT_FOUND:
            raise
        raise BadRequest(
            f"there is no project {number} at {api.url}, or not for the user whose token this is; its "
            "number is in its address: /projects/<number>/data"
        ) from error


def _predictor(project: Project, settings: Settings, heads: HeadShelf) -> Predictor | None:
    """Tells which answers and images are a task's; `None` where the label config is not served."""
    with suppress(LabelConfigError, ModelUnavailable):
        predictors = predictor_settings(settings, heads.card)
        return predictors.for_project(project.key, project.label_config)
    return None


def _redis(settings: Settings) -> tuple[redis.Redis | None, str]:
    """Redis, or why there is none: the report is made all the same."""
    try:
        connection = open_redis(settings)
        with queue_errors():
            connection.ping()
    except FirstpassError as error:
        return None, str(error)
    return connection, ""


def _answers(
    predictor: Predictor | None,
    connection: redis.Redis | None,
    settings: Settings,
    stack: ExitStack,
) -> CachedAnswers | None:
    """The cache of the workers, which may be in a Redis of its own."""
    if predictor is None or connection is None:
        return None
    cache = connection
    if settings.cache_url is not None:
        cache = stack.enter_context(connect(settings.cache_url.get_secret_value(), retries=0))
    limits = StoreLimits(settings.cache_ttl_s, settings.cache_entries)
    fingerprint = predictor.settings.engine.fingerprint
    return CachedAnswers(predictor, OutputCache(BoundedStore(cache, limits), fingerprint))


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
