"""`firstpass prelabel --images`: from the options to predictions in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from backend.bulk.ledger_file import open_ledger
from backend.bulk.local import FolderPredictor, local_handler
from backend.bulk.offline import FolderRun, Target, image_key
from backend.bulk.progress import showing_progress
from backend.bulk.report import Report
from backend.bulk.report_files import save_sheet
from backend.bulk.task_file import Addresses, write_tasks
from backend.engine import engine_for
from backend.errors import BadRequest
from backend.predictor import Predictor, PredictorSettings
from backend.queue.batch_size import BatchSizer
from backend.queue.wording import images as counted
from backend.queue.wording import printable
from backend.settings import Settings

__all__ = ["DRY_SAMPLE", "FolderOptions", "prelabel_folder"]

#: Images of a dry run that names no number.
DRY_SAMPLE = 12


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """What was asked on the command line."""

    images: Path
    config: Path
    out: Path | None
    format: str | None
    url_prefix: str | None
    limit: int | None
    sample: int | None
    seed: int
    retry_failed: bool
    dry_run: bool
    sheet: Path


def prelabel_folder(options: FolderOptions, settings: Settings, console: Console) -> Report:
    """Predicts the folder and writes `out`; a dry run writes the contact sheet alone.

    `console` takes notes and progress. Raises errors of ours; nothing is written then but the ledger.
    """
    predictor = _predictor(options.config, settings)
    data_key = image_key(predictor)
    target = None if options.dry_run else _target(options, predictor, settings, data_key)
    for tag in predictor.plan.unserved:
        console.print(Text(f"not served: {tag}", style="yellow"))
    with showing_progress(console) as progress:
        run = FolderRun(
            options.images,
            predictor,
            progress,
            limit=options.limit,
            sample=options.sample or (DRY_SAMPLE if options.dry_run else None),
            seed=options.seed,
            retry_failed=options.retry_failed,
        )
        if target is None:
            sheet, report = run.dry(_images(run, settings, data_key), settings)
            save_sheet(sheet, options.sheet)
            return report
        with open_ledger(settings.home, run.key) as ledger:
            run.note(ledger)
            if ledger.waiting(1):
                run.predict(ledger, _images(run, settings, data_key))
            written = run.write(ledger, target)
            report = run.report(ledger)
    console.print(Text(printable(f"{counted(written)} with predictions in {options.out}")))
    return report


def _predictor(config: Path, settings: Settings) -> Predictor:
    try:
        xml = config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadRequest(f"expected a label config in {config}: {reason}") from error
    engine = engine_for(settings.model)
    return PredictorSettings(engine, settings.score_threshold, None).predictor(xml)


def _images(run: FolderRun, settings: Settings, data_key: str) -> FolderPredictor:
    handler = local_handler(settings, run.folder)
    sizer = BatchSizer(settings.batch_max, settings.batch_latency_s)
    return FolderPredictor(run.predictor, data_key, handler, sizer)


def _target(
    options: FolderOptions, predictor: Predictor, settings: Settings, data_key: str
) -> Target:
    """Raises `BadRequest` for an `out` that could not be written in the end."""
    out, folder = options.out, options.images
    if out is None:
        raise BadRequest("expected --out FILE.json (or a folder, with --format), or --dry-run")
    if not out.parent.is_dir():
        raise BadRequest(f"expected --out in a folder that is there; {out.parent} is not")
    if options.format is None:
        if out.is_dir():
            raise BadRequest(
                f"expected --out FILE.json, {out} is a folder; folders go with --format"
            )
        addresses = (
            Addresses.local_files(folder, settings.local_files_root)
            if options.url_prefix is None
            else Addresses(options.url_prefix)
        )
        return lambda rows: write_tasks(out, data_key, addresses, rows)
    from backend.bulk.dataset import DatasetTarget, dataset_classes
    from backend.bulk.dataset_files import DatasetFormat

    if out.resolve().is_relative_to(folder.resolve()):
        raise BadRequest(
            f"expected --out outside of --images: {out} would be taken for more images"
        )
    format_name = DatasetFormat(options.format)
    dataset = DatasetTarget(out, format_name, dataset_classes(predictor.plan, format_name))

    def write(rows: Iterable[tuple[str, str]]) -> int:
        return dataset.write(folder, rows, settings)

    return write
