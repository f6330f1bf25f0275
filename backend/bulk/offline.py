"""`firstpass prelabel folder`: a folder predicted in this process, and written as a file.

The ledger keeps each prediction, so a second start goes on where one was stopped, repeats nothing, and
writes the same predictions in another form if asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.cuts import cuts_of, kept_at
from backend.bulk.drawing import LabelColours
from backend.bulk.found import found_in, regions_in
from backend.bulk.gallery import Gallery
from backend.bulk.illustrated import Illustrated
from backend.bulk.least_sure import least_sure
from backend.bulk.left_out import LeftOut
from backend.bulk.local import FolderPredictor
from backend.bulk.report import Report, report_of
from backend.dataset.folder import FoundImage, walk_images
from backend.dataset.selection import reservoir
from backend.errors import BadRequest, Failure, FirstpassError, ImageRefused
from backend.images.decode import decode_image
from backend.images.local_files import read_local_file
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Prediction
from backend.prediction.predictor import Predictor, Slot
from backend.prediction.read_regions import read_regions
from backend.runs.job import Found, Job, KeptInLedger, Take
from backend.runs.ledger import Ledger, Listed, TaskKey
from backend.runs.ledger_file import RunKey, passing_ledger
from backend.runs.progress import Progress
from backend.settings import Settings

__all__ = ["FolderRun", "Target", "one_image"]

#: Images noted in the ledger at once.
NOTE_CHUNK = 1000


#: Writes rows of path and prediction (as JSON) to where a folder's predictions go; gives their number.
Target: TypeAlias = Callable[[Iterable[tuple[str, str]]], int]
Batch: TypeAlias = Mapping[TaskKey, Found[Prediction] | Failure]


@dataclass(frozen=True, slots=True)
class FolderRun:
    """One start over a folder. `limit` takes the first images, `sample` any, always the same ones."""

    folder: Path
    predictor: Predictor
    progress: Progress
    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    retry_failed: bool = False
    follow_links: bool = False
    #: Counts what this start leaves out of the folder.
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def key(self) -> RunKey:
        """The same folder, models and label config are the same run, however much of it is chosen."""
        return RunKey(f"folder {self.folder.resolve()}", self.predictor.version)

    def note(self, ledger: Ledger) -> int:
        """Lists the images in the ledger; how many. Raises `BadRequest` when there are none."""
        images = self._chosen()
        ledger.forget_failures(passing=not self.retry_failed)
        while chunk := list(islice(images, NOTE_CHUNK)):
            _note(ledger, chunk)
        return ledger.count()

    def predict(self, ledger: Ledger, images: FolderPredictor) -> None:
        """Predicts what the ledger has waiting, batch by batch."""
        kept: KeptInLedger[Prediction] = KeptInLedger(ledger, Prediction.model_dump_json)
        self._job(ledger).run_waiting(lambda take: self._found(images.predict(take)), kept)

    def write(self, ledger: Ledger, target: Target) -> int:
        """Hands all predictions of the chosen images to `target`; how many."""
        return target((str(path), prediction) for path, prediction in ledger.texts())

    def report(self, ledger: Ledger) -> Report:
        """The figures of the chosen images, whichever start predicted them."""
        source, version = str(self.folder), self.predictor.version
        return report_of(ledger, source, version, self.left_out, this_start=True)

    def draw(self, ledger: Ledger, gallery: Gallery, settings: Settings) -> None:
        """Put in the least sure of the chosen images; those that can still be read."""
        chosen = least_sure(ledger, this_start=True)
        for path, text in ledger.texts():
            if path in chosen:
                with suppress(FirstpassError):
                    found = Prediction.model_validate_json(text)
                    self._add(gallery, str(path), found, found.score, settings)

    def dry(
        self, images: FolderPredictor, colours: LabelColours, settings: Settings
    ) -> tuple[Image.Image, Illustrated]:
        """A contact sheet of the chosen images, and their figures and pictures for a page; keeps nothing.

        `images` predicts with all boxes; what is counted and on the sheet is what reaches the thresholds.
        """
        sheet, gallery = ContactSheet(colours), Gallery(colours)
        cuts = cuts_of(self.predictor.plan)

        def seen(path: str, slot: Slot) -> Slot:
            if slot.prediction is None:
                return slot
            kept = kept_at(cuts, slot.prediction)
            try:
                image = self._add(gallery, path, slot.prediction, kept.score, settings)
            except FirstpassError as error:  # gone since it was predicted
                return replace(slot, prediction=None, failure=Failure.of(error))
            sheet.add(path, image, read_regions(kept.result))
            return replace(slot, prediction=kept)

        def drawn(take: Take) -> Iterator[Batch]:
            for slots in images.predict(take):
                kept = {path: seen(path, slot) for path, slot in slots.items()}
                yield found_in(kept.items(), self.left_out)

        with passing_ledger() as ledger:
            self.note(ledger)
            self._job(ledger).run_waiting(drawn, KeptInLedger(ledger))
            report = self.report(ledger)
        return sheet.image(), Illustrated(report, gallery.pictures(), colours, cuts, dry=True)

    def _job(self, ledger: Ledger) -> Job[Prediction]:
        return Job(ledger, self.progress, regions_in)

    def _found(self, batches: Iterable[Mapping[str, Slot]]) -> Iterator[Batch]:
        return (found_in(slots.items(), self.left_out) for slots in batches)

    def _add(
        self,
        gallery: Gallery,
        path: str,
        found: Prediction,
        score: float | None,
        settings: Settings,
    ) -> Image.Image:
        """The image, put into the gallery. Raises errors of ours where it cannot be read any more."""
        image = self._read(path, settings)
        gallery.add(path, "", image, read_regions(found.result), score)
        return image

    def _read(self, path: str, settings: Settings) -> Image.Image:
        data = read_local_file(
            self.folder,
            path,
            max_bytes=settings.image_max_bytes,
            follow_links=self.follow_links,
            listed=True,
        )
        return decode_image(data, settings.image_max_pixels)

    def _chosen(self) -> Iterator[FoundImage]:
        """Raises `BadRequest` when the folder holds no image."""
        found = walk_images(
            self.folder,
            follow_links=self.follow_links,
            left_out=lambda path, reason: self.left_out.add(reason, path),
        )
        first = next(found, None)
        if first is None:
            others = self.left_out.words()
            raise BadRequest(
                f"expected images in {self.folder} (JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, by their "
                f"names), found none{f'; left out: {others}' if others else ''}"
            )
        images: Iterable[FoundImage] = chain([first], found)
        if self.sample is not None:
            images = reservoir(images, self.sample, self.seed)
        yield from islice(images, self.limit)


def one_image(predictor: Predictor) -> ObjectTag:
    """The one image that the label config reads from a task.

    Raises `BadRequest` when it reads several: a folder says nothing about which belong together; and for
    one that is put together of several texts.
    """
    images = predictor.plan.images
    if len(images) > 1:
        names = ", ".join(f"{image.name!r} ({image.expression})" for image in images)
        raise BadRequest(
            f"a folder gives one image per task, but the label config reads {names} from each; import "
            "such tasks into Label Studio and use --project"
        )
    (image,) = images
    if image.data_of("") is None:
        raise BadRequest(
            f"a folder gives each task one address, but the label config reads {image.name!r} from "
            f'{image.expression!r}; set its value to a key ("$image") in a copy of the label config'
        )
    return image


def _note(ledger: Ledger, chunk: Sequence[FoundImage]) -> None:
    ledger.note(Listed(image.path, image.stamp) for image in chunk)
    odd = "expected a file name in UTF-8, which an address can carry; rename the file"
    failed = Failure.of(ImageRefused(odd))
    ledger.fail((image.path, failed) for image in chunk if not image.is_utf8)
