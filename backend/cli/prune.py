"""`firstpass prune`: predictions of versions that a project has left behind, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings
from backend.wording import predictions, printable, tasks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from backend.pages.summary import Table
    from backend.projects.prune import Removal, StoredVersion

__all__ = ["prune"]


@with_settings("label_studio_url", *STATE, as_running=LABEL_STUDIO)
def prune(
    settings: Settings,
    project: ProjectOption,
    version: Annotated[
        list[str] | None,
        typer.Option(
            help="Remove this model_version, be it another tool's; may be given several times."
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option(help="Also where tasks are left without any prediction.")
    ] = False,
    with_parents: Annotated[
        bool,
        typer.Option(help="Also predictions that annotations name as their origin."),
    ] = False,
    yes: Annotated[bool, typer.Option(help="Remove without asking.")] = False,
) -> None:
    """Remove predictions of model_versions that a project has left behind.

    Lists what the project holds, and asks. Versions that a backend answers to
    or the project shows are kept, and so are other tools' unless named with
    --version ('' names those without one). Annotations stay, and so do the
    predictions that they were made from. Nothing is removed where tasks would
    be left without any prediction.

    Examples:
      firstpass prune --project 3
      firstpass prune --project 3 --version tiny-0a1b2c3d4e --yes
    """
    from rich.console import Console

    from backend.cli.asking import ask
    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.pages.terminal import table_parts
    from backend.projects.prune import (
        NO_VERSION,
        chosen,
        removal_of,
        remove,
        stored_versions,
    )

    console = Console()
    with LabelStudioApi.from_settings(settings) as api:
        number = project_id(project, api, settings)
        stored = stored_versions(api, number)
        removing = chosen(stored, version or ())
        console.print(*table_parts(_table(stored, removing)))
        if not removing:
            console.print("Nothing to remove.")
            return
        names = [one.version for one in removing]
        removal = removal_of(api.with_rows(number), names, with_parents=with_parents)
        for line in _consequences(removal):
            console.print(line, markup=False)
        if not removal.count:
            console.print("Nothing to remove.")
            return
        _check_emptied(removal, number, anyway=anyway)
        if with_parents and not yes:
            console.print(
                "Annotations that were made from them stay, but no longer name them as their origin."
            )
        ask(f"Remove {predictions(removal.count)}?", yes=yes)
        for name, removed in remove(api, number, removal):
            console.print(f"removed: {predictions(removed)} of {name or NO_VERSION}", markup=False)


def _consequences(removal: Removal) -> Iterator[str]:
    kept = sum(removal.parents.values())
    if kept:
        yield (
            f"{kept:,} of them are kept: annotations name them as their origin (--with-parents removes "
            "them, too)"
        )
    for line in removal.unknown_lines():
        yield printable(f"Kept: {line}")
    if removal.emptied:
        yield (
            f"{removal.emptied:,} of {tasks(removal.tasks)} would be left without any prediction"
        )


def _check_emptied(removal: Removal, project: int, *, anyway: bool) -> None:
    if removal.emptied and not anyway:
        raise BadRequest(
            f"{tasks(removal.emptied)} would be left without any prediction, so nothing was removed; "
            f"predict them first (`firstpass prelabel project {project} --all`), or say --anyway"
        )


def _table(stored: Sequence[StoredVersion], removing: Collection[StoredVersion]) -> Table:
    from backend.pages.summary import Table
    from backend.projects.prune import NO_VERSION

    rows = [
        (one.version or NO_VERSION, f"{one.rows:,}", _standing(one, one in removing))
        for one in stored
    ]
    return Table("", ("model_version", "predictions#", ""), rows)


def _standing(one: StoredVersion, removing: bool) -> str:
    if removing:
        return "to be removed"
    if one.in_use:
        return "in use"
    return "kept" if one.ours else "another tool's, kept"
