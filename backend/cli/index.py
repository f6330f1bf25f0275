"""`firstpass index`: the vectors, looks and thumbnails of all images and of what is marked in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.ends import SOME_FAILED, going_on
from backend.cli.options import MODELS, PROJECT_HELP, STATE, AsJson, run, which, with_settings
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

__all__ = ["ImagesOption", "IndexOptions", "index", "one_of_both"]

ImagesOption = Annotated[
    Path | None, which("--images", help="A folder of images, in place of a project.", metavar="DIR")
]


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """What is indexed, and for how long."""

    project: Annotated[str | None, which("--project", help=PROJECT_HELP)] = None
    images: ImagesOption = None
    config: Annotated[
        Path | None,
        which(help="Of a folder: index what this label config finds, too.", metavar="FILE.xml"),
    ] = None
    watch: Annotated[
        bool, run(help="Go on, and index what is added or changed, until it is ended.")
    ] = False
    every: Annotated[float, run(help="Seconds between two looks of --watch.", min=1)] = 30.0
    as_json: AsJson = False


@with_settings(
    *MODELS,
    "label_studio_url",
    "local_files_root",
    *STATE,
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def index(settings: Settings, options: IndexOptions) -> None:
    """Keep what is known of images by their vectors, for search and more.

    Of each image and of each box in it: a vector, a perceptual hash, how bright
    and sharp it is, and a thumbnail. Boxes are those that people submitted; of
    a task without any, those that are predicted. Only what is new or changed is
    asked of the workers; of a folder the models are asked in this process. The
    index is under FIRSTPASS_HOME; nothing is written into Label Studio.

    Examples:
      firstpass index --project 3
      firstpass index --project 3 --watch
      firstpass index --images photos/
    """
    one_of_both(options.project, options.images)
    if options.config is not None and options.images is None:
        raise BadRequest("expected --config with --images: a project has a label config")
    from backend.cli.index_run import index_images

    with going_on():
        failed = index_images(options, settings)
    if failed:
        raise typer.Exit(SOME_FAILED)


def one_of_both(project: str | None, images: Path | None) -> None:
    """Raise `BadRequest` unless exactly one of the two is given."""
    if (project is None) == (images is None):
        got = "both" if images is not None else "neither"
        raise BadRequest(f"expected --project or --images, got {got}")
