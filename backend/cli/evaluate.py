"""`firstpass evaluate`: how good the models are on images that people have labelled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.ends import NOT_DONE, SOME_FAILED, STOPPED
from backend.cli.evaluate_given import EvaluateGiven
from backend.cli.options import setting
from backend.cli.prelabel import quietly
from backend.errors import FirstpassError
from backend.processes.supervisor import ending_signals
from backend.settings import load_settings

if TYPE_CHECKING:
    from backend.cli.evaluate_run import Measured
    from backend.evaluation.report import EvaluationReport

__all__ = ["evaluate"]


def evaluate(
    project: Annotated[
        int | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_PROJECT",
            help="Id of a Label Studio project: its annotations, asked by its label config.",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_EXPORT",
            help="Label Studio's JSON export; images are fetched, or taken from --images.",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(envvar="FIRSTPASS_EVALUATE_IMAGES", help="Folder of images, or of a dataset."),
    ] = None,
    dataset_format: Annotated[
        Literal["coco", "yolo", "voc"] | None,
        typer.Option(
            "--format", envvar="FIRSTPASS_EVALUATE_FORMAT", help="How the folder is annotated."
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_ANNOTATIONS",
            help="The COCO file, YOLO's data.yaml, or the folder of VOC files, where it lies elsewhere.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_SPLIT", help="Only this split of a YOLO or VOC dataset."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_CONFIG",
            help="Label config XML to ask by; without it the dataset's classes are the labels.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_EVALUATE_LIMIT", min=1, help="At most so many, the first."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(envvar="FIRSTPASS_EVALUATE_SAMPLE", min=1, help="So many, chosen by chance."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_SEED", help="Another number chooses another sample."
        ),
    ] = 0,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            envvar="FIRSTPASS_EVALUATE_RETRY_FAILED",
            help="Try again what failed in an earlier start of the same run.",
        ),
    ] = False,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            envvar="FIRSTPASS_EVALUATE_SWEEP",
            help="Compare ways of asking: joined, detect, beams, gate, tiles; says which to take.",
        ),
    ] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_AGAINST",
            help="Compare with these models too, written as for --model; may be given again.",
        ),
    ] = None,
    write_thresholds: Annotated[
        bool,
        typer.Option(
            "--write-thresholds",
            envvar="FIRSTPASS_EVALUATE_WRITE_THRESHOLDS",
            help="Put the best threshold of each label into the label config (the project's, or --config).",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", envvar="FIRSTPASS_JSON", help="Print JSON instead of tables."),
    ] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            envvar="FIRSTPASS_EVALUATE_REPORT",
            help="FILE.html (with the worst images drawn) or FILE.json; may be given twice.",
        ),
    ] = None,
    model: Annotated[str | None, setting("model")] = None,
    device: Annotated[str | None, setting("device")] = None,
    dtype: Annotated[str | None, setting("dtype")] = None,
    batch_max: Annotated[int | None, setting("batch_max")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    local_files_root: Annotated[Path | None, setting("local_files_root")] = None,
    home: Annotated[Path | None, setting("home")] = None,
) -> None:
    """Measure the models on images that people have labelled.

    Boxes per label: precision, recall and F1, average precision, how far the
    scores can be trusted, and the best threshold; choices likewise. The models
    run in this process, asked exactly as /predict asks them; without Redis, and
    for folders and exports without Label Studio.

    Stopped, by Ctrl-C or worse, the same command goes on where it was. Other
    thresholds and annotations ask the models nothing again.

    Exit codes: 0 everything is measured; 3 done, but some images failed, each
    with its reason; 2 an error stopped it; 130 it was interrupted.
    """
    from backend.bulk.report_files import check_report_paths
    from backend.cli.evaluate_run import evaluate_images

    console = Console(stderr=True)
    given = EvaluateGiven(
        project=project,
        export=export,
        images=images,
        format=dataset_format,
        annotations=annotations,
        split=split,
        config=config,
        limit=limit,
        sample=sample,
        seed=seed,
        retry_failed=retry_failed,
        sweep=sweep,
        against=tuple(against or ()),
        write_thresholds=write_thresholds,
    )
    try:
        options = given.options()
        settings = load_settings(
            model=model,
            device=device,
            dtype=dtype,
            batch_max=batch_max,
            score_threshold=score_threshold,
            label_studio_url=label_studio_url,
            local_files_root=local_files_root,
            home=home,
        )
        check_report_paths(report or ())
        with ending_signals(), quietly():
            done = evaluate_images(options, settings, console)
            _write(done, report or [])
        _print(done.report, as_json=as_json)
    except KeyboardInterrupt:
        console.print(Text("Stopped. The same command goes on from here.", style="yellow"))
        raise typer.Exit(STOPPED) from None
    except FirstpassError as error:
        console.print(Text(f"firstpass: {error}"), soft_wrap=True)
        raise typer.Exit(NOT_DONE) from error
    if not done.report.complete:
        raise typer.Exit(SOME_FAILED)


def _print(report: EvaluationReport, *, as_json: bool) -> None:
    from backend.evaluation.report_table import evaluation_tables
    from backend.wording import printable

    if as_json:
        typer.echo(report.to_json(), nl=False)
        return
    console = Console()
    for table in evaluation_tables(report):
        console.print(table)
    if report.written is None:
        return
    for change in report.thresholds:
        typer.echo(printable(change.line))
    place, count = report.written.place, report.written.count
    if count:
        versions = f"{report.written.before} -> {report.written.after}"
        typer.echo(f"{count} thresholds written to {place}: {versions}")
    else:
        typer.echo(f"nothing to write to {place}: it stays {report.written.before}")


def _write(done: Measured, paths: list[Path]) -> None:
    """The report in each file. Raises `OutputUnwritable`."""
    from backend.evaluation.report_page import evaluation_page
    from backend.runs.output_file import writing

    for path in paths:
        is_json = path.suffix.lower() == ".json"
        text = done.report.to_json() if is_json else evaluation_page(done.report, done.pictures())
        with writing(path) as file:
            file.write(text.encode())
