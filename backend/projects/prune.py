"""Removes the predictions of versions that a project has left behind."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import TaskRow
from backend.prediction.model_version import is_model_version
from backend.wording import tasks as number_of_tasks

__all__ = [
    "NO_VERSION",
    "Removal",
    "StoredVersion",
    "chosen",
    "removal_of",
    "remove",
    "stored_versions",
]

#: How rows are named that somebody stored without a version.
NO_VERSION = "(no version)"
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version's rows. `in_use`: a backend answers to it, or the project shows it; `ours` by its shape.

    `version` is empty for rows that somebody stored without one.
    """

    version: str
    rows: int
    in_use: bool
    ours: bool

    @property
    def is_left_behind(self) -> bool:
        return self.ours and not self.in_use


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing some versions comes to.

    `rows` are the ids to be removed, by version. `parents` counts rows that are kept, since an
    annotation names them as its origin, or cannot be read. `emptied` counts tasks that would be left without any
    prediction, of `tasks` that lose one. `unknown` tells of tasks (id -> why) that not all rows of are known: those
    stay, since what annotations began from them, and what the task is left with, is not known either.
    """

    rows: Mapping[str, Sequence[int]]
    parents: Mapping[str, int]
    tasks: int
    emptied: int
    unknown: Mapping[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Rows to be removed, in all."""
        return sum(len(ids) for ids in self.rows.values())

    def unknown_lines(self) -> Iterator[str]:
        """A line for each of the first tasks that not all rows of are known, and how many there are more."""
        for task, reason in islice(self.unknown.items(), _MOST_SHOWN):
            yield f"what of task {task} is not known: {reason}"
        if (more := len(self.unknown) - _MOST_SHOWN) > 0:
            yield f"what is not known of {number_of_tasks(more)} more"


def stored_versions(api: LabelStudioApi, project_id: int) -> list[StoredVersion]:
    """All versions that a project holds predictions of, in the order of their names."""
    project, backends = api.project(project_id), api.backends(project_id)
    in_use = {name for one in backends for name in (one.title, one.model_version)}
    # A project that shows no version does not use the rows that have none.
    in_use = {name for name in in_use | {project.model_version} if name}
    return [
        StoredVersion(version, rows, version in in_use, is_model_version(version))
        for version, rows in sorted(api.model_versions(project_id).items())
    ]


def chosen(stored: Sequence[StoredVersion], named: Collection[str]) -> list[StoredVersion]:
    """What to remove: the named versions; without names, those of ours that are left behind.

    Raises `BadRequest` for a name that is not stored, or is in use.
    """
    if not named:
        return [one for one in stored if one.is_left_behind]
    known = {one.version: one for one in stored}
    for name in named:
        if name not in known:
            raise BadRequest(
                f"expected a version that the project holds predictions of, got {name!r}; it holds "
                f"{', '.join(one or repr(one) for one in known) or 'none'}"
            )
        if known[name].in_use:
            raise BadRequest(f"{name} is in use: a backend answers to it, or the project shows it")
    return [known[name] for name in dict.fromkeys(named)]


def removal_of(
    tasks: Iterable[TaskRow], versions: Collection[str], *, with_parents: bool
) -> Removal:
    """What removing the versions comes to; each task has its `predictions` and `annotations`."""
    rows: dict[str, list[int]] = {version: [] for version in versions}
    parents = dict.fromkeys(versions, 0)
    losing = emptied = 0
    unknown: dict[int, str] = {}
    for task in tasks:
        if (failure := task.failure or next(iter(task.unread), None)) is not None:
            unknown[task.id] = failure.message
        origins = {one.parent_prediction for one in task.annotations}
        going = 0
        for row in task.predictions:
            if row.model_version not in rows:
                continue
            if (row.id in origins or task.unread) and not with_parents:
                parents[row.model_version] += 1
                continue
            rows[row.model_version].append(row.id)
            going += 1
        losing += going > 0
        emptied += going == len(task.predictions) > 0
    return Removal(rows, parents, losing, emptied, unknown)


def remove(
    api: LabelStudioApi, project_id: int, removal: Removal
) -> Generator[tuple[str, int], None, None]:
    """Each version with the number of rows that were removed; the version that the project shows stays."""
    shown = api.project(project_id).model_version
    try:
        for version, ids in removal.rows.items():
            if version and not removal.parents[version] and not removal.unknown:
                yield version, api.delete_model_version(project_id, version)
                continue
            # By its name Label Studio deletes all rows of a version, those too that are not known; and none where
            # there is no name.
            for row in ids:
                api.delete_prediction(row)
            yield version, len(ids)
    finally:
        # Label Studio empties it with every deletion, and its label stream then asks no backend.
        if shown and api.project(project_id).model_version != shown:
            api.update_project(project_id, model_version=shown)
