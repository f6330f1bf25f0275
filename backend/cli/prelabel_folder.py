"""`firstpass prelabel folder`: from the options to predictions in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from backend.bulk.contact_sheet import check_sheet, save_sheet
from backend.bulk.cuts import with_all_boxes
from backend.bulk.drawing import LabelColours
from backend.bulk.gallery import Gallery
from backend.bulk.illustrated import Illustrated
from backend.bulk.local import FolderPredictor, local_handler
from backend.bulk.offline import FolderRun, Target, one_image
from backend.bulk.task_file import Addresses, write_tasks
from backend.cli.ends import without_all_pictures
from backend.cli.prelabel_options import FolderOptions, said_of_sheet
from backend.errors import BadRequest
from backend.inference.batch_size import BatchSizer
from backend.label_config.control_tags import ObjectTag
from backend.label_config.label_config_file import label_config_in
from backend.pages.terminal import say
from backend.prediction.engine import engine_of
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.queue.heads import HeadShelf
from backend.runs.ledger_file import open_ledger
from backend.runs.output_file import check_output, check_output_folder
from backend.runs.progress import Progress, showing_progress
from backend.settings import Settings
from backend.wording import images

__all__ = ["DRY_SAMPLE", "prelabel_folder"]

#: Images of a dry run that names no number.
DRY_SAMPLE = 12
#: Images that are named one by one where they are left out of a dataset.
MOST_NAMED = 20


def prelabel_folder(
    folder: Path, options: FolderOptions, settings: Settings, console: Console
) -> Illustrated:
    """Predicts the folder and writes `out`; a dry run writes the contact sheet and its page alone.

    `console` takes notes and progress. Raises errors of ours; nothing is written then but the ledger.
    """
    if options.split is not None and options.format is None:
        raise BadRequest("expected --format beside --split: it is for datasets")
    if options.split is not None and not 0 < options.split < 1:
        raise BadRequest(f"expected --split between 0 and 1, as in 0.9, got {options.split:g}")
    xml = label_config_in(options.config)
    predictor = _predictor(xml, settings)
    place = _Place(folder, options, settings, console, xml, predictor, one_image(predictor))
    return place.dry() if options.dry_run else place.fill()


@dataclass(frozen=True, slots=True)
class _Place:
    """All that a run or a dry run needs."""

    folder: Path
    options: FolderOptions
    settings: Settings
    console: Console
    xml: str
    predictor: Predictor
    image: ObjectTag

    def fill(self) -> Illustrated:
        """Predictions in a file or a dataset."""
        target = self._target()
        self._note_unserved()
        with showing_progress(self.console, "regions") as progress:
            run = self._run(progress, self.options.sample)
            with open_ledger(self.settings.home, run.key) as ledger:
                run.note(ledger)
                if ledger.waiting(1):
                    run.predict(ledger, self._images(self.predictor))
                written = run.write(ledger, target)
                report, colours = run.report(ledger), self._colours()
                gallery = Gallery(colours)
                if self.options.wants_page:
                    with without_all_pictures(lambda line: say(self.console, line)):
                        run.draw(ledger, gallery, self.settings)
        say(self.console, f"{images(written)} with predictions in {self.options.out}", style="")
        return Illustrated(report, gallery.pictures(), colours)

    def dry(self) -> Illustrated:
        """A contact sheet, and the page beside it."""
        check_sheet(self.options.sheet)
        self._note_unserved()
        few = self.options.sample or (None if self.options.limit else DRY_SAMPLE)
        with showing_progress(self.console, "regions") as progress:
            images = self._images(with_all_boxes(self.predictor))
            run = self._run(progress, few)
            sheet, done = run.dry(images, self._colours(), self.settings)
        save_sheet(sheet, done.page(), self.options.sheet)
        say(self.console, said_of_sheet(self.options.sheet), style="")
        return done

    def _run(self, progress: Progress, sample: int | None) -> FolderRun:
        return FolderRun(
            self.folder,
            self.predictor,
            progress,
            limit=self.options.limit,
            sample=sample,
            seed=self.options.seed,
            retry_failed=self.options.retry_failed,
            follow_links=self.options.follow_links,
        )

    def _colours(self) -> LabelColours:
        return LabelColours.of(self.xml)

    def _images(self, predictor: Predictor) -> FolderPredictor:
        options = self.options
        handler = local_handler(self.settings, self.folder, follow_links=options.follow_links)
        sizer = BatchSizer(self.settings.batch_max, self.settings.batch_latency_s)
        return FolderPredictor(predictor, self.image, handler, sizer)

    def _target(self) -> Target:
        """Raises `BadRequest` for an `out` that could not be written in the end."""
        out = self.options.out
        if out is None:
            raise BadRequest("expected --out FILE.json (or a folder, with --format), or --dry-run")
        if self.options.format is not None:
            check_output_folder(out)
            return self._dataset(out, self.options.format)
        if out.is_dir():
            raise BadRequest(
                f"expected --out FILE.json, {out} is a folder; folders go with --format"
            )
        check_output(out)
        prefix, root = self.options.url_prefix, self.settings.local_files_root
        addresses = (
            Addresses.local_files(self.folder, root) if prefix is None else Addresses(prefix)
        )
        return lambda rows: write_tasks(out, self.image, addresses, rows)

    def _dataset(self, out: Path, name: str) -> Target:
        from backend.bulk.dataset import DatasetTarget, dataset_classes, has_outlines, left_out
        from backend.bulk.dataset_files import DatasetFormat

        folder, plan = self.folder, self.predictor.plan
        if out.resolve().is_relative_to(folder.resolve()):
            raise BadRequest(
                f"expected --out outside of the folder: {out} would be taken for more images"
            )
        format_name = DatasetFormat(name)
        dataset = DatasetTarget(
            out.resolve(),
            format_name,
            dataset_classes(plan, self.xml, format_name),
            outlines=has_outlines(plan),
            share=self.options.split,
            follow_links=self.options.follow_links,
        )
        lost = ", ".join(("scores", *left_out(plan)))
        say(self.console, f"not in a dataset for {format_name.value}: {lost}")

        def write(rows: Iterable[tuple[str, str]]) -> int:
            written = dataset.write(folder, rows, self.settings)
            for path, reason in [*dataset.left_out.items()][:MOST_NAMED]:
                say(self.console, f"not in the dataset: {path}: {reason}")
            if len(dataset.left_out) > MOST_NAMED:
                say(self.console, f"nor are {len(dataset.left_out) - MOST_NAMED} more")
            if self.options.split is not None:
                sides = ", ".join(f"{side} {count:,}" for side, count in dataset.counts().items())
                say(self.console, f"split: {sides}", style="")
            if dataset.is_split_in_vain:
                say(
                    self.console, "all images show one picture, so it is on both sides of the split"
                )
            return written

        return write

    def _note_unserved(self) -> None:
        for tag in self.predictor.plan.unserved:
            say(self.console, tag.note, style="" if tag.is_wanted else "yellow")
        for complaint in self.predictor.complaints:
            say(self.console, complaint, style="yellow")


def _predictor(xml: str, settings: Settings) -> Predictor:
    engine = engine_of(settings)
    heads = HeadShelf(None, settings.home).card
    found = PredictorSettings(engine, settings.score_threshold, None, heads=heads)
    return found.for_label_config(xml)
