"""The tasks of a selection, as a bulk run asks for them: page by page, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Any, Protocol, TypeAlias

from backend.dataset.selection import Selection, reservoir
from backend.dataset.target_project import TargetProject
from backend.errors import BadRequest, Failure, LabelStudioUnavailable, TaskUnlisted
from backend.label_studio.bodies import Task
from backend.label_studio.halving import Unlisted
from backend.runs.ledger import Ledger, Listed
from backend.runs.patience import Patience

__all__ = ["ListsTasks", "ProjectTasks", "chosen_tasks"]

Json: TypeAlias = dict[str, Any]

#: Tasks of one listing. Larger pages are quicker for a project of a million, and cost memory here.
PAGE = 1000
IDS_AT_ONCE = 200


class ListsTasks(Protocol):
    """`LabelStudioApi`, or what a test puts in its place; see there."""

    def pages(
        self,
        project: int,
        *,
        filters: Json | None,
        view: int | None,
        ids: Sequence[int] | None,
        lacking: str | None,
        page_size: int,
        include: str,
        unlisted: Unlisted | None,
    ) -> Iterator[list[Json]]: ...

    def count_tasks(
        self, project: int, *, filters: Json | None, view: int | None, lacking: str | None
    ) -> int | None: ...

    def lacking(
        self, project: int, model_version: str, ids: Sequence[int], unlisted: Unlisted | None = None
    ) -> set[int]: ...


class ProjectTasks:
    """Those of a project's tasks that are chosen, lack the version, and have not failed for good."""

    def __init__(
        self,
        api: ListsTasks,
        target: TargetProject,
        selection: Selection,
        ledger: Ledger,
        patience: Patience,
        forget: Callable[[Sequence[str]], object],
    ) -> None:
        """`forget` is called with the jobs of a task that failed before, so that they run again."""
        self._api, self._target, self._selection = api, target, selection
        self._ledger, self._patience, self._forget = ledger, patience, forget

    def prepare(self, *, retry_failed: bool) -> None:
        """Settle what earlier starts left open, and choose the tasks of a limit or sample.

        Raises `BadRequest` when the selection holds no task.
        """
        self._ledger.adopt()
        unsettled = iter(self._ledger.unsettled())
        while chunk := [int(task) for task in islice(unsettled, IDS_AT_ONCE)]:
            unlisted: set[int] = set()

            def note(task: int, reason: TaskUnlisted, unlisted: set[int] = unlisted) -> None:
                unlisted.add(task)

            lacking = self._api.lacking(self._target.key.id, self._target.version, chunk, note)
            # What cannot be listed is looked for again, and named then.
            self._ledger.settle({task: task not in lacking | unlisted for task in chunk})
        self._ledger.forget_failures(passing=not retry_failed)
        hidden: list[int] = []
        chosen = chosen_tasks(
            self._api,
            self._target,
            self._selection,
            include="id,total_annotations",
            unlisted=lambda task, reason: hidden.append(task),
        )
        if self._selection.is_counted and not self._ledger.count():
            self._ledger.note(Listed(int(task["id"])) for task in chosen)
            # No task is lost for that it is not known whether it would have been chosen.
            self._ledger.note(map(Listed, hidden))
        elif not self._ledger.count():
            next(chosen, None)

    def total(self) -> int | None:
        """Tasks of the run, done ones included; `None` where only listing them all would tell."""
        selection = self._selection
        if selection.is_counted:
            return self._ledger.count()
        if selection.ids is not None or not selection.is_asked_exactly:
            return None
        lacking = self._api.count_tasks(
            self._target.key.id,
            filters=selection.asked_filters,
            view=selection.view,
            lacking=self._target.version,
        )
        return None if lacking is None else lacking + self._ledger.stored()

    def all(self) -> Iterator[Task]:
        """The tasks to predict; those of a limit or sample were chosen by `prepare`."""
        if self._selection.is_counted:
            yield from self.left()
            return
        selection = self._selection
        asked = (selection.asked_filters, selection.view, selection.ids)
        yield from self._fresh(partial(self._pages, *asked))

    def left(self) -> Iterator[Task]:
        """The tasks that the ledger has waiting; those that need no row any more it has no longer."""
        last: int | None = None
        while ids := [int(task) for task in self._ledger.waiting(IDS_AT_ONCE, last)]:
            last = ids[-1]
            absent = set(ids)
            for task in self._fresh(partial(self._pages, None, None, ids)):
                absent.discard(task.id or 0)
                yield task
            self._ledger.done_elsewhere(sorted(absent))

    def _pages(
        self,
        filters: Json | None,
        view: int | None,
        ids: Sequence[int] | None,
        unlisted: Unlisted,
    ) -> Iterator[list[Json]]:
        return self._api.pages(
            self._target.key.id,
            filters=filters,
            view=view,
            ids=ids,
            lacking=self._target.version,
            page_size=PAGE,
            include="id,data,total_annotations",
            unlisted=unlisted,
        )

    def _fresh(self, pages: Callable[[Unlisted], Iterator[list[Json]]]) -> Iterator[Task]:
        """The listed tasks that are to be asked for, each once: a listing that breaks off is begun again.

        One that Label Studio cannot list comes as a task that has failed.
        """
        listing: Iterator[list[Json]] | None = None
        last = 0
        failing: dict[int, Task] = {}
        told: set[int] = set()

        def unlisted(task: int, reason: TaskUnlisted) -> None:
            if task not in told:
                failing[task] = Task.failed(task, Failure.of(reason))

        def following() -> list[Json] | None:
            nonlocal listing
            listing = listing or pages(unlisted)
            try:
                return next(listing, None)
            except LabelStudioUnavailable:
                listing = None
                raise

        while (page := self._patience.insist(following)) is not None:
            new = [task for task in page if task["id"] > last and self._selection.admits(task)]
            failed = self._ledger.failed_of([task["id"] for task in new])
            for found in new:
                task = Task.read(found)
                if failed.get(found["id"]) is False:
                    self._ask_anew(task)
                if not failed.get(found["id"]):
                    yield task
            last = max([last, *(task["id"] for task in page)])
            yield from self._named(failing, told)
        yield from self._named(failing, told)

    @staticmethod
    def _named(failing: dict[int, Task], told: set[int]) -> Iterator[Task]:
        yield from failing.values()
        told.update(failing)
        failing.clear()

    def _ask_anew(self, task: Task) -> None:
        requests = self._target.predictor.requests(task)
        if not isinstance(requests, Failure):
            jobs = [job_id for job_id, _ in requests.values()]
            self._patience.insist(lambda: self._forget(jobs))


