"""`firstpass search`: images and regions by words, or by what they are like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.index import ImagesOption, one_of_both
from backend.cli.options import MODELS, PROJECT_HELP, STATE, AsJson, run, which, with_settings
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

__all__ = ["SearchOptions", "search"]


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What is searched, and what is made of it."""

    project: Annotated[str | None, which("--project", help=PROJECT_HELP)] = None
    images: ImagesOption = None
    like: Annotated[
        str | None,
        which(
            help="What it is to be like: a task's id, TASK:REGION, an image of the folder, or a file.",
            metavar="WHAT",
        ),
    ] = None
    label: Annotated[str | None, which(help="Only regions with this label.")] = None
    over: Annotated[
        str, which(help="Search over regions, images, or any: the better of both for each image.")
    ] = "any"
    top: Annotated[int, run(help="So many images, the best.", min=1, max=500)] = 20
    tab: Annotated[
        str | None, run(help="Make a tab of what was found, under this name.", metavar="NAME")
    ] = None
    out: Annotated[
        Path | None, run(help="Draw what was found into this file.", metavar="FILE.png")
    ] = None
    as_json: AsJson = False


@with_settings(
    *MODELS,
    "label_studio_url",
    *STATE,
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def search(
    settings: Settings,
    options: SearchOptions,
    text: Annotated[
        str | None, typer.Argument(help="What to look for, in words.", metavar="TEXT")
    ] = None,
) -> None:
    """Find images, and what is in them, by words or by likeness.

    Of each image the region that fits best, or the whole of it. What counts is
    by how much it fits better than a sample of all (z, in standard deviations).
    Needs an index, which `firstpass index` makes. With --label the words are
    looked for among that label's regions only.

    Examples:
      firstpass search --project 3 "red star at night"
      firstpass search --project 3 --label Car "rusty" --tab rusty
      firstpass search --project 3 --like 17 --out like-17.png
      firstpass search --images photos/ "red star"
    """
    one_of_both(options.project, options.images)
    if (text is None) == (options.like is None):
        got = "both" if text is not None else "neither"
        raise BadRequest(f"expected words to search for, or --like, got {got}")
    if options.over not in ("any", "images", "regions"):
        raise BadRequest(f"expected --over any, images or regions, got {options.over!r:.40}")
    if options.tab is not None and options.project is None:
        raise BadRequest("expected --tab with --project: a folder has no tabs")
    from backend.cli.search_run import search_images

    search_images(text, options, settings)
