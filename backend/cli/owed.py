"""`firstpass owed`: the tasks that are still to get their prediction; seen, and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.options import PROJECT_HELP, STATE, with_settings
from backend.cli.running import LABEL_STUDIO
from backend.cli.status import open_redis
from backend.errors import SettingsError
from backend.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.delivery.owed import OwedProject, OwedTasks

__all__ = ["owed"]

#: Tasks of a project that are shown without being asked for.
MOST = 20


@with_settings(*STATE, "label_studio_url", as_running=LABEL_STUDIO)
def owed(
    settings: Settings,
    tasks: Annotated[
        list[int] | None,
        typer.Argument(help="Tasks by their ids, with --project.", metavar="TASK"),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help=f"{PROJECT_HELP} Only what it is owed.")
    ] = None,
    drop: Annotated[
        bool, typer.Option(help="Owe these no more: with --project, all, or TASKs.")
    ] = False,
    most: Annotated[int, typer.Option(help="Tasks of a project to show.", min=0)] = MOST,
) -> None:
    """Show the tasks that the courier still owes their prediction, and why.

    With --drop and a project it owes them no more: Label Studio keeps them as
    they are, and opening such a task asks for its prediction anew.

    Examples:
      firstpass owed
      firstpass owed 12 17 --project 4 --drop
    """
    from backend.cli.which_project import project_id_in
    from backend.delivery.owed import OwedTasks

    if (drop or tasks) and project is None:
        raise SettingsError(
            "expected --project beside tasks and --drop: `firstpass owed` lists them"
        )
    number = None if project is None else project_id_in(project, settings)
    with open_redis(settings) as connection:
        owing = OwedTasks(connection)
        found = [one for one in owing.overview(most) if number in (None, one.key.id)]
        console = Console(soft_wrap=True)
        if number is not None and not found:
            raise SettingsError(f"project {number} is owed nothing: `firstpass owed` lists who is")
        if drop:
            console.print(Text(_dropped(owing, found, tasks or ())))
        else:
            for line in _lines(found, tasks or (), owing.now()):
                console.print(Text(line))


def _dropped(owing: OwedTasks, found: Sequence[OwedProject], tasks: Sequence[int]) -> str:
    before = sum(one.tasks for one in found)
    for one in found:
        if tasks:
            owing.settle(one.key, tasks)
        else:
            owing.forget(one.key)
    dropped = before - sum(one.tasks for one in owing.overview(0) if one.key in _keys(found))
    return f"{_counted(dropped)} dropped."


def _keys(found: Sequence[OwedProject]) -> set[object]:
    return {one.key for one in found}


def _lines(found: Sequence[OwedProject], tasks: Sequence[int], now: float) -> list[str]:
    from backend.wording import printable

    lines = []
    for one in found:
        lines.append(f"project {one.key.id}: {_counted(one.tasks)} owed")
        if one.put_off is not None:
            lines.append(f"  put off: {printable(one.put_off)}")
        shown = [each for each in one.first if not tasks or each[0] in tasks]
        for task, at, tries in shown:
            when = "now" if at <= now else f"in {at - now:.0f} s"
            again = f", failed {tries} times" if tries else ""
            lines.append(f"  task {task}: due {when}{again}")
        if not tasks and one.tasks > len(one.first):
            lines.append(f"  and {one.tasks - len(one.first)} more")
    return lines or ["Nothing is owed."]


def _counted(tasks: int) -> str:
    return f"{tasks} task" if tasks == 1 else f"{tasks} tasks"
