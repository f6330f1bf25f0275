"""What every command over a project's reviews reads: the project, its tasks, and the workers' cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from backend.cli.status import open_redis
from backend.errors import (
    BadRequest,
    FirstpassError,
    LabelConfigError,
    LabelStudioRefuses,
    ModelUnavailable,
)
from backend.inference.output_cache import OutputCache
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Project, TaskRow
from backend.prediction.predictor import Predictor, predictor_settings
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.connection import connect, queue_errors
from backend.queue.heads import HeadShelf
from backend.review.cached_answers import CachedAnswers, Tidy
from backend.review.loop_runs import KeptLoopRuns, LoopCommand, LoopRun
from backend.runs.progress import Progress
from backend.settings import Settings

if TYPE_CHECKING:
    import redis

__all__ = [
    "cached_answers",
    "kept_run",
    "noted",
    "predictor_of",
    "project_of",
    "project_words",
    "redis_or_why",
]

NOT_FOUND = 404


def noted(tasks: Iterable[TaskRow], progress: Progress) -> Iterator[TaskRow]:
    """The tasks, each counted as it passes."""
    progress.begin(None)
    for task in tasks:
        progress.advance(made=1)
        yield task


def project_words(project: Project) -> str:
    return f"project {project.id} ({project.title})"


def project_of(api: LabelStudioApi, number: int) -> Project:
    try:
        return api.project(number)
    except LabelStudioRefuses as error:
        if error.status != NOT_FOUND:
            raise
        raise BadRequest(
            f"there is no project {number} at {api.url}, or not for the user whose token this is; its "
            "number is in its address: /projects/<number>/data"
        ) from error


def predictor_of(project: Project, settings: Settings, heads: HeadShelf) -> Predictor | None:
    """Tells which answers and images are a task's; `None` where the label config is not served."""
    with suppress(LabelConfigError, ModelUnavailable):
        predictors = predictor_settings(settings, heads.card)
        return predictors.for_label_config(project.label_config)
    return None


def redis_or_why(settings: Settings) -> tuple[redis.Redis | None, str]:
    """Redis, or why there is none: the report is made all the same."""
    try:
        connection = open_redis(settings)
        with queue_errors():
            connection.ping()
    except FirstpassError as error:
        return None, str(error)
    return connection, ""


def cached_answers(
    predictor: Predictor | None,
    connection: redis.Redis | None,
    settings: Settings,
    stack: ExitStack,
    tidy: Tidy | None = None,
) -> CachedAnswers | None:
    """The cache of the workers, which may be in a Redis of its own; `None` where there is none to ask."""
    if predictor is None or connection is None:
        return None
    cache = connection
    if settings.cache_url is not None:
        cache = stack.enter_context(connect(settings.cache_url.get_secret_value(), retries=0))
    limits = StoreLimits(settings.cache_ttl_s, settings.cache_entries)
    fingerprint = predictor.settings.engine.fingerprint
    return CachedAnswers(predictor, OutputCache(BoundedStore(cache, limits), fingerprint), tidy)


def kept_run(
    command: LoopCommand,
    project: int,
    run: LoopRun,
    connection: redis.Redis | None,
    *,
    applied: bool,
    why_not: str = "",
) -> str:
    """Leave what a command found for the project's page; a sentence where it could not be left."""
    if connection is not None:
        try:
            KeptLoopRuns(connection).keep(command, project, run, applied=applied)
        except FirstpassError as error:
            why_not = str(error)
        else:
            return ""
    return f"The page /review/{project} does not show this: {why_not}"
