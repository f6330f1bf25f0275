"""`firstpass plan FILE.xml`: what would be asked for a label config, tag by tag."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.options import setting
from backend.engine import engine_for
from backend.label_studio.model_version import model_version
from backend.plan import Plan, Step, plan_label_config
from backend.settings import load_settings

__all__ = ["plan"]


def plan(
    file: Annotated[Path, typer.Argument(help="A label config.", exists=True, dir_okay=False)],
    model: Annotated[str | None, setting("model")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
) -> None:
    """Show label -> phrases -> threshold for each control tag, and the tags that are not served."""
    settings = load_settings(model=model, score_threshold=score_threshold)
    engine = engine_for(settings.model)
    planned = plan_label_config(file.read_text(encoding="utf-8"), settings.score_threshold, engine)
    console = Console()
    for step in planned.steps:
        console.print(_table(step))
    for tag in planned.unserved:
        console.print(Text(f"not served: {tag}", style="yellow"))
    _print_version(console, planned, model_version(engine.name, engine.fingerprint, planned))


def _table(step: Step) -> Table:
    control = step.control
    table = Table(
        title=Text(
            f"{control.kind} {control.name!r} on {control.to_name!r} (${step.image.data_key}): "
            f"asked by {type(step.query).__name__}"
        ),
        title_justify="left",
    )
    for column in ("label", "phrases", "threshold"):
        table.add_column(column)
    for label in control.labels:
        table.add_row(
            Text(label.value), Text(", ".join(label.phrases)), f"{step.threshold(label):g}"
        )
    return table


def _print_version(console: Console, planned: Plan, version: str) -> None:
    queries = sum(len(planned.queries(image)) for image in planned.images)
    console.print(Text(f"{queries} queries per task; model_version {version}"))
