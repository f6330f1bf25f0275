"""Takes everything of ours back out of a project: found anew each time, so an interrupted run is run again.

What may be somebody else's is left, and said. No annotation is touched, nor of any task's data more than the
columns of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from shlex import quote

from backend.errors import LabelConfigError
from backend.label_config.named_heads import without_heads
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend, Project, View, Webhook
from backend.prediction.model_version import is_model_version
from backend.projects.columns import COLUMNS, empty_column, filled_tasks
from backend.projects.learned_heads import heads_in, named_elsewhere
from backend.projects.our_backend import OurBackend, near, same_address
from backend.projects.our_tabs import is_default_of_ours, ours_among
from backend.projects.prune import NO_VERSION, Removal, removal_of, remove
from backend.projects.review_order import LEAST_SURE_FIRST, order_before
from backend.settings import SECRET_HEADER
from backend.wording import predictions, tasks
from models.catalogue import GROUPS, REGISTRY

__all__ = ["Found", "Tidying"]


@dataclass(frozen=True, slots=True)
class Found:
    """What is ours in a project, and what is left there although it may be.

    `shown`: the version that the project shows, empty where that is none of ours. `before`: what the label
    stream went by before we changed that; `None` where we did not. `owed`: tasks that the courier owes it.
    `columns`: the tasks in whose data a column of ours holds something.
    """

    views: Sequence[View]
    before: str | None
    backends: Sequence[Backend]
    webhooks: Sequence[Webhook]
    shown: str
    owed: int
    removal: Removal
    left: Sequence[str]
    columns: Mapping[str, Sequence[int]] = field(default_factory=dict)
    #: Fingerprints of what was learned, as the label config names them.
    heads: Sequence[str] = ()

    @property
    def is_nothing(self) -> bool:
        counted = (
            self.views, self.columns, self.before, self.backends, self.webhooks, self.shown, self.owed, self.heads,
        )  # fmt: skip
        return not any((*counted, self.removal.count))

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is to be taken back: of each kind which, or how many."""
        if self.views:
            yield "tabs", ", ".join(view.data.title for view in self.views)
        for column, ids in self.columns.items():
            yield "column", f"{column}, emptied in {tasks(len(ids))}"
        if self.before is not None:
            yield "order of Label All Tasks", f"goes by {self.before} again"
        for webhook in self.webhooks:
            yield "webhook", webhook.url
        for backend in self.backends:
            yield "ML backend", f"{backend.title} ({backend.url})"
        if self.shown:
            yield "model_version shown", self.shown
        if self.owed:
            yield "predictions still owed", f"{self.owed:,}"
        for head in self.heads:
            yield (
                "what was learned",
                f"model_head {head} of the label config, and its file unless another project names it",
            )
        for version, rows in self.removal.rows.items():
            if rows:
                yield "predictions", f"{len(rows):,} of {version}"


