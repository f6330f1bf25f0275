"""YOLO datasets as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import BadRequest
from backend.evaluation.labelled import ANY_IMAGE, LabelledSet
from backend.evaluation.yolo import read_yolo
from models.types import Box
from tests.unit.evaluation.sets import image_at

CAR = Box(0.1, 0.2, 0.3, 0.6)
LINE = "0 0.2 0.4 0.2 0.4"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def near(box: Box) -> tuple[float, ...]:
    return tuple(round(side, 9) for side in (box.x_min, box.y_min, box.x_max, box.y_max))


def boxes(labelled: LabelledSet, name: str) -> list[tuple[str, tuple[float, ...]]]:
    (task,) = (task for task in labelled.tasks if task.key == name)
    assert task.failure is None, task.failure
    return [(box.label, near(box.box)) for box in task.truths[ANY_IMAGE].boxes]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names: [car, dog]\nnc: 2\n"),
        ("data.yaml", "path: .\ntrain: images\nval: images\nnames:\n  0: car\n  1: dog\n"),
        ("dataset.yaml", "names: ['car', 'dog']\n"),
        ("classes.txt", "car\ndog\n"),
        ("labels/classes.txt", "car\ndog\n"),
    ],
)
@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("images/a.png", "labels/a.txt"),
        ("images/train/a.png", "labels/train/a.txt"),
        ("train/images/a.png", "train/labels/a.txt"),
        ("a.png", "a.txt"),
        ("a.png", "labels/a.txt"),
    ],
)
def test_classes_and_objects_are_found_where_people_have_them(
    tmp_path: Path, name: str, text: str, image: str, labels: str
) -> None:
    write(tmp_path / name, text)
    image_at(tmp_path / image)
    write(tmp_path / labels, f"{LINE}\n1 0.5 0.5 1 1\n\n")

    labelled = read_yolo(tmp_path, None, None)

    assert labelled.classes == ("car", "dog")
    assert boxes(labelled, image) == [("car", near(CAR)), ("dog", (0, 0, 1, 1))]


def test_an_outline_counts_by_the_box_around_it_and_a_pose_by_its_own(tmp_path: Path) -> None:
    image_at(tmp_path / "a.png")
    write(tmp_path / "data.yaml", "names: [car]\n")
    write(tmp_path / "a.txt", "0 0.1 0.2 0.3 0.2 0.2 0.6\n")
    assert boxes(read_yolo(tmp_path, None, None), "a.png") == [("car", near(CAR))]

    write(tmp_path / "data.yaml", "names: [car]\nkpt_shape: [1, 3]\n")
    write(tmp_path / "a.txt", f"{LINE} 0.5 0.5 2\n")
    assert boxes(read_yolo(tmp_path, None, None), "a.png") == [("car", near(CAR))]


def test_an_image_without_a_text_file_shows_nothing(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [car]\n")
    for name in ("a", "b", "c"):
        image_at(tmp_path / "images" / f"{name}.png")
    write(tmp_path / "labels" / "a.txt", LINE)
    write(tmp_path / "labels" / "b.txt", "")

    labelled = read_yolo(tmp_path, None, None)

    assert boxes(labelled, "images/b.png") == boxes(labelled, "images/c.png") == []
    assert labelled.notes == ("without an object: 2 of 3 images",)


@pytest.mark.parametrize(
    ("yaml", "split"),
    [
        ("path: .\nval: images/val\n", "val"),
        ("val: ../val/images\n", "val"),
        ("val: [images/val, val/images]\n", "val"),
        ("test: list.txt\n", "test"),
    ],
)
def test_one_split_alone(tmp_path: Path, yaml: str, split: str) -> None:
    """Named by a folder, by Roboflow's way of naming it, by several, or by a list of files."""
    write(tmp_path / "data.yaml", f"names: [car]\n{yaml}")
    inside = "val/images/a.png" if "../" in yaml else "images/val/a.png"
    image_at(tmp_path / inside)
    image_at(tmp_path / "images" / "train" / "b.png")
    write(tmp_path / inside.replace("images", "labels").replace(".png", ".txt"), LINE)
    write(tmp_path / "list.txt", f"./{inside}\n")

    assert [task.key for task in read_yolo(tmp_path, None, split).tasks] == [inside]
    assert len(read_yolo(tmp_path, None, None).tasks) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7 0.5 0.5 0.1 0.1", "a.txt, line 2: class 7 is not among the 1"),
        ("0 0.5 0.5 0.1", "expected class, x, y, width and height"),
        ("0 0.5 0.5 0 0.1", "expected class, x, y, width and height"),
        ("car 0.5 0.5 0.1 0.1", "expected numbers"),
    ],
)
def test_a_line_that_says_nothing_fails_its_image_alone(
    tmp_path: Path, line: str, reason: str
) -> None:
    write(tmp_path / "data.yaml", "names: [car]\n")
    for name in ("a", "b"):
        image_at(tmp_path / f"{name}.png")
    write(tmp_path / "a.txt", f"{LINE}\n{line}\n")
    write(tmp_path / "b.txt", LINE)

    a, b = read_yolo(tmp_path, None, None).tasks

    assert b.failure is None
    assert a.failure is not None
    assert reason in a.failure.message


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "expected the classes"),
        ({"data.yaml": "nc: 3\n"}, "expected names"),
        ({"data.yaml": "names: {a: b}\n"}, "by number"),
        ({"data.yaml": "names: [\n"}, "cannot be read"),
        ({"data.yaml": "names: [car]\n"}, "found none with an object"),
    ],
)
def test_what_is_no_yolo_dataset_is_told(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    image_at(tmp_path / "a.png")
    for name, text in files.items():
        write(tmp_path / name, text)

    with pytest.raises(BadRequest, match=reason):
        read_yolo(tmp_path, None, None)


def test_a_split_that_is_not_there_is_told(tmp_path: Path) -> None:
    image_at(tmp_path / "a.png")
    write(tmp_path / "data.yaml", "names: [car]\ntrain: images\n")

    with pytest.raises(BadRequest, match=r"data.yaml has \(train\), got 'val'"):
        read_yolo(tmp_path, None, "val")
