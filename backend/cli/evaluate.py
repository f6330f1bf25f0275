"""`firstpass evaluate`: how good the models are on images that people have labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from backend.cli.ends import SOME_FAILED, exit_codes, going_on
from backend.cli.options import MODELS, PROJECT_HELP, STATE, AsJson, RunOptions, run, with_settings
from backend.cli.prelabel import quietly
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO
from backend.errors import BadRequest
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.evaluation.labelled import LabelledSet
    from backend.evaluation.report import EvaluationReport
    from backend.evaluation.sources import Source

__all__ = ["EvaluateOptions", "evaluate"]

evaluate = typer.Typer(
    name="evaluate",
    help="Measure the models on images that people have labelled.",
    no_args_is_help=True,
)

Config = Annotated[
    Path | None,
    typer.Option(
        help="Label config to ask by; without it the labels that are there are asked.",
        metavar="FILE.xml",
    ),
]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(RunOptions):
    """What each kind of labelled images takes."""

    sweep: Annotated[
        bool,
        run(help="Compare ways of asking: joined, detect, beams, gate, tiles; says which to take."),
    ] = False
    against: Annotated[
        list[str] | None,
        run(
            help="Compare with these models too, as for --model; may be given again.",
            metavar="MODEL",
        ),
    ] = None
    write_thresholds: Annotated[
        bool, run(help="Put each label's best threshold into the label config.")
    ] = False
    as_json: AsJson = False


@evaluate.command("project", epilog=exit_codes("evaluate"))
@with_settings(
    *(*MODELS, *STATE, "label_studio_url", "local_files_root"),
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def on_project(
    settings: Settings,
    project: Annotated[str, typer.Argument(help=PROJECT_HELP)],
    options: EvaluateOptions,
) -> None:
    """Measure by the annotations of a Label Studio project.

    Boxes per label: precision, recall and F1, average precision, how far the
    scores can be trusted, and the best threshold; choices likewise. The models
    run in this process, asked by the project's label config exactly as /predict
    asks them; it needs no Redis. Stopped, by Ctrl-C or worse, the same command
    goes on where it was. Other thresholds and annotations ask nothing again.

    Examples:
      firstpass evaluate project 3 --report how-good.html
      firstpass evaluate project 3 --sweep --sample 200
    """
    from backend.cli.which_project import project_id_in
    from backend.evaluation.sources import project_source

    number = project_id_in(project, settings)
    _evaluate(lambda: project_source(number, settings), options, settings)


@evaluate.command("folder", epilog=exit_codes("evaluate"))
@with_settings(*MODELS, *STATE, as_running=ANSWERS)
def on_folder(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="Folder of the images, or of the dataset.")],
    options: EvaluateOptions,
    format: Annotated[
        Literal["coco", "yolo", "voc"], typer.Option(help="How the folder is annotated.")
    ],
    annotations: Annotated[
        Path | None,
        typer.Option(
            help="The COCO file, YOLO's data.yaml, or the folder of VOC files, where it lies elsewhere."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only this split of a YOLO or VOC dataset.")
    ] = None,
    config: Config = None,
) -> None:
    """Measure by a COCO, YOLO or VOC dataset, without any server.

    The figures are those of `firstpass evaluate project`. Without --config the
    dataset's classes are asked.

    Examples:
      firstpass evaluate folder set/ --format coco
      firstpass evaluate folder set/ --format yolo --split val --against tiny
    """
    from backend.evaluation.sources import dataset_source

    if format == "coco" and split is not None:
        raise BadRequest("--format coco takes no --split: leave out one or the other")
    read = _reader(format, annotations, split)
    _evaluate(lambda: dataset_source(folder, read, config, settings), options, settings)


@evaluate.command("export", epilog=exit_codes("evaluate"))
@with_settings(
    *(*MODELS, *STATE, "label_studio_url", "local_files_root"),
    as_running=(*ANSWERS, *LABEL_STUDIO, *IMAGES),
)
def on_export(
    settings: Settings,
    export: Annotated[
        Path, typer.Argument(help="Label Studio's JSON export.", metavar="FILE.json")
    ],
    options: EvaluateOptions,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder to take the images from; without it they are fetched."),
    ] = None,
    config: Config = None,
) -> None:
    """Measure by the annotations of a Label Studio export.

    The figures are those of `firstpass evaluate project`. Without --config the
    labels of the export's boxes are asked.

    Examples:
      firstpass evaluate export export.json --images scans/
      firstpass evaluate export export.json --config labels.xml --write-thresholds
    """
    from backend.evaluation.sources import export_source

    _evaluate(lambda: export_source(export, images, config, settings), options, settings)


def _evaluate(read: Callable[[], Source], options: EvaluateOptions, settings: Settings) -> None:
    """Measure, and show and write the report; end with the code that it makes."""
    from backend.cli.evaluate_run import evaluate_images
    from backend.evaluation.report_page import evaluation_page
    from backend.pages.terminal import say
    from backend.runs.report_files import check_report_paths, write_reports

    paths = options.report or ()
    check_report_paths(paths)
    with going_on(), quietly():
        console = Console(stderr=True)
        done = evaluate_images(read(), options, settings, console)
        write_reports(
            paths,
            done.report.to_json,
            lambda: evaluation_page(done.report, done.pictures(lambda line: say(console, line))),
        )
        _print(done.report, as_json=options.as_json)
    if not done.report.complete:
        raise typer.Exit(SOME_FAILED)


def _reader(
    format_name: str, annotations: Path | None, split: str | None
) -> Callable[[Path], LabelledSet]:
    from backend.evaluation.coco import read_coco
    from backend.evaluation.voc import read_voc
    from backend.evaluation.yolo import read_yolo

    if format_name == "coco":
        return lambda folder: read_coco(folder, annotations)
    read = read_yolo if format_name == "yolo" else read_voc
    return lambda folder: read(folder, annotations, split)


def _print(report: EvaluationReport, *, as_json: bool) -> None:
    from backend.cli.printed_report import print_report
    from backend.evaluation.report_rows import evaluation_summary
    from backend.wording import printable

    print_report(report, lambda: evaluation_summary(report), as_json=as_json)
    if as_json or report.written is None:
        return
    for change in report.thresholds:
        typer.echo(printable(change.line))
    place, count = report.written.place, report.written.count
    if count:
        versions = f"{report.written.before} -> {report.written.after}"
        typer.echo(f"{count} thresholds written to {place}: {versions}")
    else:
        typer.echo(f"nothing to write to {place}: it stays {report.written.before}")
