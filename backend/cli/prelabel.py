"""`firstpass prelabel`: predictions for a whole project, or a folder of images."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import structlog
import typer
from rich.console import Console
from rich.text import Text

from backend.cli.ends import NOT_DONE, SOME_FAILED, STOPPED
from backend.cli.options import setting
from backend.cli.prelabel_given import Given
from backend.errors import BadRequest, FirstpassError
from backend.processes.supervisor import ending_signals
from backend.settings import Settings, load_settings

if TYPE_CHECKING:
    from backend.bulk.report import Report

__all__ = ["prelabel", "quietly"]


def prelabel(
    project: Annotated[
        int | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_PROJECT",
            help="Id of a Label Studio project; needs Redis and workers, as `firstpass up` runs them.",
        ),
    ] = None,
    view: Annotated[
        int | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_VIEW", help="Only what this Data Manager tab shows."
        ),
    ] = None,
    filters: Annotated[
        str | None,
        typer.Option(
            "--filter",
            envvar="FIRSTPASS_PRELABEL_FILTER",
            help="Only what matches a Data Manager filter, as JSON.",
        ),
    ] = None,
    ids: Annotated[
        str | None,
        typer.Option(envvar="FIRSTPASS_PRELABEL_IDS", help="Only these task ids: 1,2,5-9."),
    ] = None,
    labeled: Annotated[
        bool,
        typer.Option(
            "--all/--only-unlabeled",
            envvar="FIRSTPASS_PRELABEL_ALL",
            help="Also tasks that have annotations.",
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            envvar="FIRSTPASS_PRELABEL_WATCH",
            help="Go on for new tasks until Ctrl-C.",
        ),
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_IMAGES",
            help="Folder of images, subfolders included; needs --config and --out, and no server.",
        ),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links",
            envvar="FIRSTPASS_PRELABEL_FOLLOW_LINKS",
            help="Also files outside of --images that links in it lead to.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(envvar="FIRSTPASS_PRELABEL_CONFIG", help="Label config XML for --images."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_OUT",
            help="File for Label Studio to import; with --format, a folder.",
        ),
    ] = None,
    dataset_format: Annotated[
        Literal["coco", "yolo", "voc"] | None,
        typer.Option(
            "--format",
            envvar="FIRSTPASS_PRELABEL_FORMAT",
            help="A dataset of boxes and polygons, with the images, instead. It holds no scores.",
        ),
    ] = None,
    split: Annotated[
        float | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_SPLIT",
            help="With --format: so much of the images to train on (0.9), the rest to validate with. Copies "
            "of a picture stay together.",
        ),
    ] = None,
    url_prefix: Annotated[
        str | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_URL_PREFIX",
            help="What precedes an image's path in its task (default: /data/local-files/?d= and the "
            "folder's path below FIRSTPASS_LOCAL_FILES_ROOT).",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_PRELABEL_LIMIT", min=1, help="At most so many, the first."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_PRELABEL_SAMPLE", min=1, help="So many, chosen by chance."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_SEED", help="Another number chooses another sample."
        ),
    ] = 0,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            envvar="FIRSTPASS_PRELABEL_RETRY_FAILED",
            help="Try again what failed in an earlier start of the same run.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            envvar="FIRSTPASS_PRELABEL_DRY_RUN",
            help="Predict a sample and draw it on a contact sheet; write nothing else.",
        ),
    ] = False,
    sheet: Annotated[
        Path,
        typer.Option(envvar="FIRSTPASS_PRELABEL_SHEET", help="Where --dry-run puts its sheet."),
    ] = Path("contact-sheet.png"),
    report: Annotated[
        list[Path] | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_REPORT", help="FILE.json or FILE.html; may be given twice."
        ),
    ] = None,
    model: Annotated[str | None, setting("model")] = None,
    device: Annotated[str | None, setting("device")] = None,
    dtype: Annotated[str | None, setting("dtype")] = None,
    batch_max: Annotated[int | None, setting("batch_max")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    home: Annotated[Path | None, setting("home")] = None,
) -> None:
    """Predict a whole project, or a folder of images, and report on it.

    A project's predictions are written into Label Studio as they come, each
    task once, whoever else writes. For a folder the models run in this
    process, and a file is written that Label Studio imports, or a dataset.

    Stopped, by Ctrl-C or worse, the same command goes on where it was and
    repeats nothing.

    Exit codes: 0 everything is predicted; 3 done, but some images failed,
    each with its reason; 2 an error stopped it; 130 it was interrupted.
    """
    from backend.bulk.report_files import check_report_paths, write_reports
    from backend.bulk.report_table import report_tables

    console = Console(stderr=True)
    given = Given(
        project=project,
        view=view,
        filters=filters,
        ids=ids,
        labeled=labeled,
        watch=watch,
        images=images,
        follow_links=follow_links,
        config=config,
        out=out,
        format=dataset_format,
        split=split,
        url_prefix=url_prefix,
        limit=limit,
        sample=sample,
        seed=seed,
        retry_failed=retry_failed,
        dry_run=dry_run,
        sheet=sheet,
    )
    try:
        settings = load_settings(
            model=model,
            device=device,
            dtype=dtype,
            batch_max=batch_max,
            score_threshold=score_threshold,
            label_studio_url=label_studio_url,
            redis_url=redis_url,
            home=home,
        )
        check_report_paths(report or ())
        with ending_signals(), quietly():
            done = _run(given, settings, console)
        for table in report_tables(done):
            Console().print(table)
        write_reports(done, report or ())
    except KeyboardInterrupt:
        console.print(Text("Stopped. The same command goes on from here.", style="yellow"))
        raise typer.Exit(STOPPED) from None
    except FirstpassError as error:
        console.print(Text(f"firstpass: {error}"), soft_wrap=True)
        raise typer.Exit(NOT_DONE) from error
    if not done.complete:
        raise typer.Exit(SOME_FAILED)


def _run(given: Given, settings: Settings, console: Console) -> Report:
    """The project or the folder. Raises `BadRequest` for options that do not go together."""
    if (given.project is None) == (given.images is None):
        raise BadRequest("expected either --project ID or --images FOLDER")
    if given.project is not None:
        from backend.cli.prelabel_project import prelabel_project

        return prelabel_project(given.for_project(), settings, console)
    from backend.cli.prelabel_folder import prelabel_folder

    return prelabel_folder(given.for_folder(), settings, console)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep log lines below errors off the terminal, where the progress is; errors go beside it."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
