"""`firstpass prelabel project`: from the options to predictions in Label Studio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import redis
from rich.console import Console

from backend.bulk.contact_sheet import check_sheet, save_sheet
from backend.bulk.drawing import LabelColours
from backend.bulk.dry_project import DryProject
from backend.bulk.gallery import Gallery
from backend.bulk.illustrated import Illustrated
from backend.bulk.online import ProjectRun
from backend.bulk.project_pictures import ProjectPictures
from backend.bulk.second_tries import forget_failures
from backend.bulk.workers import check_workers, why_silent
from backend.cli.ends import without_all_pictures
from backend.cli.prelabel_options import ProjectOptions, said_of_sheet
from backend.cli.status import open_redis
from backend.dataset.project_tasks import ProjectTasks, chosen_tasks
from backend.dataset.selection import Selection, parse_filters, parse_ids
from backend.dataset.target_project import TargetProject, target_project
from backend.delivery.claims import Claims
from backend.delivery.keys import writer_key
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.run_card import RunCard, shown_in_redis
from backend.delivery.turn import Turn
from backend.delivery.writer import PredictionWriter
from backend.errors import BadRequest, LabelStudioRefuses, LabelStudioUnavailable
from backend.images.fetch import ImageFetcher
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.credential import LabelStudioCredential
from backend.pages.terminal import say
from backend.prediction.predictor import predictor_settings
from backend.projects.project_name import find_project
from backend.queue.heads import HeadShelf
from backend.queue.job_queue import JobQueue, job_queue
from backend.runs.ledger import Ledger
from backend.runs.ledger_file import RunKey, open_ledger
from backend.runs.patience import Patience
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings

__all__ = ["Place", "prelabel_project"]

#: Tasks of a dry run that names no number.
DRY_SAMPLE = 12


def prelabel_project(
    project: str, options: ProjectOptions, settings: Settings, console: Console
) -> Illustrated:
    """Predicts the project's tasks and writes the rows; a dry run writes the contact sheet and its page alone.

    `console` takes notes and progress. Raises errors of ours; what is written by then stays, and the same
    command goes on.
    """
    selection = _selection(options)
    with LabelStudioApi.from_settings(settings) as api, open_redis(settings) as connection:
        named = find_project(project, api, settings.label_studio_browser_url)
        if named.tab is not None and options.view is None and options.filters is None:
            selection = replace(selection, view=named.tab)
            said = f"only what tab {named.tab} shows, as its address says; all of it: {named.id}"
            say(console, said, style="")
        target = target_project(
            api,
            named.id,
            predictor_settings(settings, HeadShelf(connection, settings.home).card),
            shown_at=settings.label_studio_browser_url,
        )
        for tag in target.predictor.plan.unserved:
            say(console, tag.note, style="" if tag.is_wanted else "yellow")
        for complaint in target.predictor.complaints:
            say(console, complaint, style="yellow")
        check_workers(
            connection,
            target.predictor.settings.engine,
            runs_in=settings.runs_in,
            say=lambda line: say(console, line),
        )
        queue = job_queue(settings, connection)
        queue.start()
        place = Place(options, selection, settings, api, connection, queue.queue, target, console)
        try:
            return place.dry() if options.dry_run else place.fill()
        finally:
            queue.close()


def _selection(options: ProjectOptions) -> Selection:
    """Raises `BadRequest` for what contradicts itself."""
    if options.view is not None and options.filters is not None:
        raise BadRequest("expected --view or --filter, not both: a view is a filter")
    if options.watch and (options.limit or options.sample or options.dry_run):
        raise BadRequest("--watch goes on for new tasks, so it takes no number of them")
    return Selection(
        view=options.view,
        filters=parse_filters(options.filters) if options.filters is not None else None,
        ids=parse_ids(options.ids) if options.ids is not None else None,
        labeled=options.labeled,
        limit=options.limit,
        sample=options.sample,
        seed=options.seed,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """All that a run or a dry run needs."""

    options: ProjectOptions
    selection: Selection
    settings: Settings
    api: LabelStudioApi
    connection: redis.Redis
    queue: JobQueue
    target: TargetProject
    console: Console

    def fill(self) -> Illustrated:
        """Predictions into Label Studio."""
        key = RunKey(self.target.source, self.target.version, self.selection.key)
        with open_ledger(self.settings.home, key) as ledger:
            with (
                showing_progress(self.console, "regions") as progress,
                shown_in_redis(self.connection, partial(self._card, progress)),
            ):
                run = self._run(ledger, progress)
                run.run()
                if self.options.watch:
                    run.watch()
            self._show_version()
            colours = LabelColours.of(self.target.project.label_config)
            report, gallery = run.report(), Gallery(colours)
            if self.options.wants_page:
                say(self.console, "drawing the least sure images for the page", style="")
                missing = without_all_pictures(lambda line: say(self.console, line))
                with missing, self._fetcher() as fetcher:
                    run.draw(ProjectPictures(self.target, fetcher, self.settings), gallery)
            return Illustrated(report, gallery.pictures(), colours)

    def dry(self) -> Illustrated:
        """A contact sheet, and the page beside it."""
        check_sheet(self.options.sheet)
        chosen = self.selection
        if chosen.sample is None and chosen.limit is None:
            chosen = replace(chosen, sample=DRY_SAMPLE)
        found = chosen_tasks(
            self.api,
            self.target,
            chosen,
            include="id,data,total_annotations",
        )
        tasks = {row.id: Task.of(row) for row in found}
        with (
            showing_progress(self.console, "regions") as progress,
            self._fetcher() as fetcher,
            self.queue.window(interactive=False, consumes=True) as window,
        ):
            pictures = ProjectPictures(self.target, fetcher, self.settings)
            sheet, done = DryProject(self.target, pictures, progress).run(tasks, window)
        save_sheet(sheet, done.page(), self.options.sheet)
        say(self.console, said_of_sheet(self.options.sheet), style="")
        return done

    def _fetcher(self) -> ImageFetcher:
        return ImageFetcher(self.settings, LabelStudioCredential.from_settings(self.settings))

    def _run(self, ledger: Ledger, progress: Progress) -> ProjectRun:
        patience = Patience(progress.wait_for)
        tasks = ProjectTasks(
            self.api,
            self.target,
            self.selection,
            ledger,
            patience,
            forget=lambda jobs: forget_failures(self.connection, jobs),
        )
        tasks.prepare(retry_failed=self.options.retry_failed)
        figures = ProjectFigures(self.connection)
        figures.named(self.target.key, self.target.project.title)
        turn = Turn(self.connection, writer_key(self.api.url), urgent=False)
        return ProjectRun(
            target=self.target,
            tasks=tasks,
            writer=PredictionWriter(
                self.api,
                Claims(self.connection),
                turn,
                told=figures.stored,
                mended=figures.mended,
            ),
            open_window=lambda: self.queue.window(interactive=False, consumes=True),
            ledger=ledger,
            progress=progress,
            patience=patience,
            trouble=lambda: why_silent(self.connection, self.settings.runs_in),
            note_failed=lambda tasks: figures.failed(self.target.key, tasks),
        )

    def _card(self, progress: Progress, host: str, pid: int, now: float) -> RunCard:
        """What the status page shows of this run."""
        return RunCard(
            str(self.target.key), self.target.project.title, self.target.version, host, pid, now,
            predicted=progress.made, failed=progress.failed, total=progress.total,
            images_per_s=progress.images_per_s, waits_for=progress.waits_for,
        )  # fmt: skip

    def _show_version(self) -> None:
        """Label Studio's label stream and scores show the rows of one version: ours, if none is named.

        The rows are written; what is wrong with this is said, and no more.
        """
        try:
            self._set_version(self.target.key.id, self.target.version)
        except (LabelStudioRefuses, LabelStudioUnavailable) as error:
            say(self.console, f"which version Label Studio shows was not seen to: {error}")

    def _set_version(self, project: int, version: str) -> None:
        if version not in self.api.model_versions(project):
            return
        shown = self.api.project(project).model_version
        if not shown:
            self.api.update_project(project, model_version=version)
        elif shown != version:
            say(
                self.console,
                f"Label Studio shows the predictions of {shown}; `firstpass connect --project {project}` "
                f"makes it show those of {version}",
            )
