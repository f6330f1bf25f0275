"""`firstpass phrases`: what a project's labels ask, and what people typed for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.ends import exit_codes
from backend.cli.options import BOTH_SIDES, PROJECT_HELP, STATE, ProjectOption, with_settings
from backend.cli.running import LABEL_STUDIO, OURS
from backend.errors import FirstpassError
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.label_studio.project_key import ProjectKey
    from backend.pages.summary import Table
    from backend.projects.phrases import AskedLabel, ProjectPhrases
    from backend.review.phrase_tally import TypedPhrase

__all__ = ["phrases"]

phrases = typer.Typer(name="phrases")

LabelName = Annotated[str, typer.Argument(help="A label: its value or alias.")]
NewPhrase = Annotated[str, typer.Argument(help="What to ask for it, in English.")]
OldPhrase = Annotated[str, typer.Argument(help="The phrase to take away.")]
Control = Annotated[
    str | None,
    typer.Option(
        "--tag",
        help="Name of the one tag to change; else all tags for regions that have the label.",
    ),
]


@phrases.callback(invoke_without_command=True, epilog=exit_codes("phrases"))
@with_settings(*STATE, "label_studio_url", as_running=LABEL_STUDIO)
def list_phrases(
    settings: Settings,
    context: typer.Context,
    project: Annotated[str | None, typer.Option(help=PROJECT_HELP)] = None,
) -> None:
    """Show what a project's labels ask, and what was typed for them lately.

    How often a phrase was typed, and how many of the regions that it suggested
    were submitted, is counted for 30 days. Phrases that are kept often are
    worth adding.

    Examples:
      firstpass phrases --project 3
      firstpass phrases add --project 3 Car "red cars"
    """
    if context.invoked_subcommand is not None:
        return
    if project is None:
        raise typer.BadParameter("expected a project", param_hint="--project")
    from rich.console import Console

    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.pages.terminal import table_parts
    from backend.projects.phrases import asked_labels

    with LabelStudioApi.from_settings(settings) as api:
        found = api.project(project_id(project, api, settings))
    console = Console()
    try:
        typed = _typed(settings, found.key)
    except FirstpassError as error:
        typer.echo(f"What was typed is not known: {error}", err=True)
        typed = []
    for part in table_parts(_table(asked_labels(found.label_config), typed)):
        console.print(part)


@phrases.command("add", epilog=exit_codes("phrases add"))
@with_settings(*BOTH_SIDES, *STATE, as_running=(*LABEL_STUDIO, *OURS))
def add_phrase(
    settings: Settings,
    label: LabelName,
    phrase: NewPhrase,
    project: ProjectOption,
    tag: Control = None,
) -> None:
    """Have a label ask one phrase more.

    It is written into the project's label config, which stays otherwise as it
    is. The Firstpass that runs is asked which model_version that makes.

    Examples:
      firstpass phrases add --project 3 Car "red cars"
      firstpass phrases add --project 3 Car "red cars" --tag box
    """
    with _changing(settings, project) as (labels, number):
        changed = labels.add(number, label, phrase, tag)
    typer.echo(f"{label} asks {phrase!r} from now on: {changed.before} -> {changed.after}")


@phrases.command("remove", epilog=exit_codes("phrases remove"))
@with_settings(*BOTH_SIDES, *STATE, as_running=(*LABEL_STUDIO, *OURS))
def remove_phrase(
    settings: Settings,
    label: LabelName,
    phrase: OldPhrase,
    project: ProjectOption,
    tag: Control = None,
) -> None:
    """Have a label ask one phrase less.

    The project's label config stays otherwise as it is. A label's last phrase is
    not taken away.

    Examples:
      firstpass phrases remove --project 3 Car "red cars"
      firstpass phrases remove --project 3 Car "red cars" --tag box
    """
    with _changing(settings, project) as (labels, number):
        changed = labels.remove(number, label, phrase, tag)
    typer.echo(f"{label} asks {phrase!r} no more: {changed.before} -> {changed.after}")


@contextmanager
def _changing(settings: Settings, project: str) -> Iterator[tuple[ProjectPhrases, int]]:
    from backend.cli.which_project import project_id
    from backend.label_studio.api import LabelStudioApi
    from backend.projects.our_web import OurWeb
    from backend.projects.phrases import ProjectPhrases

    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        yield ProjectPhrases(api, web), project_id(project, api, settings)


def _typed(settings: Settings, key: ProjectKey | None) -> Sequence[TypedPhrase]:
    from backend.cli.status import open_redis
    from backend.queue.clock import RedisClock
    from backend.review.phrase_tally import PhraseTally

    if key is None:
        return []
    with open_redis(settings) as connection:
        return PhraseTally(connection, clock=RedisClock(connection)).lately(key)


def _table(asked: Sequence[AskedLabel], typed: Sequence[TypedPhrase]) -> Table:
    """A row for each label of each tag, and those whose label is gone at the end."""
    from backend.pages.summary import Table

    known = {one.label for one in asked}
    rows = [
        (
            one.control,
            one.label,
            ", ".join(one.phrases),
            "; ".join(_said(each) for each in typed if each.label == one.label),
        )
        for one in asked
    ]
    rows += [("", each.label, "gone", _said(each)) for each in typed if each.label not in known]
    return Table("", ("tag", "label", "asks", "typed lately (times asked, regions kept)"), rows)


def _said(typed: TypedPhrase) -> str:
    return f"{typed.phrase} ({typed.asked}, {typed.kept})"
