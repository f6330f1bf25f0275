"""Pascal VOC datasets as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import BadRequest
from backend.evaluation.labelled import ANY_IMAGE, TrueBox
from backend.evaluation.voc import read_voc
from models.types import Box, ImageSize
from tests.unit.evaluation.sets import image_at

CAR = "<object><name>car</name>{}<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>31</xmax><ymax>31</ymax></bndbox></object>"
SIZE = "<size><width>100</width><height>50</height><depth>3</depth></size>"


def voc_at(path: Path, *objects: str, filename: str = "a.png", size: str = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f"<filename>{filename}</filename>" if filename else ""
    path.write_text(f"<annotation>{name}{size}{''.join(objects)}</annotation>")


def test_boxes_are_read_and_difficult_ones_ignored(tmp_path: Path) -> None:
    """Pixels count from 1."""
    image_at(tmp_path / "JPEGImages" / "a.png")
    difficult = CAR.format("<difficult>1</difficult>")
    voc_at(tmp_path / "Annotations" / "a.xml", CAR.format("<difficult>0</difficult>"), difficult)

    (task,) = read_voc(tmp_path, None, None).tasks

    box = Box(0.1, 0.2, 0.3, 0.6)
    assert task.key == "JPEGImages/a.png"
    assert task.truths[ANY_IMAGE].boxes == (
        TrueBox("car", box),
        TrueBox("car", box, ignored=True),
    )
    assert task.truths[ANY_IMAGE].size == ImageSize(100, 50)


@pytest.mark.parametrize("filename", ["", "another.jpg", "C:\\photos\\a.png"])
def test_a_file_goes_by_its_own_name_where_it_names_no_image_that_is_there(
    tmp_path: Path, filename: str
) -> None:
    image_at(tmp_path / "images" / "a.png")
    voc_at(tmp_path / "annotations" / "a.xml", CAR.format(""), filename=filename)

    (task,) = read_voc(tmp_path, None, None).tasks

    assert (task.key, task.failure) == ("images/a.png", None)


def test_one_split_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image_at(tmp_path / "JPEGImages" / f"{name}.png")
        voc_at(tmp_path / "Annotations" / f"{name}.xml", CAR.format(""), filename=f"{name}.png")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("b\n")
    (lists / "car_val.txt").write_text("b 1\n")

    assert [task.key for task in read_voc(tmp_path, None, "val").tasks] == ["JPEGImages/b.png"]
    with pytest.raises(BadRequest, match="car_val, val"):
        read_voc(tmp_path, None, "test")


@pytest.mark.parametrize(
    ("objects", "size", "reason"),
    [
        ("<object><name>car</name></object>", SIZE, "bndbox"),
        (CAR.format("").replace("31", "11"), SIZE, "no area"),
        (CAR.format("").replace("31", "x"), SIZE, "x"),
        (CAR.format(""), "", "expected <size>"),
        ("<object>", SIZE, "cannot be read"),
    ],
)
def test_a_file_that_says_nothing_fails_alone(
    tmp_path: Path, objects: str, size: str, reason: str
) -> None:
    for name in ("a", "b"):
        image_at(tmp_path / f"{name}.png")
    voc_at(tmp_path / "a.xml", objects, size=size)
    voc_at(tmp_path / "b.xml", CAR.format(""), filename="b.png")

    a, b = read_voc(tmp_path, None, None).tasks

    assert b.failure is None
    assert a.failure is not None
    assert reason in a.failure.message


def test_a_folder_without_such_files_and_images_elsewhere_are_told(tmp_path: Path) -> None:
    image_at(tmp_path / "b.png")
    (tmp_path / "other.xml").write_text("<project/>")
    with pytest.raises(BadRequest, match="expected Pascal VOC files"):
        read_voc(tmp_path, None, None)

    voc_at(tmp_path / "xml" / "a.xml", CAR.format(""))
    with pytest.raises(BadRequest, match=r"names 1 image \(a.png\).*give the folder"):
        read_voc(tmp_path, None, None)


def test_of_images_of_one_name_the_one_beside_the_file_counts(tmp_path: Path) -> None:
    for folder in ("", "cats", "dogs"):
        image_at(tmp_path / folder / "1.png")
    for folder in ("cats", "dogs"):
        voc_at(tmp_path / folder / "1.xml", CAR.format(""), filename="1.png")

    tasks = read_voc(tmp_path, None, None).tasks

    assert [task.key for task in tasks] == ["cats/1.png", "dogs/1.png"]


def test_files_that_say_nothing_are_not_called_images_elsewhere(tmp_path: Path) -> None:
    image_at(tmp_path / "a.png")
    voc_at(tmp_path / "a.xml", CAR.format(""), size="")

    (task,) = read_voc(tmp_path, None, None).tasks

    assert task.failure is not None
    assert "expected <size>" in task.failure.message
