"""`firstpass plan FILE.xml`: what would be asked for a label config, tag by tag."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.options import STATE, with_settings
from backend.cli.running import ANSWERS
from backend.label_config.control_tags import ChoicesTag, CountTag, TextTag
from backend.label_config.label_config import parse_label_config
from backend.label_config.label_config_file import label_config_in
from backend.pages.summary import Table
from backend.pages.terminal import say, table_parts
from backend.prediction.plan import Plan, Step
from backend.prediction.predictor import predictor_settings
from backend.queue.heads import HeadShelf
from backend.settings import Settings
from models.queries import PerBox, Query

__all__ = ["plan"]

#: What Label Studio does with a note tag that does not say otherwise.
_SUBMITTED = (
    "what is said there is submitted with annotations; to keep it out, set "
    'visibleWhen="choice-selected" whenTagName="{}" on that tag, which stays in sight'
)


@with_settings("model", "score_threshold", *STATE, as_running=ANSWERS)
def plan(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="A label config.", exists=True, dir_okay=False)],
) -> None:
    """Show what would be asked for a label config, tag by tag.

    Label -> phrases -> threshold for each control tag, and the tags that are
    not served, each with its reason.

    Examples:
      firstpass plan label_config/demo.xml
      firstpass plan label_config/demo.xml --model tiny --score-threshold 0.4
    """
    xml = label_config_in(file)
    heads = HeadShelf(None, settings.home).card
    predictor = predictor_settings(settings, heads).for_label_config(xml)
    planned = predictor.plan
    console = Console()
    for step in planned.steps:
        say(console, _title(step), "bold")
        console.print(*table_parts(_table(step)))
    config = parse_label_config(xml)
    for prompt in config.prompts:
        asked = f"TextArea {prompt.name!r} on {prompt.to_name!r}: what people type is looked for"
        say(console, asked, "bold")
    for note in config.notes:
        told = f"TextArea {note.name!r} on {note.to_name!r}: what became of a prompt or a drawn shape is said there"
        say(console, told, "bold")
        if not note.is_left_out:
            say(console, _SUBMITTED.format(note.name), "yellow")
    for tag in planned.unserved:
        console.print(Text(tag.note, style="" if tag.is_wanted else "yellow"))
    for complaint in predictor.complaints:
        say(console, complaint, "yellow")
    _print_version(console, planned, predictor.version)


def _table(step: Step) -> Table:
    rows = [
        (
            " / ".join(label.path) or label.value,
            ", ".join(label.phrases),
            f"{step.threshold(label):g}",
        )
        for label in step.control.labels
    ]
    whole = [(_whole(step), "", f"{step.threshold():g}")]
    return Table("", ("label", "phrases", "threshold#"), rows or whole)


def _title(step: Step) -> str:
    """The tag, what it is about, and the query that fills it."""
    control = step.control
    tag = f"{control.kind} {control.name!r} on {control.to_name!r} ({step.image.expression})"
    names = ", ".join(repr(base.control.name) for base in step.bases)
    about = "counting" if isinstance(control, CountTag) else "for each region of"
    return f"{tag}{f', {about} {names}' if names else ''}: asked by {_asked_by(step)}"


def _asked_by(step: Step) -> str:
    asked = [_queried(step.query)]
    if step.learned is not None and step.judging is not None:
        asked.append(f"what was learned ({step.learned.head}) judges it")
    if step.judging_places is not None:
        asked.append(f"and what {_named(step.judging_places.boxes)} finds besides")
    if step.fitting:
        asked.append("boxes are drawn around what stands out in them (Contour)")
    return "; ".join(asked)


def _queried(query: Query) -> str:
    match query:
        case PerBox(boxes=boxes, ask=ask, model=model):
            what = ask if isinstance(ask, str) else type(ask).__name__
            return f"{_named(boxes)}, then {what} of each box{_of(model)}"
        case _:
            return _named(query)


def _named(query: Query) -> str:
    return f"{type(query).__name__}{_of(query.model)}"


def _of(model: str | None) -> str:
    return "" if model is None else f" ({model})"


def _whole(step: Step) -> str:
    """What stands in place of labels for a tag that has none."""
    match step.control:
        case TextTag(task=task):
            return task
        case CountTag(label=label):
            return f"number of {label or 'all labels'}"
        case ChoicesTag(options_key=key):
            return f"from the task: ${key}"
        case _:
            return ""


def _print_version(console: Console, planned: Plan, version: str) -> None:
    queries = sum(len(planned.queries(image)) for image in planned.images)
    many = "1 query" if queries == 1 else f"{queries} queries"
    console.print(Text(f"{many} per task; model_version {version}"))
