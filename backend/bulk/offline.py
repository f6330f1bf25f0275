"""`firstpass prelabel folder`: a folder predicted in this process, and written as a file.

The ledger keeps each prediction, so a second start goes on where one was stopped, repeats nothing, and
writes the same predictions in another form if asked to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.left_out import LeftOut
from backend.bulk.local import FolderPredictor
from backend.bulk.marks import marks_of
from backend.bulk.report import Report, RunFacts
from backend.bulk.tally import Tally, tally_of
from backend.dataset.folder import FoundImage, walk_images
from backend.dataset.selection import reservoir
from backend.errors import BadRequest, Failure, FirstpassError, ImageRefused
from backend.images.decode import decode_image
from backend.images.local_files import read_local_file
from backend.label_config.control_tags import ObjectTag
from backend.prediction.predictor import Predictor, Slot
from backend.prediction.read_regions import read_regions
from backend.runs.ledger import Ledger, Listed, Predicted
from backend.runs.ledger_file import RunKey
from backend.runs.progress import Progress
from backend.settings import Settings

__all__ = ["FolderRun", "Target", "one_image"]

#: Images noted in the ledger at once.
NOTE_CHUNK = 1000


#: Writes rows of path and prediction (as JSON) to where a folder's predictions go; gives their number.
Target: TypeAlias = Callable[[Iterable[tuple[str, str]]], int]


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
        known = tally_of(ledger, this_start=True)
        self.progress.begin(
            ledger.count(), predicted=known.predicted, failed=known.failed, regions=known.regions
        )
        last: str | None = None

        def take(most: int) -> list[str]:
            nonlocal last
            paths = [str(path) for path in ledger.waiting(most, last)]
            last = paths[-1] if paths else last
            return paths

        for slots in images.predict(take):
            self._record(ledger, slots)

    def write(self, ledger: Ledger, target: Target) -> int:
        """Hands all predictions of the chosen images to `target`; how many."""
        return target((str(path), prediction) for path, prediction in ledger.predictions())

    def report(self, ledger: Ledger) -> Report:
        """The figures of the chosen images, whichever start predicted them."""
        tally = tally_of(ledger, this_start=True)
        facts = self._facts(ledger.begun_at, ledger.seconds, ledger.left(), str(ledger.path))
        return Report.of(tally, facts, self.left_out.figures())

    def dry(self, images: FolderPredictor, settings: Settings) -> tuple[Image.Image, Report]:
        """A contact sheet of the chosen images, and their figures; keeps nothing."""
        begun_at, started = time.time(), time.monotonic()
        waiting = [image.path for image in self._chosen()]
        self.progress.begin(len(waiting))
        sheet, tally, queue = ContactSheet(), Tally(), iter(waiting)
        for slots in images.predict(lambda most: list(islice(queue, most))):
            for path, slot in slots.items():
                if slot.failure is not None:
                    tally.fail(path, slot.failure)
                elif slot.prediction is not None:
                    try:
                        shown = self._read(path, settings)
                    except FirstpassError as error:  # gone since it was predicted
                        tally.fail(path, Failure.of(error))
                        continue
                    tally.add(marks_of(slot.prediction.result))
                    sheet.add(path, shown, read_regions(slot.prediction.result))
            self._advance(slots)
        facts = self._facts(begun_at, time.monotonic() - started, left=0, ledger="")
        return sheet.image(), Report.of(tally, facts, self.left_out.figures())

    def _facts(self, begun_at: float, seconds: float, left: int, ledger: str) -> RunFacts:
        return RunFacts(
            source=str(self.folder),
            model_version=self.predictor.version,
            begun_at=begun_at,
            ended_at=time.time(),
            seconds=seconds,
            left=left,
            ledger=ledger,
        )

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

    def _record(self, ledger: Ledger, slots: dict[str, Slot]) -> None:
        predicted = [
            Predicted(
                path, marks_of(slot.prediction.result).to_json(), slot.prediction.model_dump_json()
            )
            for path, slot in slots.items()
            if slot.prediction is not None
        ]
        ledger.done(predicted)
        ledger.fail(
            (path, slot.failure) for path, slot in slots.items() if slot.failure is not None
        )
        self._advance(slots)

    def _advance(self, slots: dict[str, Slot]) -> None:
        made = [slot.prediction for slot in slots.values() if slot.prediction is not None]
        self.progress.advance(
            predicted=len(made),
            failed=len(slots) - len(made),
            regions=sum(marks_of(prediction.result).regions for prediction in made),
        )


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
