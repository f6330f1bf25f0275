"""`firstpass learn`: what people's annotations teach the predictions of a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from backend.cli.options import STATE, AsJson, ProjectOption, with_settings
from backend.cli.running import ANSWERS, LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

__all__ = ["LearnOptions", "learn"]


@dataclass(frozen=True, kw_only=True)
class LearnOptions:
    """What is done with it."""

    apply: Annotated[
        bool, typer.Option(help="Name what was learned in the project's label config.")
    ] = False
    forget: Annotated[
        bool, typer.Option(help="Take back what was learned; predictions are as before.")
    ] = False
    as_json: AsJson = False


@with_settings(
    "model", "label_studio_url", "local_files_root", *STATE, as_running=(*ANSWERS, *LABEL_STUDIO)
)
def learn(settings: Settings, project: ProjectOption, options: LearnOptions) -> None:
    """Learn from the annotations that people reviewed.

    For each label: whether its boxes and choices are called rightly more often
    by the look of what people submitted, whether boxes drawn as people draw
    them overlap theirs more, and whether what people delete can be left out.
    Each is switched on only where a gain is shown on images that had no part in
    it. The workers are asked, which must run. Without --apply nothing is written.

    Examples:
      firstpass learn --project 3
      firstpass learn --project 3 --apply
      firstpass learn --project 3 --forget
    """
    if options.apply and options.forget:
        raise BadRequest("expected --apply or --forget, not both")
    if options.forget:
        from backend.cli.learn_forget import forget_learned

        forget_learned(project, settings, as_json=options.as_json)
    else:
        from backend.cli.learn_run import learn_project

        learn_project(project, options, settings)
