"""`firstpass tidy`: everything of Firstpass taken back out of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import BOTH_SIDES, STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO, OURS
from backend.errors import FirstpassError
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.label_studio.project_key import ProjectKey
    from backend.pages.summary import Table
    from backend.projects.tidy import Found

__all__ = ["tidy"]


@with_settings(*BOTH_SIDES, *STATE, as_running=(*LABEL_STUDIO, *OURS))
def tidy(
    settings: Settings,
    project: ProjectOption,
    with_parents: Annotated[
        bool, typer.Option(help="Also predictions that annotations name as their origin.")
    ] = False,
    yes: Annotated[bool, typer.Option(help="Take back without asking.")] = False,
) -> None:
    """Take everything of Firstpass back out of a project.

    Lists it, and asks: our tabs, predictions of all our model_versions, ML
    backend and webhook, the model_version shown, the order of Label All Tasks
    where `connect --review-order` set it. Then says what is left, and why.
    Annotations, task data and other tools' predictions stay.

    Examples:
      firstpass tidy --project 3
      firstpass tidy --project 3 --yes
    """
    from rich.console import Console

    from backend.cli.asking import ask
    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.pages.terminal import shown, table_parts
    from backend.projects.our_backend import OurBackend
    from backend.projects.tidy import Tidying

    console = Console(soft_wrap=True)
    with LabelStudioApi.from_settings(settings) as api:
        number = project_id(project, api, settings)
        tidying = Tidying(api, OurBackend.from_settings(settings), number)
        key = api.project(number).key
        owed = _known(settings, key)
        found = tidying.look(owed or 0, with_parents=with_parents)
        if found.is_nothing:
            console.print("Nothing of Firstpass is in the project.")
        else:
            console.print(*table_parts(_table(found)))
            ask("Take all of this back?", yes=yes)
            forget = (lambda: 0) if owed is None else lambda: _owed(settings, key, forget=True)
            for line in tidying.take_back(found, forget):
                console.print(shown(line))
            console.print(
                "Left: the label config. Phrases and thresholds that Firstpass wrote into it look like "
                "anybody's."
            )
    for line in found.left:
        console.print(shown(f"Left: {line}"))


def _table(found: Found) -> Table:
    from backend.pages.summary import Table

    return Table("", ("of Firstpass", ""), list(found.lines()))


def _known(settings: Settings, project: ProjectKey | None) -> int | None:
    """How many predictions the courier owes the project; `None`, with a word, where no Redis knows it."""
    try:
        return _owed(settings, project)
    except FirstpassError as error:
        typer.echo(
            f"What the courier still owes the project is not known, and stays owed: {error}",
            err=True,
        )
        return None


def _owed(settings: Settings, project: ProjectKey | None, *, forget: bool = False) -> int:
    """The same where Redis knows it; with `forget` it owes them no more."""
    from backend.cli.status import open_redis
    from backend.delivery.owed import OwedTasks

    with open_redis(settings) as connection:
        owing = OwedTasks(connection)
        if project is not None and forget:
            return owing.forget(project)
        return sum(one.tasks for one in owing.overview(0) if one.key == project)
