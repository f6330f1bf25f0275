"""`firstpass prelabel`: predictions for a whole folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.options import setting
from backend.errors import BadRequest, FirstpassError
from backend.settings import load_settings
from backend.supervisor import ending_signals

__all__ = ["prelabel"]

NOT_DONE, SOME_FAILED, STOPPED = 1, 3, 130


def prelabel(
    images: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_PRELABEL_IMAGES",
            help="Folder of images, subfolders included; needs --config and --out, and no server.",
        ),
    ] = None,
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
    home: Annotated[Path | None, setting("home")] = None,
) -> None:
    """Predict a whole folder, and report on it.

    Stopped, by Ctrl-C or worse, the same command goes on where it was and repeats nothing.

    Exit codes: 0 everything is predicted; 3 done, but some images failed, each with its reason; 1 an error
    stopped it; 130 it was interrupted.
    """
    from backend.bulk.report_files import check_report_paths, write_reports
    from backend.bulk.report_table import report_tables
    from backend.cli.prelabel_folder import FolderOptions, prelabel_folder

    console = Console(stderr=True)
    try:
        settings = load_settings(
            model=model,
            device=device,
            dtype=dtype,
            batch_max=batch_max,
            score_threshold=score_threshold,
            home=home,
        )
        check_report_paths(report or ())
        if images is None or config is None:
            raise BadRequest("expected --images FOLDER and --config FILE.xml")
        options = FolderOptions(
            images=images,
            config=config,
            out=out,
            format=dataset_format,
            url_prefix=url_prefix,
            limit=limit,
            sample=sample,
            seed=seed,
            retry_failed=retry_failed,
            dry_run=dry_run,
            sheet=sheet,
        )
        with ending_signals():
            done = prelabel_folder(options, settings, console)
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