@dataclass(frozen=True, slots=True)
class Tidying:
    """Looks what is ours in one project, and takes it back.

    `address_known`: our address was given or is that of a Firstpass that runs. The usual one may be anybody's, and
    Label Studio's example backends have its port.
    """

    api: LabelStudioApi
    ours: OurBackend
    project: int
    address_known: bool = True

    def look(self, owed: int, *, with_parents: bool) -> Found:
        """What is there now. Reads every task that has predictions; changes nothing."""
        project, backends = self.api.project(self.project), self.api.backends(self.project)
        connected = [one for one in backends if self._is_our_backend(one)]
        webhooks, unsure = self._webhooks(connected)
        stored, views = self.api.model_versions(self.project), self.api.views(self.project)
        versions = [version for version in sorted(stored) if _is_ours(version, connected)]
        with_rows = self.api.with_rows(self.project) if versions else ()
        removal = removal_of(with_rows, versions, with_parents=with_parents)
        by_score = project.sampling == LEAST_SURE_FIRST
        before = order_before(connected) if by_score else None
        others = [one for one in backends if one not in connected]
        left = [
            f"{predictions(rows)} of {version or NO_VERSION}, which are not known to be ours"
            f"{self._what_of_it(version, project, others)}"
            for version, rows in sorted(stored.items())
            if version not in versions and rows
        ]
        if kept := sum(removal.parents.values()):
            left.append(
                f"{predictions(kept)} that annotations name as their origin, or that cannot be read "
                "(--with-parents removes them, too)"
            )
        left += removal.unknown_lines()
        left += [
            f"ML backend {one.title} ({one.url}): not known to be ours, {self._why_not(one.url)}"
            for one in others
        ]
        left += [
            f"the webhook to {one.url}: not known to be ours, {self._why_not(self.ours.url)}"
            for one in unsure
        ]
        if by_score and before is None:
            left.append(
                f"the order of Label All Tasks, {LEAST_SURE_FIRST}: not known to be set by us"
            )
        return Found(
            views=[view for view in views if is_default_of_ours(view)] + ours_among(views),
            before=before,
            backends=connected,
            webhooks=webhooks,
            shown=project.model_version if _is_ours(project.model_version, connected) else "",
            owed=owed,
            removal=removal,
            left=left,
            columns={
                column: ids
                for column in COLUMNS
                if (ids := filled_tasks(self.api, self.project, column))
            },
            heads=_heads(project.label_config),
        )

    def _what_of_it(self, version: str, project: Project, others: Sequence[Backend]) -> str:
        """Who uses a version that is not known to be ours, which nobody should remove then, or what removes it."""
        users = [one.title for one in others if version in (one.title, one.model_version)]
        if users and version:
            return f", in use by ML backend {users[0]}: left alone"
        if version and version == project.model_version:
            return ", and which the project shows: left alone"
        return (
            f": `firstpass prune --project {self.project} --version {quote(version)} --anyway` removes them "
            "(with --with-parents also those that annotations name as their origin)"
        )

    def _is_our_backend(self, backend: Backend) -> bool:
        """Whether it is at our address, or names itself and answers as a Firstpass under another one does.

        That one would go on predicting, whatever is removed. At an address that is not surely ours it is asked, too,
        that a name of it is made as ours are.
        """
        if backend.title == backend.model_version and _is_ours(backend.title, ()):
            return True
        if self.address_known and same_address(backend.url, self.ours.url):
            return True
        named_as_ours = is_model_version(backend.title) or is_model_version(backend.model_version)
        return named_as_ours and near(backend.url, self.ours.url)

    def _webhooks(self, connected: Sequence[Backend]) -> tuple[list[Webhook], list[Webhook]]:
        """Those that call us or a backend of ours, and those of which it is not sure."""
        sure = [one.url.rstrip("/") for one in connected]
        if self.address_known or any(near(url, self.ours.url) for url in sure):
            sure.append(self.ours.url)
        ours: list[Webhook] = []
        unsure: list[Webhook] = []
        for hook in self.api.webhooks(self.project):
            if any(same_address(hook.url, f"{url}/webhook") for url in sure):
                ours.append(hook)
            elif same_address(hook.url, self.ours.webhook_url):
                presents = {name.lower() for name in hook.headers}
                (ours if SECRET_HEADER.lower() in presents else unsure).append(hook)
        return ours, unsure

    def _why_not(self, url: str) -> str:
        if self.address_known or not near(url, self.ours.url):
            return f"which is at {self.ours.url}"
        return (
            "whose address was neither given nor shown by a Firstpass that runs: `firstpass tidy "
            f"--project {self.project} --public-url {quote(url)}` takes all at it for ours"
        )

    def take_back(
        self,
        found: Found,
        forget_owed: Callable[[], int],
        forget_head: Callable[[str], bool] = lambda head: False,
    ) -> Iterator[str]:
        """A line for each step that is done. Who might write more predictions goes before those there are.

        `forget_owed` has the courier owe the project nothing any more, and gives how much that was; `forget_head`
        drops what was learned.
        """
        for view in found.views:
            self.api.delete_view(view.id)
            yield f"removed: tab {view.data.title}"
        for column, ids in found.columns.items():
            empty_column(self.api, self.project, column, ids)
            yield (
                f"emptied: column {column} of {tasks(len(ids))}; the empty column stays in their data, since Label Studio "
                "removes one only task by task"
            )
        if found.before is not None:
            self.api.update_project(self.project, sampling=found.before)
            yield f"Label All Tasks goes by {found.before} again"
        for webhook in found.webhooks:
            self.api.delete_webhook(webhook.id)
            yield f"removed: the webhook to {webhook.url}"
        for backend in found.backends:
            self.api.delete_backend(backend.id)
            yield f"removed: the ML backend {backend.title}"
        if found.heads:
            kept = named_elsewhere(self.api, self.project, found.heads)
            before = self.api.project(self.project).label_config
            self.api.update_project(self.project, label_config=without_heads(before))
            for head in found.heads:
                if head in kept:
                    yield f"taken out: model_head {head}; its file stays, project {kept[head]} names it, too"
                    continue
                forget_head(head)
                yield f"forgotten: what was learned, {head}"
        if owed := forget_owed():
            yield f"{predictions(owed)} owed no more"
        if found.shown:
            self.api.update_project(self.project, model_version="")
            yield "the project shows no model_version any more"
        for version, rows in remove(self.api, self.project, found.removal):
            yield f"removed: {predictions(rows)} of {version}"


def _heads(label_config: str) -> list[str]:
    """What the label config names as learned; nothing of one that cannot be read."""
    with suppress(LabelConfigError):
        return heads_in(label_config)
    return []


def _is_ours(version: str, connected: Sequence[Backend]) -> bool:
    """Whether a version is made as ours are, and of models that we know or that answered here.

    The form alone would take `detector-1795207708` of another tool, which ends in a time.
    """
    if not is_model_version(version):
        return False
    answered = {_models(one) for each in connected for one in (each.title, each.model_version)}
    known = {*GROUPS, *REGISTRY}
    models = _models(version)
    return models in answered or all(one.partition("@")[0] in known for one in models.split("+"))


def _models(version: str) -> str:
    return version.rpartition("-")[0]
