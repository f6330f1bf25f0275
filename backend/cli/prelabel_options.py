"""What `firstpass prelabel project` and `firstpass prelabel folder` take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from backend.cli.options import RUN, WHICH, RunOptions

__all__ = ["FolderOptions", "ProjectOptions"]

_WRITTEN = "What is written"


@dataclass(frozen=True, kw_only=True)
class _PrelabelOptions(RunOptions):
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Predict a sample and draw it on a contact sheet; write nothing else.",
            rich_help_panel=RUN,
        ),
    ] = False
    sheet: Annotated[
        Path,
        typer.Option(
            help="Where --dry-run puts its sheet.", metavar="FILE.png", rich_help_panel=RUN
        ),
    ] = Path("contact-sheet.png")


@dataclass(frozen=True, kw_only=True)
class ProjectOptions(_PrelabelOptions):
    """For a project."""

    view: Annotated[
        int | None,
        typer.Option(help="Only what this Data Manager tab shows.", rich_help_panel=WHICH),
    ] = None
    filters: Annotated[
        str | None,
        typer.Option(
            "--filter",
            help="Only what matches a Data Manager filter, as JSON.",
            metavar="JSON",
            rich_help_panel=WHICH,
        ),
    ] = None
    ids: Annotated[
        str | None,
        typer.Option(help="Only these task ids: 1,2,5-9.", metavar="IDS", rich_help_panel=WHICH),
    ] = None
    labeled: Annotated[
        bool,
        typer.Option("--all", help="Also tasks that have annotations.", rich_help_panel=WHICH),
    ] = False
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Go on for new tasks until Ctrl-C.", rich_help_panel=RUN),
    ] = False


@dataclass(frozen=True, kw_only=True)
class FolderOptions(_PrelabelOptions):
    """For a folder."""

    config: Annotated[
        Path,
        typer.Option(
            help="The label config to ask by.", metavar="FILE.xml", rich_help_panel=_WRITTEN
        ),
    ]
    out: Annotated[
        Path | None,
        typer.Option(
            help="FILE.json for Label Studio to import; a folder, with --format.",
            metavar="PATH",
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    format: Annotated[
        Literal["coco", "yolo", "voc"] | None,
        typer.Option(
            help="A dataset of boxes and polygons, with the images, in place of the file. It "
            "holds no scores.",
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    split: Annotated[
        float | None,
        typer.Option(
            help="With --format: so much of the images to train on (0.9), the rest to validate "
            "with. Copies of a picture stay together.",
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    url_prefix: Annotated[
        str | None,
        typer.Option(
            help="What precedes an image's path in its task (default: /data/local-files/?d= and "
            "the folder's path below FIRSTPASS_LOCAL_FILES_ROOT).",
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links",
            help="Also files outside of the folder that links in it lead to.",
            rich_help_panel=WHICH,
        ),
    ] = False
