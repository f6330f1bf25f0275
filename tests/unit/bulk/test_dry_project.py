"""A dry run over a project."""

from __future__ import annotations

from typing import cast

from backend.bulk.dry_project import DryProject
from backend.bulk.project_pictures import ProjectPictures
from backend.errors import ImageUnreachable
from backend.images.fetch import FetchedImage, ImageFetcher, Validators
from backend.images.reference import ImageRef
from backend.label_studio.bodies import Task
from backend.runs.progress import Progress
from backend.settings import Settings
from tests.unit.bulk.projects import StandInWindow, cars, target
from tests.unit.images.pictures import corners, encoded


class Fetcher:
    """Gives the same picture for every image, but for one."""

    def fetch(self, ref: ImageRef) -> FetchedImage:
        if "unseen" in ref.location:
            raise ImageUnreachable("no answer in time")
        return FetchedImage(encoded(corners(), "PNG"), "0" * 64, Validators())


def test_tasks_are_drawn_and_counted_and_nothing_is_written() -> None:
    """Also one whose image the worker could read and this process cannot."""
    label_studio = cars()
    tasks = {
        number: Task(id=number, data={"image": f"http://images/{name}"})
        for number, name in enumerate(("a", "bad", "unseen"), 1)
    }
    progress = Progress(lambda shown: None)
    project = target(label_studio.api())
    pictures = ProjectPictures(project, cast(ImageFetcher, Fetcher()), Settings())

    sheet, done = DryProject(project, pictures, progress).run(tasks, StandInWindow())

    report = done.report
    assert sheet.width > 500
    assert (report.predicted, report.failed, report.regions, report.facts.ledger) == (2, 1, 2, "")
    assert progress.done == 3
    assert label_studio.writes == []
