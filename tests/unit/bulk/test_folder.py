"""Which files of a folder are its images."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from backend.bulk import folder as folder_module
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


def _scandir_that_fails(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def failing(path: str) -> Any:
        if Path(path) == folder:
            raise OSError(number, os.strerror(number), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)


@pytest.mark.parametrize(
    "number",
    [errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENAMETOOLONG, errno.EMFILE],
)
def test_a_subfolder_that_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whatever is wrong with it; those before and behind it are listed."""
    fill(tmp_path, "a/1.jpg", "b/2.jpg", "b/c/3.jpg", "d/4.jpg", "e.jpg")
    _scandir_that_fails(tmp_path / "b", number, monkeypatch)
    told: dict[str, str] = {}

    found = [image.path for image in walk_images(tmp_path, told.__setitem__)]

    assert found == ["a/1.jpg", "d/4.jpg", "e.jpg"]
    assert told == {"b": f"it cannot be read: {os.strerror(number)}"}


def test_paths_longer_than_the_system_opens_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders within folders, made from inside; others are listed."""
    fill(tmp_path, "a.jpg", "z.jpg")
    monkeypatch.chdir(tmp_path)
    for _ in range(30):
        os.mkdir("n" * 200)
        os.chdir("n" * 200)
    Path("deep.jpg").write_bytes(b"x")
    os.chdir(tmp_path)
    told: dict[str, str] = {}

    found = [image.path for image in walk_images(tmp_path, told.__setitem__)]

    assert found == ["a.jpg", "z.jpg"]
    assert len(told) == 1
    assert "too long" in next(iter(told.values()))


def test_folders_deeper_than_calls_within_calls_are_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("a.jpg").write_bytes(b"x")
    os.chdir(tmp_path)

    assert len(paths(tmp_path)) == 1


def test_a_file_that_cannot_be_looked_at_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.jpg", "b.jpg", "c.jpg")

    def found(entry: os.DirEntry[str], base: Path) -> Any:
        if entry.name == "b.jpg":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(entry, base)

    real = folder_module._found
    monkeypatch.setattr(folder_module, "_found", found)
    told: dict[str, str] = {}

    assert [i.path for i in walk_images(tmp_path, told.__setitem__)] == ["a.jpg", "c.jpg"]
    assert list(told) == ["b.jpg"]
