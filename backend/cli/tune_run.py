"""`firstpass tune`: from the options to the report, and what is written and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from backend.cli.reviewed_project import (
    cached_answers,
    kept_run,
    noted,
    project_of,
    project_words,
    redis_or_why,
)
from backend.errors import BadRequest, FirstpassError, LabelConfigError
from backend.label_config.tuned_labels import TakenBack, as_before_tuning, with_tuned
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import data_page
from backend.label_studio.records import Project
from backend.label_studio.reviewed_tasks import reviewed_tasks
from backend.prediction.model_version import is_model_version
from backend.prediction.predictor import Predictor, PredictorSettings, predictor_settings
from backend.queue.heads import HeadShelf
from backend.review.cached_answers import CachedAnswers
from backend.review.loop_runs import KeptLoopRuns
from backend.review.reading import count_reviews, since_when
from backend.review.remarks import remarks, why_nothing
from backend.review.report import now_in_utc
from backend.review.tally import Reviews
from backend.runs.progress import showing_progress
from backend.settings import Settings
from backend.tuning.aim import aim_of
from backend.tuning.evidence import Evidence, LabelKey
from backend.tuning.figures import TuneFacts, TuneReport
from backend.tuning.loop_run import loop_run_of
from backend.tuning.proposals import calibrations, phrase_figures, tunable, tuned_labels
from backend.tuning.writing import changes_of, store, take_back, tidy

if TYPE_CHECKING:
    from backend.cli.tune import TuneOptions

__all__ = ["take_back_in", "take_back_through", "tune_project", "tuned_through"]


def tune_project(number: int, options: TuneOptions, settings: Settings) -> TuneReport:
    """Reads the annotations, and with `apply` writes what they show. Raises errors of ours."""
    with ExitStack() as stack:
        api = stack.enter_context(LabelStudioApi.from_settings(settings))
        connection, why_not = redis_or_why(settings)
        if connection is not None:
            stack.enter_context(connection)

        def answers(predictor: Predictor) -> CachedAnswers | None:
            return cached_answers(predictor, connection, settings, stack, tidy)

        heads = HeadShelf(connection, settings.home)
        report = tuned_through(api, number, options, settings, answers, why_not, heads)
        run = loop_run_of(report, project_of(api, number).key)
        untold = kept_run("tune", number, run, connection, applied=report.applied, why_not=why_not)
        if untold:
            typer.echo(untold, err=True)
        return report


def tuned_through(
    api: LabelStudioApi,
    number: int,
    options: TuneOptions,
    settings: Settings,
    answers_of: Callable[[Predictor], CachedAnswers | None],
    why_not: str = "",
    heads: HeadShelf | None = None,
) -> TuneReport:
    """The same through a Label Studio and a cache that are there; `why_not`: why there is no cache."""
    aim = aim_of(options.precision, options.cost)
    since = since_when(options.since, datetime.now(UTC)) if options.since is not None else None
    project = project_of(api, number)
    predictors = _predictors(settings, heads)
    predictor = predictors.for_label_config(project.label_config)
    labels = tunable(predictor)
    if not labels:
        raise BadRequest(
            f"{project_words(project)} has no label of a tag for regions that Firstpass fills: there is nothing "
            "to tune"
        )
    reviews = _reviews(options, predictor)
    evidence = _evidence(api, number, frozenset(labels), answers_of(predictor), reviews, since)
    if not reviews.total.annotations:
        raise BadRequest(
            f"{project_words(project)}: {why_nothing(reviews, project, options.since)}"
        )
    versions = {predictor.version: labels}
    before, _ = as_before_tuning(project.label_config)
    with suppress(LabelConfigError):
        untuned = predictors.for_label_config(before)
        versions[untuned.version] = tunable(untuned)
    tuned = tuned_labels(labels, evidence.found, aim, versions)
    curves = calibrations(labels, evidence.found, tuned)
    changes = changes_of(tuned, curves)
    after = with_tuned(project.label_config, changes) if changes else project.label_config
    version = predictors.for_label_config(after).version
    if options.apply and changes:
        store(api, number, project.label_config, after)
    url = data_page(settings.label_studio_browser_url or api.url, number)
    facts = TuneFacts(
        number, f"{project_words(project)}, {url}", url, now_in_utc(), aim.words, options.since,
        (*reviews.versions,), predictor.version, version,
    )  # fmt: skip
    return TuneReport(
        facts,
        reviews.total.annotations,
        tuned,
        curves,
        phrase_figures(labels, evidence.found),
        (*predictor.complaints, *_notes(evidence, project, why_not)),
        applied=options.apply and bool(changes),
    )


def _reviews(options: TuneOptions, predictor: Predictor) -> Reviews:
    """Of the models of now, whose scores thresholds and curves are about, or of the versions asked for."""
    for version in options.version or ():
        if not is_model_version(version):
            raise BadRequest(
                f"expected --version as a version of Firstpass, such as {predictor.version}, got {version!r:.80}: "
                "scores of another tool say nothing of the thresholds of these models"
            )
    return Reviews(tuple(options.version or ()), engine=predictor.settings.engine.name)


def _evidence(
    api: LabelStudioApi,
    number: int,
    labels: frozenset[LabelKey],
    answers: CachedAnswers | None,
    reviews: Reviews,
    since: datetime | None,
) -> Evidence:
    reviews.looked_up = answers.look_up if answers else None
    evidence = Evidence(reviews, labels, answers)
    with showing_progress(Console(stderr=True)) as progress:
        count_reviews(noted(reviewed_tasks(api, number), progress), evidence, since)
    return evidence


def take_back_in(number: int, settings: Settings) -> list[str]:
    """Take back what the last change wrote; what each label has again, in words. Raises errors of ours."""
    with ExitStack() as stack:
        api = stack.enter_context(LabelStudioApi.from_settings(settings))
        connection, _ = redis_or_why(settings)
        if connection is not None:
            stack.enter_context(connection)
        said = take_back_through(api, number, settings, HeadShelf(connection, settings.home))
        if connection is not None:
            with suppress(FirstpassError):  # the page goes on saying that it was applied, and when
                KeptLoopRuns(connection).taken_back("tune", number)
        return said


def take_back_through(
    api: LabelStudioApi, number: int, settings: Settings, heads: HeadShelf | None = None
) -> list[str]:
    """The same through a Label Studio that is there."""
    project = project_of(api, number)
    predictors = _predictors(settings, heads)
    taken, before, after = take_back(
        api, number, lambda xml: predictors.for_label_config(xml).version
    )
    versions = f"model_version: {before} -> {after}"
    return [*map(_taken_back, taken), f"Taken back in {project_words(project)}; {versions}"]


def _predictors(settings: Settings, heads: HeadShelf | None) -> PredictorSettings:
    """As the web process has them, so that versions are the same: what was learned counts, too."""
    return predictor_settings(settings, (heads or HeadShelf(None, settings.home)).card)


def _taken_back(one: TakenBack) -> str:
    changed = [
        f"{name} {now or 'none of its own'} -> {before or 'none of its own'}"
        for name, now, before in (
            ("threshold", one.threshold_now, one.threshold),
            ("calibration", one.calibration_now, one.calibration),
        )
        if now != before
    ]
    return f"{one.label} ({one.control}): {', '.join(changed) or 'as it was'}"


def _notes(evidence: Evidence, project: Project, why_not: str) -> Iterator[str]:
    yield from remarks(
        evidence.reviews, project, hasty="not taken, since nobody can have looked at the image"
    )
    seen = [one for images in evidence.found.values() for one in images]
    unknown = sum(not one.known for one in seen)
    if why_not:
        yield f"the workers' cache could not be asked, so thresholds can only rise: {why_not}"
    elif unknown:
        yield (
            f"what the models had found below the thresholds is not in the workers' cache (any more) for "
            f"{unknown:,} of {len(seen):,} labels of annotations: lower thresholds are judged by the others only"
        )
