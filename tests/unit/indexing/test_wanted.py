"""One image on its way into an index: boxes in pixels of the image as it is, in as few rounds as it takes."""

from __future__ import annotations

import pytest

from backend.errors import Failure
from backend.images.reference import parse_image_ref
from backend.indexing.marks import Found, marks_in, marks_of_task
from backend.indexing.visiting import visited
from backend.indexing.wanted import Visit, Wanted
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.plain import Json
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.vectors.records import FailedItem, IndexedImage, SaidOfImage
from models.types import ImageSize
from tests.unit.indexing.answering import SIZE, AnsweringWindow

PLACE = "http://images.example/1.png"
REF = parse_image_ref(PLACE, task_id=7, label_studio_url=None)
IMAGE = ObjectTag("image", "image")
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/></RectangleLabels></View>'
)


def rectangle(
    name: str = "r1", label: str = "car", size: ImageSize | None = SIZE, **value: object
) -> Json:
    sides = {} if size is None else {"original_width": size.width, "original_height": size.height}
    return {
        "id": name, "from_name": "box", "to_name": "image", "type": "rectanglelabels", **sides,
        "value": {"x": 10, "y": 20, "width": 50, "height": 40, "rectanglelabels": [label], **value},
    }  # fmt: skip


def predictor() -> Predictor:
    return PredictorSettings(engine_for("tiny"), None, None).for_label_config(CONFIG)


def wanted(found: Found | None, request: ModelRequest | None = None) -> Wanted:
    return Wanted(
        key="7", task=7, number=0, path=PLACE, stamp="s", image=IMAGE,
        request=request or ModelRequest(REF, ()),
        marks=None if found is None else found.marks,
        said=(found or Found()).said, size=(found or Found()).size,
    )  # fmt: skip


def went(
    window: AnsweringWindow, one: Wanted, by: Predictor | None = None
) -> tuple[Visit, IndexedImage | FailedItem]:
    (found,) = [each for each in visited([Visit(one, by)], window, "f" * 12) if each is not None]
    return found


def boxes(image: IndexedImage | FailedItem) -> list[object]:
    assert isinstance(image, IndexedImage)
    return [one.what.box for one in image.regions]


def test_a_region_with_its_images_size_takes_one_round() -> None:
    window = AnsweringWindow()
    found = marks_in([rectangle()], IMAGE, "annotation", 41)
    _, image = went(window, wanted(found))
    assert len(window.asked) == 1
    assert list(boxes(image)) == [pytest.approx((0.1, 0.2, 0.6, 0.6))]
    assert isinstance(image, IndexedImage)
    region = image.regions[0].what
    assert (region.label, region.control, region.region, region.result) == ("car", "box", "r1", 41)
    assert image.what.width == SIZE.width


def test_one_without_a_size_takes_two() -> None:
    window = AnsweringWindow()
    found = marks_in([rectangle(size=None)], IMAGE, "annotation", 41)
    _, image = went(window, wanted(found))
    assert len(window.asked) == 2
    assert list(boxes(image)) == [pytest.approx((0.1, 0.2, 0.6, 0.6))]


def test_an_image_that_is_of_another_size_by_now_is_asked_again() -> None:
    """Its boxes are in percent, and the crops were cut out of the wrong places."""
    window = AnsweringWindow({PLACE: ImageSize(400, 400)})
    found = marks_in([rectangle()], IMAGE, "annotation", 41)
    _, image = went(window, wanted(found))
    assert len(window.asked) == 2
    assert list(boxes(image)) == [pytest.approx((0.1, 0.2, 0.6, 0.6))]
    assert isinstance(image, IndexedImage)
    assert image.regions[0].vector == (41.0, 80.0, 240.0, 240.0)


def test_where_nobody_marked_anything_the_label_config_is_asked() -> None:
    window, by = AnsweringWindow(), predictor()
    requests = by.requests(Task(id=7, data={"image": PLACE}))
    assert not isinstance(requests, Failure)
    ((_, request),) = requests.values()
    _, image = went(window, wanted(None, request), by)
    assert isinstance(image, IndexedImage)
    (region,) = image.regions
    assert (region.what.source, region.what.label, region.what.result) == ("asked", "car", None)
    assert region.what.box == pytest.approx((0.1, 0.1, 0.6, 0.6), abs=1e-3)


def test_a_box_without_area_is_left_out_and_counted() -> None:
    found = marks_in([rectangle(), rectangle("r2", width=0)], IMAGE, "annotation", 41)
    visit, image = went(AnsweringWindow(), wanted(found))
    assert len(boxes(image)) == 1
    assert visit.unplaced == 1


def test_an_image_that_fails_is_named_with_its_reason() -> None:
    failure = Failure("ImageNotFound", "it is not there", False)
    _, found = went(AnsweringWindow(failures={PLACE: failure}), wanted(Found()))
    assert found == FailedItem("7", "s", "ImageNotFound", "it is not there")


def test_entries_of_one_region_are_one_mark_and_choices_are_of_the_image() -> None:
    text = {**rectangle(), "type": "textarea", "from_name": "said"}
    text["value"] = {"x": 10, "y": 20, "width": 50, "height": 40, "text": ["x"]}
    choice = {
        "id": "c", "from_name": "scene", "to_name": "image", "type": "choices",
        "value": {"choices": ["night"]},
    }  # fmt: skip
    point = {**rectangle("p"), "value": {"x": 1, "y": 2, "width": 0.5, "keypointlabels": ["car"]}}
    other = {**rectangle("o"), "to_name": "another"}
    found = marks_in([text, rectangle(), choice, point, other], IMAGE, "annotation", 41)
    assert [(mark.region, mark.label) for mark in found.marks] == [("r1", "car")]
    assert found.said == (SaidOfImage("scene", "night", "annotation", 41),)


def task(annotations: list[Json], predictions: list[Json]) -> TaskRow:
    return TaskRow.model_validate(
        {"id": 7, "data": {"image": PLACE}, "annotations": annotations, "predictions": predictions}
    )


def test_what_people_submitted_comes_before_what_is_predicted() -> None:
    row = {"id": 5, "model_version": "v2", "result": [rectangle("p1"), rectangle("p2")]}
    old = {**row, "id": 4, "model_version": "v1", "result": []}
    empty = {"id": 41, "result": [], "was_cancelled": False}
    skipped = {"id": 42, "result": [rectangle("s")], "was_cancelled": True}

    reviewed = marks_of_task(task([empty], [row]), IMAGE, "v2")
    assert reviewed == Found()
    predicted = marks_of_task(task([skipped], [old, row]), IMAGE, "v2")
    assert predicted is not None
    assert [mark.region for mark in predicted.marks] == ["p1", "p2"]
    assert {mark.source for mark in predicted.marks} == {"prediction"}
    assert marks_of_task(task([skipped], [row]), IMAGE, "v3") is None
    any_version = marks_of_task(task([], [old, row]), IMAGE, "")
    assert any_version == predicted
