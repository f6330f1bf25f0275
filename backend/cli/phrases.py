"""`firstpass phrases`: what a project's labels ask, and what people typed for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.options import setting
from backend.errors import FirstpassError
from backend.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from backend.projects.phrases import AskedLabel, ProjectPhrases
    from backend.review.phrase_tally import TypedPhrase

__all__ = ["phrases"]

phrases = typer.Typer()

Project = Annotated[
    int, typer.Option(envvar="FIRSTPASS_PROJECT", help="The project's id, as in its address.")
]
LabelName = Annotated[str, typer.Argument(help="A label: its value or alias.")]
Phrase = Annotated[str, typer.Argument(help="What to ask for it, in English.")]
Control = Annotated[
    str | None,
    typer.Option(
        "--tag",
        envvar="FIRSTPASS_TAG",
        help="Name of the one tag to change; else all tags for regions that have the label.",
    ),
]


@phrases.callback(invoke_without_command=True)
def list_phrases(
    context: typer.Context,
    project: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_PROJECT", help="The project's id, as in its address."),
    ] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    home: Annotated[Path | None, setting("home")] = None,
) -> None:
    """Show what each label of a project asks, and what annotators typed for it lately.

    How often a phrase was typed, and how many of the regions that it suggested were
    submitted, is counted for 30 days. Phrases that are kept often are worth adding.
    """
    if context.invoked_subcommand is not None:
        return
    if project is None:
        raise typer.BadParameter("expected a project's id", param_hint="--project")
    from rich.console import Console

    from backend.label_studio.api import LabelStudioApi
    from backend.projects.phrases import asked_labels

    settings = load_settings(label_studio_url=label_studio_url, redis_url=redis_url, home=home)
    with LabelStudioApi.from_settings(settings) as api:
        found = api.project(project)
    console = Console()
    try:
        typed = _typed(settings, found)
    except FirstpassError as error:
        typer.echo(f"What was typed is not known: {error}", err=True)
        typed = []
    console.print(_table(asked_labels(found["label_config"]), typed))


@phrases.command("add")
def add_phrase(
    label: LabelName,
    phrase: Phrase,
    project: Project,
    tag: Control = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    public_url: Annotated[str | None, setting("public_url")] = None,
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
) -> None:
    """Have a label ask one phrase more.

    It is written into the project's label config, which stays otherwise as it is. The
    Firstpass that runs is asked which model_version that makes.
    """
    settings = load_settings(
        label_studio_url=label_studio_url, public_url=public_url, host=host, port=port
    )
    with _changing(settings) as labels:
        changed = labels.add(project, label, phrase, tag)
    typer.echo(f"{label} asks {phrase!r} from now on: {changed.before} -> {changed.after}")


@phrases.command("remove")
def remove_phrase(
    label: LabelName,
    phrase: Phrase,
    project: Project,
    tag: Control = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    public_url: Annotated[str | None, setting("public_url")] = None,
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
) -> None:
    """Have a label ask one phrase less."""
    settings = load_settings(
        label_studio_url=label_studio_url, public_url=public_url, host=host, port=port
    )
    with _changing(settings) as labels:
        changed = labels.remove(project, label, phrase, tag)
    typer.echo(f"{label} asks {phrase!r} no more: {changed.before} -> {changed.after}")


@contextmanager
def _changing(settings: Settings) -> Iterator[ProjectPhrases]:
    from backend.label_studio.api import LabelStudioApi
    from backend.projects.our_web import OurWeb
    from backend.projects.phrases import ProjectPhrases

    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        yield ProjectPhrases(api, web)


def _typed(settings: Settings, project: dict[str, object]) -> Sequence[TypedPhrase]:
    from backend.cli.status import open_redis
    from backend.label_studio.project_key import ProjectKey
    from backend.queue.clock import RedisClock
    from backend.review.phrase_tally import PhraseTally

    key = ProjectKey.of(project)
    if key is None:
        return []
    with open_redis(settings) as connection:
        return PhraseTally(connection, clock=RedisClock(connection)).lately(key)


def _table(asked: Sequence[AskedLabel], typed: Sequence[TypedPhrase]) -> Table:
    """A row for each label of each tag, and those whose label is gone at the end."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("tag", "label", "asks", "typed lately (times asked, regions kept)"):
        table.add_column(name, overflow="fold")
    for one in asked:
        lately = [each for each in typed if each.label == one.label]
        said = "; ".join(f"{each.phrase} ({each.asked}, {each.kept})" for each in lately)
        cells = (one.control, one.label, ", ".join(one.phrases), said)
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    known = {one.label for one in asked}
    for each in typed:
        if each.label not in known:
            said = f"{each.phrase} ({each.asked}, {each.kept})"
            table.add_row("", Text(_printable(each.label)), "gone", Text(_printable(said)))
    return table


def _printable(text: str) -> str:
    from backend.wording import printable

    return printable(text)
