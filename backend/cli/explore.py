"""`firstpass explore`: what a set of images holds, what it lacks, and what is odd in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from backend.cli.index import ImagesOption, one_of_both
from backend.cli.options import MODELS, PROJECT_HELP, STATE, AsJson, run, which, with_settings
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.errors import BadRequest
from backend.explore.findings import QUESTIONS, Question
from backend.settings import Settings

__all__ = ["ExploreOptions", "asked", "explore"]

#: What a tab is made of.
TABBED: tuple[Question, ...] = ("copies", "outliers")


@dataclass(frozen=True, kw_only=True)
class ExploreOptions:
    """What is explored, and where what is found is shown."""

    project: Annotated[str | None, which("--project", help=PROJECT_HELP)] = None
    images: ImagesOption = None
    against: Annotated[
        str | None,
        which(help="Another set, to see where they differ: a folder or a project.", metavar="SET"),
    ] = None
    only: Annotated[
        str | None,
        run(help=f"Only these, with commas between: {', '.join(QUESTIONS)}.", metavar="WHAT"),
    ] = None
    words: Annotated[
        str | None,
        run(help="What clusters may be called, with commas between.", metavar="WORDS"),
    ] = None
    seed: Annotated[int, run(help="Another number gives other clusters and another map.")] = 0
    tab: Annotated[
        bool, run("--tab", help="Make tabs of the copies and of the outliers in Label Studio.")
    ] = False
    report: Annotated[
        Path | None, run(help="Write a page with thumbnails, one file.", metavar="FILE.html")
    ] = None
    as_json: AsJson = False


@with_settings(
    *MODELS,
    "label_studio_url",
    *STATE,
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def explore(settings: Settings, options: ExploreOptions) -> None:
    """Tell what a set of images holds, lacks, and what is odd in it.

    Copies and near copies, clusters with names, labels that are missing from
    scenes, outliers, image quality, and a map. With --against also how far
    another set is told apart from this one, and by what. Needs an index, which
    `firstpass index` makes, of either set. What is found is kept beside the
    index. No image is deleted, and no annotation is written.

    Examples:
      firstpass explore --project 3
      firstpass explore --project 3 --report explored.html
      firstpass explore --project 3 --only copies,outliers --tab
      firstpass explore --images photos/ --against old-photos/
    """
    one_of_both(options.project, options.images)
    questions = asked(options)
    if options.tab and options.project is None:
        raise BadRequest("expected --tab with --project: a folder has no tabs")
    if options.tab and not set(TABBED) & set(questions):
        raise BadRequest(
            "expected --tab with copies or outliers among --only: of others no tab is made"
        )
    from backend.cli.explore_run import explore_images

    explore_images(options, questions, settings)


def asked(options: ExploreOptions) -> list[Question]:
    """Give the questions that are asked. Raises `BadRequest` for one that there is not."""
    named = [] if options.only is None else options.only.split(",")
    named = [one for one in map(str.strip, named) if one]
    unknown = [one for one in named if one not in QUESTIONS]
    if unknown or (options.only is not None and not named):
        got = repr(unknown[0] if unknown else options.only)[:60]
        raise BadRequest(f"expected --only of {', '.join(QUESTIONS)}; got {got}")
    if "drift" in named and options.against is None:
        raise BadRequest("expected --against with --only drift: what the set is held against")
    wanted = set(named or QUESTIONS)
    if options.against is not None:
        wanted.add("drift")  # else it would be given for nothing
    else:
        wanted.discard("drift")
    return [one for one in QUESTIONS if one in wanted]