def chosen_tasks(
    api: ListsTasks,
    target: TargetProject,
    selection: Selection,
    *,
    include: str,
    unlisted: Unlisted | None = None,
) -> Iterator[Json]:
    """Every task of a selection, predicted or not. Raises `BadRequest` when there is none.

    `unlisted` is told of tasks that Label Studio cannot list, and that are left out for that.
    """
    hidden: list[int] = []

    def hide(task: int, reason: TaskUnlisted) -> None:
        hidden.append(task)
        if unlisted is not None:
            unlisted(task, reason)

    listed = _listed(api, target, selection, include, hide)
    first = next(listed, None)
    if first is None and not hidden:
        raise BadRequest(_why_none(api, target, selection))
    tasks: Iterable[Json] = chain([] if first is None else [first], listed)
    if selection.sample is not None:
        tasks = reservoir(tasks, selection.sample, selection.seed)
    yield from islice(tasks, selection.limit)


def _listed(
    api: ListsTasks,
    target: TargetProject,
    selection: Selection,
    include: str,
    unlisted: Unlisted | None = None,
) -> Iterator[Json]:
    pages = api.pages(
        target.key.id,
        filters=selection.asked_filters,
        view=selection.view,
        ids=selection.ids,
        lacking=None,
        page_size=PAGE,
        include=include,
        unlisted=unlisted,
    )
    for page in pages:
        yield from filter(selection.admits, page)


def _why_none(api: ListsTasks, target: TargetProject, selection: Selection) -> str:
    project = f"project {target.key.id} ({target.fields.get('title')})"
    if not target.fields.get("task_number"):
        return f"{project} has no tasks: import some first"
    with_labeled = replace(selection, labeled=True)
    if next(_listed(api, target, with_labeled, "id"), None) is not None:
        return f"every task chosen in {project} has an annotation: --all predicts these too"
    return f"no task of {project} matches --ids, --view or --filter"
