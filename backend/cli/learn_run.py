"""`firstpass learn`: reads, asks the workers, learns, and puts it to use where that is wished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from backend.bulk.workers import check_workers, why_silent
from backend.cli.printed_report import print_report
from backend.cli.reviewed_project import kept_run
from backend.cli.status import open_redis
from backend.cli.which_project import project_id
from backend.delivery.project_figures import ProjectFigures
from backend.errors import BadRequest, Failure
from backend.label_config.named_heads import with_head, without_heads
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Project
from backend.label_studio.reviewed_tasks import reviewed_tasks
from backend.learning.asking import AskedImage, answered, images_of, label_texts, learnable
from backend.learning.evidence import Observed, TagEvidence
from backend.learning.head_file import head_bytes, most_examples
from backend.learning.learned_tag import LearnedTag, learned_tag
from backend.learning.loop_run import loop_run_of
from backend.learning.observing import in_order, observed_in
from backend.learning.report import LearnReport, learn_summary
from backend.learning.verified import Verified
from backend.pages.terminal import say
from backend.prediction.learned import can_learn, classifier_of
from backend.prediction.predictor import Predictor, predictor_settings
from backend.projects.learned_heads import ProjectHeads, heads_in
from backend.queue.heads import HeadShelf
from backend.queue.job_queue import job_queue
from backend.review.report import now_in_utc
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings
from backend.wording import images as in_words
from models.heads import read_card

if TYPE_CHECKING:
    import redis

    from backend.cli.learn import LearnOptions
    from backend.queue.window import Window

__all__ = ["learn_project"]


def learn_project(name: str, options: LearnOptions, settings: Settings) -> None:
    """Learn, and with `--apply` put it to use. Raises errors of ours."""
    console = Console(stderr=True)
    with LabelStudioApi.from_settings(settings) as api, open_redis(settings) as connection:
        project = api.project(project_id(name, api, settings))
        shelf = HeadShelf(connection, settings.home)
        predictors = predictor_settings(settings, shelf.card)
        plain = without_heads(project.label_config)
        predictor = predictors.for_label_config(plain)
        classifier = classifier_of(predictors.engine)
        if not learnable(predictor) or classifier is None:
            raise BadRequest(_why_nothing_learnable(predictor, classifier))
        verified = Verified()
        learned, notes, observed = _learned(
            _Reading(api, project, predictor, verified, connection, settings, console)
        )
        made = head_bytes(classifier, learned)
        fingerprint, after = "", project.label_config
        before = predictors.for_label_config(after).version
        if made is not None:
            fingerprint, data = made
            card = read_card(data, fingerprint)
            tags = {one.part.tag for one in learned if one.is_on}
            after = with_head(project.label_config, tags, fingerprint)
            known = predictors.heads
            predictors = replace(
                predictors, heads=lambda head: card if head == fingerprint else known(head)
            )
            if options.apply:
                heads = ProjectHeads(api, shelf, project.id)
                heads.apply(project.label_config, after, fingerprint, data)
        elif heads_in(project.label_config):
            notes.append(
                "the label config names what was learned before, which stays; --forget takes it back"
            )
        report = LearnReport(
            project=project.id,
            title=f"project {project.id} ({project.title})",
            annotations=verified.used,
            observed=observed,
            verdicts=[verdict for one in learned for verdict in one.verdicts],
            head=fingerprint,
            before=before,
            after=predictors.for_label_config(after).version,
            applied=bool(options.apply and fingerprint),
            notes=[*verified.notes(), *notes],
        )
        _keep(report, project, connection)
    print_report(report, lambda: learn_summary(report), as_json=options.as_json)


@dataclass(slots=True)
class _Reading:
    """What is read and asked of a project, and what of it failed."""

    api: LabelStudioApi
    project: Project
    predictor: Predictor
    verified: Verified
    connection: redis.Redis
    settings: Settings
    console: Console
    failures: Counter[str] = field(default_factory=Counter)

    def images(self) -> Iterator[AskedImage]:
        """The images of all reviewed tasks."""
        for task in reviewed_tasks(self.api, self.project.id):
            annotation = self.verified.of(task)
            if annotation is not None:
                found = images_of(task, annotation, self.predictor)
                if isinstance(found, Failure):
                    self.failures[found.message] += 1
                else:
                    yield from found

    def observed(self, window: Window, progress: Progress) -> dict[str, list[Observed]]:
        """What is to be learned of them, by the name of the control tag."""
        found: dict[tuple[int, int], list[tuple[str, Observed]]] = {}
        fingerprint = self.predictor.settings.engine.fingerprint
        for one in answered(self.images(), window, fingerprint):
            if one is None:
                progress.wait_for(why_silent(self.connection, self.settings.runs_in))
                continue
            image, outcome = one
            if isinstance(outcome, Failure):
                self.failures[outcome.message] += 1
                progress.advance(failed=1)
                continue
            found[image.at] = list(observed_in(image, outcome))
            progress.advance(made=1)
        return in_order(found)

    def notes(self) -> Iterator[str]:
        """What could not be asked or is not learned, a sentence each."""
        for reason, count in self.failures.most_common(3):
            yield f"not used, since they could not be asked about: {in_words(count)} ({reason})"
        for step in self.predictor.plan.steps:
            why = can_learn(step.control)
            if why is not None:
                yield f"{step.control.kind} {step.control.name!r} is left as it is: {why}"


def _learned(reading: _Reading) -> tuple[list[LearnedTag], list[str], int]:
    """What each tag's evidence teaches, what is to be known of it, and how many things were compared."""
    predictor, settings, connection = reading.predictor, reading.settings, reading.connection
    check_workers(
        connection,
        predictor.settings.engine,
        runs_in=settings.runs_in,
        say=lambda line: say(reading.console, line),
    )
    steps = learnable(predictor)
    running = job_queue(settings, connection)
    running.start()
    try:
        with (
            running.queue.window(interactive=False, consumes=True) as window,
            showing_progress(reading.console) as progress,
        ):
            progress.begin(None)
            found = reading.observed(window, progress)
            if not reading.verified.used:
                raise BadRequest(
                    f"project {reading.project.id} ({reading.project.title}): {reading.verified.why_nothing()}"
                )
            texts = label_texts(steps, predictor, window)
    finally:
        running.close()
    evidence = [TagEvidence.of_tag(step.control, texts, found) for step in steps]
    most = most_examples(evidence[0].width, len(evidence))
    learned = [learned_tag(one, most) for one in evidence]
    notes = [
        *reading.notes(),
        *(note for one in evidence for note in one.notes()),
        *(note for one in learned for note in one.notes()),
    ]
    return learned, notes, sum(one.compared for one in evidence)


def _why_nothing_learnable(predictor: Predictor, classifier: str | None) -> str:
    if classifier is None:
        return "nothing can be learned: no model is loaded that gives vectors, such as CLIP"
    reasons = "; ".join(
        f"{step.control.kind} {step.control.name!r}: {can_learn(step.control)}"
        for step in predictor.plan.steps
    )
    return f"nothing can be learned of this label config: {reasons}"


def _keep(report: LearnReport, project: Project, connection: redis.Redis) -> None:
    """Leave it for the page of the project, and tell status which head is named now."""
    if report.applied and project.key is not None:
        ProjectFigures(connection).learned(project.key, [report.head])
    run = loop_run_of(report, now_in_utc(), project.key)
    why_not = kept_run("learn", project.id, run, connection, applied=report.applied)
    if why_not:
        typer.echo(why_not, err=True)
