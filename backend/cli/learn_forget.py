"""`firstpass learn --forget`: what was learned of a project is taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

import typer

from backend.cli.status import open_redis
from backend.cli.which_project import project_id
from backend.delivery.project_figures import ProjectFigures
from backend.errors import FirstpassError
from backend.label_config.named_heads import without_heads
from backend.label_studio.api import LabelStudioApi
from backend.prediction.predictor import predictor_settings
from backend.projects.learned_heads import ProjectHeads
from backend.queue.heads import HeadShelf
from backend.review.loop_runs import KeptLoopRuns
from backend.settings import Settings

__all__ = ["forget_learned"]


def forget_learned(name: str, settings: Settings, *, as_json: bool) -> None:
    """Take back what was learned. Raises errors of ours."""
    with LabelStudioApi.from_settings(settings) as api, open_redis(settings) as connection:
        project = api.project(project_id(name, api, settings))
        shelf = HeadShelf(connection, settings.home)
        predictors = predictor_settings(settings, shelf.card)
        before = predictors.for_label_config(project.label_config).version
        forgotten = ProjectHeads(api, shelf, project.id).forget()
        if (
            project.key is not None
        ):  # status is told at once, whoever hears of the label config later
            ProjectFigures(connection).learned(project.key, ())
        with suppress(FirstpassError):  # the page goes on saying that it was applied, and when
            KeptLoopRuns(connection).taken_back("learn", project.id)
        plain = without_heads(project.label_config)
        after = predictors.for_label_config(plain).version
    kept = forgotten.kept
    named = [head for head in forgotten.named if head not in kept]
    if as_json:
        typer.echo(json.dumps({"forgotten": named, "kept": kept, "before": before, "after": after}))
    elif not forgotten.named:
        typer.echo(
            "The label config names nothing that was learned, so there is nothing to forget."
        )
    else:
        typer.echo(
            f"{_said(named, kept)} Predictions are of {after} from now on; before, they were of {before}.\n"
            f"Those of {before} stay in Label Studio: `firstpass prelabel project {project.id}` makes new ones, and "
            f"`firstpass prune --project {project.id}` removes old ones. Annotations stay."
        )


def _said(named: Sequence[str], kept: Mapping[str, int]) -> str:
    said = [f"Forgotten: {', '.join(named)}."] if named else []
    said += [
        f"Taken out of the label config: {head}. It is kept, since project {other} names it, too."
        for head, other in kept.items()
    ]
    return " ".join(said)
