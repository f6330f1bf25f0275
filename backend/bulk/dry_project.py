"""A dry run over a project: a few tasks predicted and drawn, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.found import found_in, regions_in
from backend.bulk.left_out import LeftOut
from backend.bulk.report import Report, report_of
from backend.dataset.target_project import TargetProject
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.errors import Failure, FirstpassError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.read_regions import read_regions
from backend.runs.job import Found, Job, KeptInLedger
from backend.runs.ledger import TaskKey
from backend.runs.ledger_file import passing_ledger
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
        sheet, left_out = ContactSheet(), LeftOut()

        def found() -> Iterator[Mapping[TaskKey, Found[Prediction] | Failure]]:
            for slots in predict_tasks(tasks.values(), self._target.predictor, window):
                for slot in slots:
                    if slot.prediction is not None:
                        self._draw(sheet, tasks[slot.task_id or 0], slot.prediction)
                yield found_in(((slot.task_id, slot) for slot in slots), left_out)

        with passing_ledger() as ledger:
            job: Job[Prediction] = Job(ledger, self._progress, regions_in)
            job.begin(len(tasks))
            job.run(found(), KeptInLedger(ledger))
            report = report_of(ledger, self._target.words, self._target.version, left_out)
        return sheet.image(), report

    def _draw(self, sheet: ContactSheet, task: Task, prediction: Prediction) -> None:
        """One picture per image of the task; an image that cannot be had here is drawn grey."""
        regions = read_regions(prediction.result)
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
