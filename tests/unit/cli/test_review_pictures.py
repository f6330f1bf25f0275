"""Pictures of the images that took most edits."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from PIL import Image

from backend.cli.review_run import _drawn
from backend.images.fetch import ImageFetcher
from backend.label_studio.records import TaskRow
from backend.prediction.predictor import predictor_settings
from backend.review.figures import Picture, WorstTask
from backend.review.tally import Worst
from backend.settings import Settings
from tests.unit.review.recorded import counted
from tests.unit.review.test_report import first, report_of

CONFIG = (
    '<View><Image name="left" value="$left"/><Image name="right" value="$right"/>'
    '<RectangleLabels name="a" toName="left"><Label value="car"/></RectangleLabels>'
    '<RectangleLabels name="b" toName="right"><Label value="car"/></RectangleLabels></View>'
)


class Images:
    """Those of a task: the left one is wide and the right one high. Keeps which were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, reference: Any) -> Any:
        self.asked.append(reference.location)
        file = io.BytesIO()
        size = (64, 16) if "left" in reference.location else (16, 64)
        Image.new("RGB", size).save(file, format="PNG")
        return SimpleNamespace(data=file.getvalue())


def test_each_annotation_of_a_task_has_the_image_that_its_marks_are_on() -> None:
    """Of three annotations of one task two are about its left image, which is fetched once."""
    reviews = counted(first(20).api())
    (one, *_), report = reviews.worst(), report_of(reviews)
    task = TaskRow.model_validate(
        {"id": 7, "data": {"left": "http://i/left.png", "right": "http://i/right.png"}}
    )
    worst = [Worst(one.edits, one.review, task)] * 3
    told = [
        WorstTask(7, number, 2, "http://ls", image, 0, ())
        for number, image in enumerate(("left", "right", "left"))
    ]
    predictor = predictor_settings(Settings(model="tiny")).for_label_config(CONFIG)
    images = Images()

    found: dict[str, Picture] = dict(
        _drawn(
            worst,
            replace(report, worst=tuple(told)),
            predictor,
            cast("ImageFetcher", images),
            10_000,
        )
    )

    sizes = [(found[one.picture].width, found[one.picture].height) for one in told]
    assert sizes == [(64, 16), (16, 64), (64, 16)]
    assert images.asked == ["http://i/left.png", "http://i/right.png"]
