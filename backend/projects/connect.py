"""Connects a project to Firstpass as Label Studio needs it, or puts right what has come apart.

Each step looks first and changes only what is not as it should be, so it may be run again at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from backend.errors import FirstpassError, LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend, Project
from backend.projects.finding import Finding, Level
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from backend.projects.refusals import CannotConnect, remedy
from backend.projects.review_order import set_order, take_back_order
from backend.projects.tabs import ProjectTabs
from backend.projects.trial import predict_one

__all__ = ["Connector"]


@dataclass(frozen=True, slots=True)
class Connector:
    """Label Studio, our web process and how we should stand in it. `wait_s`: for a test prediction.

    With `tabs_at`, which is Label Studio's address for people, it makes our tabs. `review_order` has the
    label stream give the least sure first, or no more; `None` leaves that as it is.
    """

    api: LabelStudioApi
    web: OurWeb
    ours: OurBackend
    wait_s: float = 60.0
    tabs_at: str | None = None
    review_order: bool | None = None
    sleep: Callable[[float], None] = time.sleep

    def connect(self, project: int) -> Iterator[Finding]:
        """A finding for each step as it is done; the last one is the error that stopped it, if any."""
        try:
            yield from self._steps(project)
        except FirstpassError as error:
            yield Finding(Level.ERROR, str(error))

    def _steps(self, project_id: int) -> Iterator[Finding]:
        email = self.api.email()
        yield Finding(
            Level.OK,
            f"Label Studio {self.api.version()} at {self.api.url} takes our token ({email})",
        )
        project = self._project(project_id)
        yield Finding(Level.OK, f"project {project_id}: {project.title}")
        self.web.health()
        version = self.web.version(project.label_config)
        yield Finding(Level.OK, f"Firstpass at {self.web.url} answers as {version}")
        if (unready := self.web.unready()) is not None:
            reason, fix = unready
            yield Finding(Level.WARNING, f"nothing is predicted yet: {reason}", fix or None)
        is_first = yield from self._backend(project_id, version)
        yield self._shown(project_id, version)
        yield from self._webhook(project_id)
        if self.tabs_at is not None:
            yield from self._tabs(project_id, version, self.tabs_at)
        if self.review_order is not None:
            change = set_order if self.review_order else take_back_order
            yield change(self.api, self.ours, project_id)
        if is_first:
            if unready is not None and unready[1]:  # a person has to see to it first
                yield Finding(
                    Level.SKIPPED,
                    "no image is tried: nobody would predict it",
                    "do the above, then open a task, or connect again",
                )
            else:
                yield predict_one(self.api, self.web, project, version, self.wait_s, self.sleep)

    def _project(self, project_id: int) -> Project:
        try:
            return self.api.project(project_id)
        except LabelStudioRefuses as error:
            if error.status != 404:
                raise
            raise CannotConnect(
                f"there is no project {project_id} for the user whose token this is; `firstpass doctor` "
                "lists those there are"
            ) from error

    # ---- the ML backend ----

    def _backend(self, project: int, version: str) -> Generator[Finding, None, bool]:
        """Have ours stand among the project's backends; gives whether it is the first of them."""
        backends = self.api.backends(project)
        there = self.ours.among(backends)
        if not there:
            backend = self._create(project, version)
            yield Finding(Level.DONE, f"the ML backend is connected as {version}")
        elif amiss := self.ours.amiss(there[0], version):
            backend = self._repair(there[0], project, version)
            yield Finding(Level.REPAIRED, f"the ML backend is named {version}: {', '.join(amiss)}")
        else:
            backend = there[0]
            yield Finding(Level.ALREADY, f"the ML backend is connected as {version}")
        self._check(project, backend, version)
        first = backends[0] if backends else backend
        if first.id == backend.id:
            return True
        yield Finding(
            Level.WARNING,
            f"Label Studio asks a project's first ML backend alone, which is {first.title!r} "
            f"({first.url})",
            "remove that one under Settings > Model if Firstpass is to predict",
        )
        return False

    def _create(self, project: int, version: str) -> Backend:
        try:
            return self.api.create_backend(project, **self.ours.fields(version))
        except FirstpassError as error:
            left = self._remove_half_made(project)
            raise CannotConnect(f"{error}. {remedy(error, self.ours.url)}{left}") from error

    def _remove_half_made(self, project: int) -> str:
        """Label Studio stores the backend before it looks whether it may have a webhook."""
        try:
            for backend in self.ours.among(self.api.backends(project)):
                self.api.delete_backend(backend.id)
        except FirstpassError as error:
            return f" (a half-made backend may be left under Settings > Model: {error})"
        return ""

    def _repair(self, backend: Backend, project: int, version: str) -> Backend:
        fields = self.ours.fields(version)
        try:
            return self.api.update_backend(backend.id, project=project, **fields)
        except FirstpassError as error:
            raise CannotConnect(f"{error}. {remedy(error, self.ours.url)}") from error

    def _check(self, project: int, backend: Backend, version: str) -> None:
        if backend.state != "CO":
            raise CannotConnect(
                f"Label Studio has the backend as {backend.readable_state}: "
                f"{backend.error_message or 'it does not answer'}; `firstpass doctor --project "
                f"{project}` looks closer"
            )
        if backend.model_version != version:
            raise CannotConnect(
                f"{self.ours.url} answers Label Studio as {backend.model_version}, and us at {self.web.url} "
                f"as {version}: they are two; set FIRSTPASS_PUBLIC_URL to this one's address"
            )

    # ---- the project and its webhook ----

    def _shown(self, project_id: int, version: str) -> Finding:
        """Have the project show predictions, and scores of this version."""
        project = self.api.project(project_id)
        if project.show_collab_predictions and project.model_version == version:
            return Finding(Level.ALREADY, "the project shows predictions of this version")
        before = project.model_version
        self.api.update_project(project_id, show_collab_predictions=True, model_version=version)
        return Finding(
            Level.REPAIRED,
            f"the project shows predictions of this version: {f'it was {before}' if before else 'none were'}",
        )

    def _webhook(self, project: int) -> Iterator[Finding]:
        try:
            yield self._one_webhook(project)
        except FirstpassError as error:
            raise CannotConnect(f"{error}. {remedy(error, self.ours.webhook_url)}") from error
        if self.ours.auth is not None and self.ours.webhook_secret is None:
            yield Finding(
                Level.WARNING,
                "webhooks carry no credentials, so Firstpass refuses them",
                "set FIRSTPASS_WEBHOOK_SECRET for the web process and here, and connect again",
            )

    def _one_webhook(self, project: int) -> Finding:
        there = self.ours.webhooks_among(self.api.webhooks(project))
        if not there:
            self.api.create_webhook(project, **self.ours.webhook_fields(None))
            return Finding(Level.DONE, f"a webhook calls {self.ours.webhook_url}")
        kept, *doubles = there
        amiss = self.ours.webhook_amiss(kept) + ["there were several"] * bool(doubles)
        if not amiss:
            return Finding(Level.ALREADY, f"a webhook calls {self.ours.webhook_url}")
        self.api.update_webhook(kept.id, **self.ours.webhook_fields(kept))
        for double in doubles:
            self.api.delete_webhook(double.id)
        return Finding(
            Level.REPAIRED, f"a webhook calls {self.ours.webhook_url}: {', '.join(amiss)}"
        )

    # ---- what to review first ----

    def _tabs(self, project: int, version: str, browser_url: str) -> Iterator[Finding]:
        """Our tabs; who may not make any is connected all the same."""
        try:
            yield from ProjectTabs(self.api, project, version, browser_url).make()
        except LabelStudioRefuses as error:
            yield Finding(
                Level.WARNING,
                f"tabs for review are not all there: {error}",
                f"`firstpass tabs --project {project}` makes them, with the token of a user who may",
            )
