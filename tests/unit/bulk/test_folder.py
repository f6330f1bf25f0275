"""Which files of a folder are its images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend.bulk.folder import walk_images
from backend.errors import BadRequest


def fill(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def paths(folder: Path) -> list[str]:
    return [image.path for image in walk_images(folder)]


def test_images_of_all_subfolders_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    """By name within each folder; what is no image by its name is left out."""
    fill(tmp_path, "b.PNG", "a/2.jpg", "a/1.jpeg", "notes.txt", "c.tiff", "a/b/z.webp")

    assert paths(tmp_path) == ["a/1.jpeg", "a/2.jpg", "a/b/z.webp", "b.PNG", "c.tiff"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", ".a.jpg", ".thumbnails/a.jpg")

    assert paths(tmp_path) == ["a.jpg"]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    """Neither to files nor to folders, which may lead back up; a link that ends inside is an image."""
    inside = tmp_path / "inside"
    fill(tmp_path, "secret.jpg", "inside/a.jpg")
    (inside / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (inside / "up").symlink_to(tmp_path)
    (inside / "again").symlink_to(inside)
    (inside / "broken.jpg").symlink_to(inside / "nothing.jpg")
    (inside / "loop.jpg").symlink_to(inside / "loop.jpg")
    (inside / "b.jpg").symlink_to(inside / "a.jpg")

    assert paths(inside) == ["a.jpg", "b.jpg"]


def test_what_is_not_a_regular_file_is_left_out(tmp_path: Path) -> None:
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.jpg")
    fill(tmp_path, "folder.jpg/a.jpg")

    assert paths(tmp_path) == ["folder.jpg/a.jpg"]


def test_a_changed_file_has_another_stamp(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (before,) = walk_images(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"other")
    (after,) = walk_images(tmp_path)

    assert before.stamp != after.stamp


def test_a_name_that_is_not_utf8_is_told_apart(tmp_path: Path) -> None:
    """No address can carry it."""
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")

    (image,) = walk_images(tmp_path)

    assert (image.path, image.is_utf8) == ("\\udcff.jpg", False)


def test_a_folder_that_is_not_there_or_is_a_file_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")

    with pytest.raises(BadRequest, match="No such file"):
        paths(tmp_path / "nowhere")
    with pytest.raises(BadRequest, match="is a file"):
        paths(tmp_path / "a.jpg")
