"""One pass over a project or a folder: what is new or changed is asked about and stored, what is gone is forgotten."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from backend.delivery.pipeline import WindowLike
from backend.indexing.sources import FolderImages, ImageSource
from backend.indexing.visiting import visited
from backend.indexing.wanted import Visit, Wanted
from backend.prediction.predictor import Predictor
from backend.runs.progress import Progress
from backend.vectors.file_writer import FileIndexWriter
from backend.vectors.records import FailedItem, IndexedImage

__all__ = ["IndexRun", "PassFigures"]

#: Stored together, at the latest after so long: each time the disk is waited for.
_STORED_AT_ONCE, _STORED_EVERY_S = 64, 5.0


@dataclass(slots=True)
class PassFigures:
    """What one pass did."""

    total: int = 0
    indexed: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: int = 0
    #: Images by where their regions are from, and regions likewise.
    images_by_source: dict[str, int] = field(default_factory=dict)
    regions_by_source: dict[str, int] = field(default_factory=dict)
    #: Regions without area, or off their image.
    unplaced: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class IndexRun:
    """`window` gives what answers, only where there is something to ask."""

    source: ImageSource
    predictor: Predictor | None
    fingerprint: str
    progress: Progress
    #: Stamps of failures that are not tried again: those of earlier passes of a run that watches.
    given_up: dict[str, str] = field(default_factory=dict)

    def once(
        self, writer: FileIndexWriter, window: AbstractContextManager[WindowLike]
    ) -> PassFigures:
        """Bring the index up to date; what is stored stays stored, whatever ends this."""
        started, figures = time.monotonic(), PassFigures()
        indexed = writer.stamps()
        # What failed in an earlier run is tried again; what failed in this one when it is changed.
        failed = {item.key: "" for item in writer.failures()}
        changes = self.source.changes({**failed, **self.given_up, **indexed})
        gone = [key for key in changes.gone if key in indexed]
        for key in changes.gone:
            self.given_up.pop(key, None)
        writer.remove(changes.gone)
        figures.total, figures.removed = changes.total, len(gone)
        self.progress.begin(len(changes.fresh))
        if changes.fresh:
            with window as asked:
                self._ask(writer, changes.fresh, asked, figures)
        figures.unchanged = max(0, changes.total - len(changes.fresh))
        if changes.fresh or gone:
            writer.tidy()
        figures.seconds = time.monotonic() - started
        return figures

    def _ask(
        self,
        writer: FileIndexWriter,
        fresh: Mapping[str, str],
        window: WindowLike,
        figures: PassFigures,
    ) -> None:
        images: list[IndexedImage] = []
        failures: list[FailedItem] = []
        aside: list[FailedItem | str | tuple[str, str]] = []
        stored_at = time.monotonic()

        def store() -> None:
            nonlocal stored_at
            failures.extend(one for one in aside if isinstance(one, FailedItem))
            writer.remove([one for one in aside if isinstance(one, str)])
            writer.restamp([one for one in aside if isinstance(one, tuple)])
            writer.put(images)
            writer.fail(failures)
            self._count(images, failures, figures)
            self.given_up.update((one.key, one.stamp) for one in failures)
            for put in images:
                self.given_up.pop(put.what.key, None)
            images.clear()
            failures.clear()
            aside.clear()
            stored_at = time.monotonic()

        try:
            for found in visited(self._visits(fresh, aside), window, self.fingerprint):
                if found is not None:
                    visit, what = found
                    if isinstance(what, FailedItem):
                        failures.append(what)
                        self.progress.advance(failed=1)
                    else:
                        images.append(what)
                        figures.unplaced += visit.unplaced
                        self.progress.advance(made=1)
                late = time.monotonic() - stored_at > _STORED_EVERY_S
                if len(images) >= _STORED_AT_ONCE or (late and (images or failures or aside)):
                    store()
        finally:
            store()

    def _visits(
        self, fresh: Mapping[str, str], aside: list[FailedItem | str | tuple[str, str]]
    ) -> Iterator[Visit]:
        """What is to be asked about; what needs no asking goes `aside`."""
        for one in self.source.wanted(fresh):
            match one:
                case Wanted():
                    if isinstance(self.source, FolderImages) and self.source.is_as_before(one.key):
                        aside.append((one.key, one.stamp))
                        self.progress.advance(made=1)
                    else:
                        yield Visit(one, self.predictor)
                case FailedItem():
                    aside.append(one)
                    self.progress.advance(failed=1)
                case key:
                    aside.append(key)

    def _count(
        self, images: list[IndexedImage], failures: list[FailedItem], figures: PassFigures
    ) -> None:
        figures.indexed += len(images)
        figures.failed += len(failures)
        for image in images:
            for source, count in Counter(one.what.source for one in image.regions).items():
                regions, of_images = figures.regions_by_source, figures.images_by_source
                regions[source] = regions.get(source, 0) + count
                of_images[source] = of_images.get(source, 0) + 1
