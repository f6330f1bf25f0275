"""What `firstpass prelabel project` and `firstpass prelabel folder` take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from backend.cli.options import RunOptions, run, which

__all__ = ["FolderOptions", "ProjectOptions", "said_of_sheet"]

written = partial(typer.Option, rich_help_panel="What is written")


@dataclass(frozen=True, kw_only=True)
class _PrelabelOptions(RunOptions):
    dry_run: Annotated[
        bool, run(help="Predict a sample and draw it on a contact sheet; write nothing else.")
    ] = False
    sheet: Annotated[
        Path,
        run(
            help="Where --dry-run puts its sheet; a page with sliders goes beside it, as FILE.html.",
            metavar="FILE.png",
        ),
    ] = Path("contact-sheet.png")

    @property
    def wants_page(self) -> bool:
        """Whether a report is a page, which pictures are made for."""
        return any(path.suffix.lower() == ".html" for path in self.report or ())


@dataclass(frozen=True, kw_only=True)
class ProjectOptions(_PrelabelOptions):
    """For a project."""

    view: Annotated[int | None, which(help="Only what this Data Manager tab shows.")] = None
    filters: Annotated[
        str | None,
        which("--filter", help="Only what matches a Data Manager filter, as JSON.", metavar="JSON"),
    ] = None
    ids: Annotated[str | None, which(help="Only these task ids: 1,2,5-9.", metavar="IDS")] = None
    labeled: Annotated[bool, which("--all", help="Also tasks that have annotations.")] = False
    watch: Annotated[bool, run(help="Go on for new tasks until Ctrl-C.")] = False


@dataclass(frozen=True, kw_only=True)
class FolderOptions(_PrelabelOptions):
    """For a folder."""

    config: Annotated[Path, written(help="The label config to ask by.", metavar="FILE.xml")]
    out: Annotated[
        Path | None,
        written(
            help="FILE.json for Label Studio to import; a folder, with --format.", metavar="PATH"
        ),
    ] = None
    format: Annotated[
        Literal["coco", "yolo", "voc"] | None,
        written(
            help="A dataset of boxes and polygons, with the images, in place of the file. It "
            "holds no scores."
        ),
    ] = None
    split: Annotated[
        float | None,
        written(
            help="With --format: so much of the images to train on (0.9), the rest to validate "
            "with. Copies of a picture stay together."
        ),
    ] = None
    url_prefix: Annotated[
        str | None,
        written(
            help="What precedes an image's path in its task (default: /data/local-files/?d= and "
            "the folder's path below FIRSTPASS_LOCAL_FILES_ROOT)."
        ),
    ] = None
    follow_links: Annotated[
        bool, which(help="Also files outside of the folder that links in it lead to.")
    ] = False


def said_of_sheet(sheet: Path) -> str:
    """What a dry run says in the end."""
    page = sheet.with_suffix(".html")
    return f"contact sheet: {sheet}; to try thresholds by looking, open {page} in a browser"
