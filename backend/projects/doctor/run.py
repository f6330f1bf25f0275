"""All checks in their order; what stands on something broken is skipped with a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import redis

from backend.errors import BadRequest, FirstpassError, LabelStudioRefuses, QueueUnavailable
from backend.images.fetch import ImageFetcher
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.credential import LabelStudioCredential
from backend.prediction.predictor import PredictorSettings, predictor_settings
from backend.projects.doctor.images import check_images
from backend.projects.doctor.installation import (
    check_courier,
    check_models,
    check_redis,
    check_web,
    check_workers,
)
from backend.projects.doctor.label_studio import check_token, list_projects
from backend.projects.doctor.project import (
    check_backend,
    check_config,
    check_versions,
    check_web_version,
    check_webhook,
)
from backend.projects.doctor.tabs import check_tabs
from backend.projects.finding import Finding, Level
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from backend.projects.project_name import find_project
from backend.queue.heads import HeadShelf
from backend.settings import Settings
from backend.status.overview import Overview
from backend.status.reading import read_overview
from models.heads import HeadCard, HeadUnusable

__all__ = ["Doctor"]

#: Tasks among which one image of each kind is looked for.
FIRST_TASKS = 200


#: What comes of reading a field as what it is not.
_ODD_ANSWERS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Doctor:
    """`open_redis` gives the Redis of the settings, or raises `SettingsError`."""

    settings: Settings
    open_redis: Callable[[], redis.Redis]
    remove_broken_tabs: bool = False

    def look(self, project: str | None) -> Iterator[Finding]:
        """A finding per check, as it is made; never raises an error of ours."""
        yield Finding(Level.OK, "the settings are readable")
        with OurWeb.from_settings(self.settings) as web:
            yield from self._installation(web)
            yield from _guarded(lambda: self._label_studio(web, project))

    def _installation(self, web: OurWeb) -> Iterator[Finding]:
        overview = self._redis()
        yield from check_redis(overview.redis, overview.foreign)
        if overview.redis.up:
            yield from check_workers(overview, self.settings)
            yield check_courier(overview.courier, self.settings)
        else:
            yield Finding(Level.SKIPPED, "workers and courier are not looked for: Redis knows them")
        yield from _guarded(lambda: [check_models(self.settings, len(overview.able))])
        yield from _guarded(lambda: [check_web(web, self.settings)])

    def _redis(self) -> Overview:
        try:
            with self.open_redis() as connection:
                return read_overview(connection, failures=0, runs_in=self.settings.runs_in)
        except FirstpassError as error:
            return Overview.without_redis(str(error))

    def _label_studio(self, web: OurWeb, project: str | None) -> Iterator[Finding]:
        credential = LabelStudioCredential.from_settings(self.settings)
        with LabelStudioApi.from_settings(self.settings) as api:
            if credential is None:  # from_settings has raised then
                return
            findings = list(check_token(api, credential))
            yield from findings
            if findings[-1].level is Level.ERROR:
                yield Finding(
                    Level.SKIPPED, "projects are not looked at: Label Studio does not let us"
                )
            elif project is None:
                yield from list_projects(api)
            else:
                yield from self._project(api, web, project)

    def _predictors(self) -> PredictorSettings:
        """As the settings say; learned heads are looked for in Redis too.

        Where it cannot be opened, and the files here have no such head, nobody knows whether there is one.
        """
        try:
            return predictor_settings(
                self.settings, HeadShelf(self.open_redis(), self.settings.home).card
            )
        except FirstpassError as error:
            why = str(error)
        files = HeadShelf(None, self.settings.home)

        def card(fingerprint: str) -> HeadCard:
            try:
                return files.card(fingerprint)
            except HeadUnusable as unusable:
                raise QueueUnavailable(why) from unusable

        return predictor_settings(self.settings, card)

    def _project(self, api: LabelStudioApi, web: OurWeb, name: str) -> Iterator[Finding]:
        try:
            project_id = find_project(name, api, self.settings.label_studio_browser_url).id
            project = api.project(project_id)
        except (BadRequest, LabelStudioRefuses) as error:
            yield Finding(
                Level.ERROR,
                str(error),
                "`firstpass doctor` without --project lists those there are",
            )
            return
        yield Finding(Level.OK, f"project {project_id}: {project.title}")
        yield from _guarded(lambda: check_tabs(api, project_id, remove=self.remove_broken_tabs))
        config = check_config(project, self._predictors())
        yield from config.findings
        ours = OurBackend.from_settings(self.settings)
        backends = api.backends(project_id)
        yield from check_backend(api, ours, project_id, backends)
        yield check_webhook(ours, api.webhooks(project_id), project_id)
        if (predictor := config.predictor) is None:
            yield Finding(Level.SKIPPED, "versions and images are not looked at: nothing is served")
            return
        version = predictor.version
        if config.knows_version:
            yield from _guarded(lambda: [check_web_version(web, project, version)])
            yield check_versions(ours, project, backends, version)
        else:
            yield Finding(
                Level.SKIPPED, "versions are not compared: they go by what was learned, too"
            )
        tasks = [Task.of(row) for row in next(api.pages(project_id, page_size=FIRST_TASKS), [])]
        credential = LabelStudioCredential.from_settings(self.settings)
        with ImageFetcher(self.settings, credential) as fetcher:
            yield from check_images(tasks, predictor.plan, fetcher, self.settings)


def _guarded(checks: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of checks; an error that ends them is the last."""
    try:
        yield from checks()
    except FirstpassError as error:
        yield Finding(Level.ERROR, str(error))
    except _ODD_ANSWERS as error:
        yield Finding(
            Level.ERROR,
            f"an answer is not what was expected ({type(error).__name__}: {error})",
            "see that FIRSTPASS_LABEL_STUDIO_URL is the address of a Label Studio, and FIRSTPASS_PUBLIC_URL "
            "that of Firstpass; if they are, this is a fault of Firstpass",
        )
