"""A dry run over a project: a few tasks predicted and drawn, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.cuts import cuts_of, kept_at, with_all_boxes
from backend.bulk.drawing import LabelColours
from backend.bulk.found import found_in, regions_in
from backend.bulk.gallery import Gallery
from backend.bulk.illustrated import Illustrated
from backend.bulk.left_out import LeftOut
from backend.bulk.project_pictures import ProjectPictures
from backend.bulk.report import report_of
from backend.dataset.target_project import TargetProject
from backend.delivery.pipeline import WindowLike, predict_tasks
from backend.errors import Failure
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.predictor import Slot
from backend.runs.job import Found, Job, KeptInLedger
from backend.runs.ledger import TaskKey
from backend.runs.ledger_file import passing_ledger
from backend.runs.progress import Progress

__all__ = ["DryProject"]


class DryProject:
    """Counts and draws what would be written; the page also has what the thresholds hide."""

    def __init__(
        self, target: TargetProject, pictures: ProjectPictures, progress: Progress
    ) -> None:
        self._target, self._pictures, self._progress = target, pictures, progress
        self._cuts = cuts_of(target.predictor.plan)
        self._colours = LabelColours.of(target.project.label_config)

    def run(self, tasks: Mapping[int, Task], window: WindowLike) -> tuple[Image.Image, Illustrated]:
        """The contact sheet of the tasks (by id), and their figures and pictures for a page."""
        sheet, gallery, left_out = ContactSheet(self._colours), Gallery(self._colours), LeftOut()
        predictor = with_all_boxes(self._target.predictor)

        def found() -> Iterator[Mapping[TaskKey, Found[Prediction] | Failure]]:
            for slots in predict_tasks(tasks.values(), predictor, window):
                kept = [self._seen(slot, tasks, sheet, gallery) for slot in slots]
                yield found_in(((slot.task_id, slot) for slot in kept), left_out)

        target = self._target
        with passing_ledger() as ledger:
            job: Job[Prediction] = Job(ledger, self._progress, regions_in)
            job.begin(len(tasks))
            job.run(found(), KeptInLedger(ledger))
            report = report_of(ledger, target.words, target.version, left_out, home=target.home)
        return sheet.image(), Illustrated(
            report, gallery.pictures(), self._colours, self._cuts, dry=True
        )

    def _seen(
        self, slot: Slot, tasks: Mapping[int, Task], sheet: ContactSheet, gallery: Gallery
    ) -> Slot:
        """The slot with what reaches the thresholds, drawn; the gallery gets all of it."""
        if slot.prediction is None or slot.task_id is None:
            return slot
        task, kept = tasks[slot.task_id], kept_at(self._cuts, slot.prediction)
        ids = {region["id"] for region in kept.result}
        for one in self._pictures.of(task, slot.prediction):
            sheet.add(one.name, one.image, [each for each in one.regions if each.id in ids])
            address = self._target.address(slot.task_id)
            gallery.add(one.name, address, one.image, one.regions, kept.score)
        return replace(slot, prediction=kept)
