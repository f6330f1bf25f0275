"""Removes the predictions of versions that a project has left behind."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.model_version import is_model_version

__all__ = ["StoredVersion", "chosen", "remove", "stored_versions"]

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version's rows. `in_use`: a backend answers to it, or the project shows it; `ours` by its shape."""

    version: str
    rows: int
    in_use: bool
    ours: bool

    @property
    def is_left_behind(self) -> bool:
        return self.ours and not self.in_use


def stored_versions(api: LabelStudioApi, project_id: int) -> list[StoredVersion]:
    """All versions that a project holds predictions of, in the order of their names."""
    project, backends = api.project(project_id), api.backends(project_id)
    in_use = {backend[name] for backend in backends for name in ("title", "model_version")}
    return _versions(api.model_versions(project_id), in_use | {project["model_version"]})


def _versions(counts: Mapping[str, int], in_use: Collection[str]) -> list[StoredVersion]:
    return [
        StoredVersion(version, rows, version in in_use, is_model_version(version))
        for version, rows in sorted(counts.items())
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
                f"{', '.join(known) or 'none'}"
            )
        if known[name].in_use:
            raise BadRequest(f"{name} is in use: a backend answers to it, or the project shows it")
    return [known[name] for name in dict.fromkeys(named)]


def remove(
    api: LabelStudioApi, project_id: int, versions: Sequence[StoredVersion]
) -> Generator[tuple[StoredVersion, int], None, None]:
    """Each version with the rows that were removed; the version that the project shows stays."""
    shown = api.project(project_id)["model_version"]
    try:
        for one in versions:
            yield one, api.delete_model_version(project_id, one.version)
    finally:
        # Label Studio empties it with every deletion, and its label stream then asks no backend.
        if shown and api.project(project_id)["model_version"] != shown:
            api.update_project(project_id, model_version=shown)
