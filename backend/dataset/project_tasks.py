"""The tasks of a selection, as a bulk run asks for them: page by page, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice

from backend.dataset.selection import Selection, reservoir
from backend.dataset.target_project import TargetProject
from backend.errors import BadRequest, Failure, LabelStudioUnavailable
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.plain import Json
from backend.runs.ledger import Ledger, Listed
from backend.runs.patience import Patience

__all__ = ["ProjectTasks", "chosen_tasks"]

#: Tasks of one listing. Larger pages are quicker for a project of a million, and cost memory here.
PAGE = 1000
IDS_AT_ONCE = 200


class ProjectTasks:
    """Those of a project's tasks that are chosen, lack the version, and have not failed for good."""

    def __init__(
        self,
        api: LabelStudioApi,
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
            found = self._api.rows_of(self._target.key.id, self._target.version, chunk)
            # What cannot be listed is looked for again, and named then.
            open_still = found.lacking | found.unlisted.keys()
            self._ledger.settle({task: task not in open_still for task in chunk})
        self._ledger.forget_failures(passing=not retry_failed)
        if self._ledger.count():
            return
        chosen = chosen_tasks(
            self._api, self._target, self._selection, include="id,total_annotations"
        )
        if self._selection.is_counted:
            self._ledger.note(Listed(task.id) for task in chosen)
        else:
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
    ) -> Iterator[list[TaskRow]]:
        return self._api.pages(
            self._target.key.id,
            filters=filters,
            view=view,
            ids=ids,
            lacking=self._target.version,
            page_size=PAGE,
            include="id,data,total_annotations",
            each_alone=True,
        )

    def _fresh(self, pages: Callable[[], Iterator[list[TaskRow]]]) -> Iterator[Task]:
        """The listed tasks that are to be asked for, each once: a listing that breaks off is begun again.

        One that Label Studio cannot list comes as a task that has failed.
        """
        listing: Iterator[list[TaskRow]] | None = None
        last = 0

        def following() -> list[TaskRow] | None:
            nonlocal listing
            listing = listing or pages()
            try:
                return next(listing, None)
            except LabelStudioUnavailable:
                listing = None
                raise

        while (page := self._patience.insist(following)) is not None:
            new = [row for row in page if row.id > last and self._selection.admits(row)]
            failed = self._ledger.failed_of([row.id for row in new])
            for row in new:
                task = Task.of(row)
                if failed.get(row.id) is False:
                    self._ask_anew(task)
                if task.failure is not None or not failed.get(row.id):
                    yield task
            last = max([last, *(row.id for row in page)])

    def _ask_anew(self, task: Task) -> None:
        requests = self._target.predictor.requests(task)
        if not isinstance(requests, Failure):
            jobs = [job_id for job_id, _ in requests.values()]
            self._patience.insist(lambda: self._forget(jobs))


def chosen_tasks(
    api: LabelStudioApi, target: TargetProject, selection: Selection, *, include: str
) -> Iterator[TaskRow]:
    """Every task of a selection, predicted or not. Raises `BadRequest` when there is none.

    Those that Label Studio cannot list come, too, last and beside any limit: it is not known whether
    they would have been chosen.
    """
    unlisted: list[TaskRow] = []

    def listed() -> Iterator[TaskRow]:
        for row in _listed(api, target, selection, include, each_alone=True):
            if row.failure is None:
                yield row
            else:
                unlisted.append(row)

    tasks: Iterator[TaskRow] = listed()
    first = next(tasks, None)
    if first is None and not unlisted:
        raise BadRequest(_why_none(api, target, selection))
    tasks = chain([] if first is None else [first], tasks)
    if selection.sample is not None:
        tasks = iter(reservoir(tasks, selection.sample, selection.seed))
    yield from islice(tasks, selection.limit)
    yield from unlisted


def _listed(
    api: LabelStudioApi,
    target: TargetProject,
    selection: Selection,
    include: str,
    *,
    each_alone: bool = False,
) -> Iterator[TaskRow]:
    pages = api.pages(
        target.key.id,
        filters=selection.asked_filters,
        view=selection.view,
        ids=selection.ids,
        page_size=PAGE,
        include=include,
        each_alone=each_alone,
    )
    for page in pages:
        yield from filter(selection.admits, page)


def _why_none(api: LabelStudioApi, target: TargetProject, selection: Selection) -> str:
    project = f"project {target.key.id} ({target.project.title})"
    if not target.project.task_number:
        return f"{project} has no tasks: import some first"
    with_labeled = replace(selection, labeled=True)
    if next(_listed(api, target, with_labeled, "id"), None) is not None:
        return f"every task chosen in {project} has an annotation: --all predicts these too"
    return f"no task of {project} matches --ids, --view or --filter"
