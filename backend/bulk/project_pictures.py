"""Tasks of a project as pictures: one for each image of each, with its regions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from PIL import Image

from backend.bulk.gallery import Gallery
from backend.dataset.target_project import TargetProject
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.errors import FirstpassError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.settings import Settings

__all__ = ["ProjectPicture", "ProjectPictures"]

#: Pictures of a run that is done are made for so long; workers have their answers ready, if they are there at all.
MOST_S = 120.0


@dataclass(frozen=True, slots=True)
class ProjectPicture:
    """One upright RGB image of a task, and what is drawn on it; grey where it cannot be had here."""

    name: str
    image: Image.Image
    regions: Sequence[ReadRegion]


class ProjectPictures:
    """`fetcher` reads the tasks' images, as the workers do."""

    def __init__(self, target: TargetProject, fetcher: ImageFetcher, settings: Settings) -> None:
        self._target, self._fetcher, self._settings = target, fetcher, settings

    def of(self, task: Task, prediction: Prediction) -> Iterator[ProjectPicture]:
        """Those of one task."""
        regions = read_regions(prediction.result)
        for tag, image in self._images(task):
            page = tag.item_index
            drawn = [
                region
                for region in regions
                if region.to_name == tag.name and page in (None, region.page)
            ]
            name = f"task {task.id}" + ("" if page is None else f", page {page + 1}")
            yield ProjectPicture(name, image, drawn)

    def again(self, ids: Iterable[int], window: WindowLike, gallery: Gallery) -> None:
        """Put in those of tasks that were predicted a moment ago: the answers are asked for again, and are there.

        What does not come within `MOST_S` is left out. Raises errors of ours; what was put in by then stays.
        """
        target, until = self._target, time.monotonic() + MOST_S
        pages = target.api.pages(target.key.id, ids=sorted(ids), each_alone=True)
        tasks = {row.id: Task.of(row) for row in chain.from_iterable(pages)}
        for slots in predict_tasks(tasks.values(), target.predictor, window):
            for slot in slots:
                if time.monotonic() > until:
                    return
                if slot.prediction is not None and slot.task_id is not None:
                    for one in self.of(tasks[slot.task_id], slot.prediction):
                        score, address = slot.prediction.score, target.address(slot.task_id)
                        gallery.add(one.name, address, one.image, one.regions, score)
            if time.monotonic() > until:
                return

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
