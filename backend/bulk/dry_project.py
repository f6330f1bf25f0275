"""A dry run over a project: a few tasks predicted and drawn, and nothing written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.left_out import PART_OF_A_TASK, LeftOut
from backend.bulk.marks import marks_of
from backend.bulk.report import Report, RunFacts
from backend.bulk.tally import Tally
from backend.dataset.target_project import TargetProject
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.errors import FirstpassError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Task
from backend.prediction.predictor import Slot
from backend.prediction.read_regions import read_regions
from backend.runs.progress import Progress
from backend.settings import Settings

__all__ = ["DryProject"]


class DryProject:
    """`fetcher` reads the tasks' images, as the workers do."""

    def __init__(
        self, target: TargetProject, fetcher: ImageFetcher, settings: Settings, progress: Progress
    ) -> None:
        self._target, self._fetcher, self._settings = target, fetcher, settings
        self._progress = progress

    def run(self, tasks: Mapping[int, Task], window: WindowLike) -> tuple[Image.Image, Report]:
        """The contact sheet of the tasks (by id), and their figures."""
        begun_at, started = time.time(), time.monotonic()
        self._progress.begin(len(tasks))
        sheet, tally, left_out = ContactSheet(), Tally(), LeftOut()
        for slots in predict_tasks(tasks.values(), self._target.predictor, window):
            for slot in slots:
                task = tasks[slot.task_id or 0]
                if slot.failure is not None:
                    tally.fail(task.id or 0, slot.failure)
                    self._progress.advance(failed=1)
                elif slot.prediction is not None:
                    marks = marks_of(slot.prediction.result)
                    tally.add(marks)
                    for part in slot.left_out:
                        left_out.add(PART_OF_A_TASK, task.id or 0, part)
                    self._progress.advance(predicted=1, regions=marks.regions)
                    self._draw(sheet, task, slot)
        facts = RunFacts(
            source=self._target.words,
            model_version=self._target.version,
            begun_at=begun_at,
            ended_at=time.time(),
            seconds=time.monotonic() - started,
            left=0,
            ledger="",
        )
        return sheet.image(), Report.of(tally, facts, left_out.figures())

    def _draw(self, sheet: ContactSheet, task: Task, slot: Slot) -> None:
        """One picture per image of the task; an image that cannot be had here is drawn grey."""
        regions = read_regions(slot.prediction.result if slot.prediction is not None else ())
        for tag, image in self._images(task):
            page = tag.item_index
            drawn = [
                region
                for region in regions
                if region.to_name == tag.name and page in (None, region.page)
            ]
            name = f"task {task.id}" + ("" if page is None else f", page {page + 1}")
            sheet.add(name, image, drawn)

    def _images(self, task: Task) -> Iterator[tuple[ObjectTag, Image.Image]]:
        requests = self._target.predictor.requests(task)
        if not isinstance(requests, dict):
            return
        for tag, (_, request) in requests.items():
            try:
                data = self._fetcher.fetch(request.image).data
                yield tag, decode_image(data, self._settings.image_max_pixels)
            except FirstpassError:
                yield tag, Image.new("RGB", (400, 300), (160, 160, 160))
