"""COCO files as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval import mask

from backend.errors import BadRequest
from backend.evaluation.coco import read_coco
from backend.evaluation.labelled import ANY_IMAGE, LabelledSet, TrueBox
from models.types import Box, ImageSize
from tests.unit.evaluation.sets import coco_at, image_at

CAR = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 0}


def boxes(labelled: LabelledSet, name: str) -> tuple[TrueBox, ...]:
    (task,) = (task for task in labelled.tasks if task.key == name)
    return task.truths[ANY_IMAGE].boxes


def test_boxes_are_read_in_fractions_with_the_names_of_their_categories(tmp_path: Path) -> None:
    image_at(tmp_path / "a.png")
    coco_at(tmp_path / "annotations.json", ["a.png"], [CAR])

    labelled = read_coco(tmp_path, None)

    assert boxes(labelled, "a.png") == (TrueBox("car", Box(0.1, 0.2, 0.3, 0.6)),)
    assert labelled.classes == ("car", "dog")
    assert labelled.tasks[0].truths[ANY_IMAGE].size == ImageSize(100, 50)


def test_a_crowd_is_ignored_and_an_image_without_an_entry_is_left_out(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        image_at(tmp_path / name)
    coco_at(tmp_path / "annotations.json", ["a.png", "b.png"], [{**CAR, "iscrowd": 1}])

    labelled = read_coco(tmp_path, None)

    (crowd,) = boxes(labelled, "a.png")
    assert (crowd.ignored, crowd.crowd) == (True, True)
    assert boxes(labelled, "b.png") == ()
    assert any("does not name (1)" in note for note in labelled.notes)


def masks() -> list[object]:
    """One outline of a rectangle, the same as plain and as compressed run-length code."""
    filled = np.zeros((50, 100), dtype=np.uint8, order="F")
    filled[10:30, 10:30] = 1
    code = mask.encode(filled)
    counts = [10 * 50 + 10, 20]
    for _ in range(19):
        counts += [30, 20]
    counts.append(50 * 100 - sum(counts))
    return [
        [[10, 10, 30, 10, 30, 30], [10, 30, 12, 30, 12, 29]],
        {"size": [50, 100], "counts": counts},
        {"size": [50, 100], "counts": code["counts"].decode()},
    ]


@pytest.mark.parametrize("segmentation", masks(), ids=["outline", "plain", "compressed"])
def test_without_a_box_the_one_around_the_outline_or_mask_counts(
    tmp_path: Path, segmentation: object
) -> None:
    image_at(tmp_path / "a.png")
    entry = {"image_id": 1, "category_id": 2, "segmentation": segmentation}
    coco_at(tmp_path / "annotations.json", ["a.png"], [entry])

    (box,) = boxes(read_coco(tmp_path, None), "a.png")

    assert box == TrueBox("dog", Box(0.1, 0.2, 0.3, 0.6))


@pytest.mark.parametrize(
    "entry",
    [
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]},
        {"image_id": 1, "category_id": 1, "bbox": ["x", 2, 3, 4]},
        {"image_id": 1, "category_id": 1, "bbox": [10, 10, 0, 5]},
        {"image_id": 1, "category_id": 1, "segmentation": {"size": [1], "counts": []}},
        {"image_id": 1, "category_id": 1},
        {"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
    ],
)
def test_an_annotation_that_says_nothing_is_left_out_and_counted(
    tmp_path: Path, entry: dict[str, object]
) -> None:
    """The others stay."""
    image_at(tmp_path / "a.png")
    coco_at(tmp_path / "annotations.json", ["a.png"], [CAR, entry])

    labelled = read_coco(tmp_path, None)

    assert len(boxes(labelled, "a.png")) == 1
    assert any(
        note.startswith("left out: annotations") and note.endswith("(1)") for note in labelled.notes
    )


@pytest.mark.parametrize(
    ("image", "annotations"),
    [
        ("images/a.png", "annotations.json"),
        ("train/a.png", "_annotations.coco.json"),
        ("val2017/deep/a.png", "annotations/instances_val2017.json"),
    ],
)
def test_image_and_file_are_found_where_people_have_them(
    tmp_path: Path, image: str, annotations: str
) -> None:
    """Whatever folder the file names before the image."""
    image_at(tmp_path / image)
    coco_at(tmp_path / annotations, ["elsewhere/a.png"], [CAR])

    labelled = read_coco(tmp_path, None)

    assert [task.key for task in labelled.tasks] == [image]
    assert labelled.tasks[0].failure is None


def test_a_file_beside_the_folder_of_images_is_found(tmp_path: Path) -> None:
    image_at(tmp_path / "images" / "a.png")
    coco_at(tmp_path / "annotations" / "instances.json", ["a.png"], [CAR])

    assert len(read_coco(tmp_path / "images", None).tasks) == 1


def test_images_that_lie_elsewhere_are_one_sentence(tmp_path: Path) -> None:
    image_at(tmp_path / "images" / "z.png")
    path = coco_at(tmp_path / "c.json", ["train/a.png", "train/b.png"], [CAR])

    with pytest.raises(
        BadRequest, match=r"names 2 images \(train/a.png, train/b.png\).*give the folder"
    ):
        read_coco(tmp_path / "images", path)


def test_one_image_that_is_missing_fails_alone(tmp_path: Path) -> None:
    image_at(tmp_path / "a.png")
    coco_at(tmp_path / "annotations.json", ["a.png", "gone.png"], [CAR])

    tasks = {task.key: task.failure for task in read_coco(tmp_path, None).tasks}

    assert tasks["a.png"] is None
    assert tasks["gone.png"] is not None
    assert tasks["gone.png"].kind == "ImageNotFound"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "it has list"),
        ('{"shapes": []}', "it has shapes"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "x"}]}', "lists none"),
        ('{"images": [], "annotations": [], "categories": []}', "expected categories"),
        ('{"images": 3, "annotations": [], "categories": [{"id": 1, "name": "x"}]}', "a list"),
    ],
)
def test_what_is_no_coco_file_is_told(tmp_path: Path, text: str, reason: str) -> None:
    image_at(tmp_path / "a.png")
    (tmp_path / "x.json").write_text(text)

    with pytest.raises(BadRequest, match=reason):
        read_coco(tmp_path, tmp_path / "x.json")


def test_several_files_have_to_be_told_apart_by_a_person(tmp_path: Path) -> None:
    """Those of captions and key points are none of them."""
    image_at(tmp_path / "a.png")
    for name in ("instances_train.json", "captions_train.json"):
        coco_at(tmp_path / "annotations" / name, ["a.png"], [CAR])
    assert len(read_coco(tmp_path, None).tasks) == 1

    coco_at(tmp_path / "annotations" / "instances_val.json", ["a.png"], [CAR])
    with pytest.raises(
        BadRequest, match=r"instances_train.json, .*instances_val.json.*--annotations"
    ):
        read_coco(tmp_path, None)


def test_roboflows_first_category_is_no_label(tmp_path: Path) -> None:
    """It is the name of the whole set, which nothing is marked with."""
    image_at(tmp_path / "a.png")
    path = coco_at(tmp_path / "_annotations.coco.json", ["a.png"], [CAR])
    body = json.loads(path.read_text())
    body["categories"] = [
        {"id": 0, "name": "things", "supercategory": "none"},
        {"id": 1, "name": "car", "supercategory": "things"},
    ]
    path.write_text(json.dumps(body))

    assert read_coco(tmp_path, None).classes == ("car",)


def test_ids_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    """Numbers here and texts there once made every image one that shows nothing."""
    image_at(tmp_path / "a.png")
    entry = {**CAR, "image_id": "1", "category_id": 1.0}
    path = coco_at(tmp_path / "annotations.json", ["a.png"], [entry])
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")

    assert len(boxes(read_coco(tmp_path, None), "a.png")) == 1


@pytest.mark.parametrize("image_id", [7, None, [1]])
def test_annotations_of_an_image_that_is_not_listed_are_counted(
    tmp_path: Path, image_id: object
) -> None:
    image_at(tmp_path / "a.png")
    entries = [CAR, {**CAR, "image_id": image_id}]
    coco_at(tmp_path / "annotations.json", ["a.png"], entries)

    notes = read_coco(tmp_path, None).notes

    assert any("of an image that is not listed (1)" in note for note in notes)


def test_an_image_without_sides_fails_alone(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        image_at(tmp_path / name)
    path = coco_at(tmp_path / "annotations.json", ["a.png", "b.png"], [CAR])
    body = json.loads(path.read_text())
    body["images"][0] |= {"width": 100.0, "height": "50"}
    del body["images"][1]["width"]
    path.write_text(json.dumps(body))

    one, other = read_coco(tmp_path, None).tasks

    assert one.truths[ANY_IMAGE].size == ImageSize(100, 50)
    assert other.failure is not None
    assert "expected its width and height" in other.failure.message


def test_a_name_that_several_files_have_is_told_as_such(tmp_path: Path) -> None:
    for name in ("cats/1.png", "dogs/1.png", "2.png"):
        image_at(tmp_path / name)
    coco_at(tmp_path / "annotations.json", ["1.png", "2.png"], [CAR])

    ambiguous, plain = read_coco(tmp_path, None).tasks

    assert plain.failure is None
    assert ambiguous.failure is not None
    assert "several files of that name" in ambiguous.failure.message
    assert "cats/1.png, dogs/1.png" in ambiguous.failure.message
