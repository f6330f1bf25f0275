"""`firstpass tidy`: everything of Firstpass taken back out of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import BOTH_SIDES, STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO, OURS
from backend.errors import BadRequest, FirstpassError
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
    where `connect --review-order` set it, what was learned. Then says what is
    left, and why.
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
        known = not settings.model_fields_set.isdisjoint(("public_url", "port"))
        tidying = Tidying(api, OurBackend.from_settings(settings), number, known)
        key = api.project(number).key
        owed = _known(settings, key)
        if owed is not None:
            _refuse_while_filled(settings, key)
        found = tidying.look(owed or 0, with_parents=with_parents)
        if found.is_nothing:
            console.print("Nothing of Firstpass is in the project.")
            if owed is not None:
                _owed(settings, key, forget=True)
        else:
            console.print(*table_parts(_table(found)))
            ask("Take all of this back?", yes=yes)
            if owed is not None:  # one may have begun since
                _refuse_while_filled(settings, key)
            forget = (lambda: 0) if owed is None else lambda: _owed(settings, key, forget=True)
            for line in tidying.take_back(found, forget, _forget_head(settings)):
                console.print(shown(line))
            console.print(
                "Left: the label config. Phrases and thresholds that Firstpass wrote into it look like "
                "anybody's."
            )
    for line in found.left:
        console.print(shown(f"Left: {line}"))


def _forget_head(settings: Settings) -> Callable[[str], bool]:
    """Drops what was learned: its file, and in Redis where there is one."""
    from backend.cli.status import open_redis
    from backend.queue.heads import HeadShelf

    def forget(head: str) -> bool:
        try:
            with open_redis(settings) as connection:
                return HeadShelf(connection, settings.home).forget(head)
        except FirstpassError as error:
            typer.echo(f"What was learned ({head}) stays in Redis: {error}", err=True)
            return HeadShelf(None, settings.home).forget(head)

    return forget


def _table(found: Found) -> Table:
    from backend.pages.summary import Table

    return Table("", ("of Firstpass", ""), list(found.lines()))


def _known(settings: Settings, project: ProjectKey | None) -> int | None:
    """How many predictions the courier owes the project; `None`, with a word, where no Redis knows it."""
    try:
        return _owed(settings, project)
    except FirstpassError as error:
        typer.echo(
            "What the courier still owes the project is not known, and stays owed; nor is known whether "
            f"`firstpass prelabel` fills it now: {error}",
            err=True,
        )
        return None


def _refuse_while_filled(settings: Settings, project: ProjectKey | None) -> None:
    """Raises `BadRequest` while a `firstpass prelabel` writes into the project: it would go on, whatever is removed."""
    from backend.cli.status import open_redis
    from backend.delivery.run_card import RUN_TTL_S, runs_over

    if project is None:
        return
    with open_redis(settings) as connection:
        runs = runs_over(connection, project)
    if runs:
        where = ", ".join(f"process {run.pid} on {run.host}" for run in runs)
        raise BadRequest(
            f"`firstpass prelabel` fills this project now ({where}) and would go on, so nothing was taken back: end "
            f"it with Ctrl-C, or wait for its end, then run this again (one that was killed is known for {RUN_TTL_S} s more)"
        )


def _owed(settings: Settings, project: ProjectKey | None, *, forget: bool = False) -> int:
    """The same where Redis knows it; with `forget` it owes them no more, and neither status nor `/review` tells of the project."""
    from backend.cli.status import open_redis
    from backend.delivery.failed_tasks import FailedTasks
    from backend.delivery.owed import OwedTasks
    from backend.review.kept_report import KeptReports
    from backend.review.loop_runs import KeptLoopRuns

    with open_redis(settings) as connection:
        owing = OwedTasks(connection)
        if project is not None and forget:
            FailedTasks(connection).forget_project(project)
            KeptReports(connection).forget(project)
            KeptLoopRuns(connection).forget(project)
            return owing.forget(project)
        return sum(one.tasks for one in owing.overview(0) if one.key == project)
