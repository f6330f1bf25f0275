"""Which files of a folder are its images."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backend.dataset import folder as folder_module
from backend.dataset import folder_reasons
from backend.dataset.folder import walk_images
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


def left_out(folder: Path, *, follow_links: bool = False) -> dict[str, str]:
    """Each entry that is left out, and why."""
    found: dict[str, str] = {}
    list(walk_images(folder, follow_links=follow_links, left_out=found.__setitem__))
    return found


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.heic", b"x", "HEIC image"),
        ("a.HEIF", b"x", "HEIC image"),
        ("a.jp2", b"x", "JPEG 2000"),
        ("a.jxl", b"x", "JPEG XL"),
        ("a.svg", b"<svg/>", "SVG drawing"),
        ("a.nef", b"x", "raw image"),
        ("a.psd", b"x", "Photoshop"),
        ("a.pdf", b"x", "PDF"),
        ("a.dcm", b"x", "DICOM"),
        ("a.ppm", b"P6 1 1", "Netpbm"),
        ("a.exr", b"x", "another kind"),
        ("a.mp4", b"x", "video"),
        ("a.zip", b"x", "archive"),
        ("scan", b"\x89PNG\r\n\x1a\n", "by its content, but not by its name"),
        ("scan.jpg_large", b"\xff\xd8\xff\xe0", "by its content, but not by its name"),
        ("scan.apng", b"\x89PNG\r\n\x1a\n", "by its content, but not by its name"),
        ("README", b"text", "no image by its name"),
        ("a.txt", b"x", "no image by its name"),
        (".hidden.jpg", b"x", "hidden"),
    ],
)
def test_what_is_left_out_has_its_reason(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)

    (found,) = left_out(tmp_path).items()

    assert found[0] == name
    assert reason in found[1]


def test_links_that_are_not_followed_say_where_they_lead(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    fill(tmp_path, "far.jpg", "notes.txt", "inside/a.jpg")
    for name, target in (
        ("out.jpg", tmp_path / "far.jpg"),
        ("folder", tmp_path),
        ("nowhere.jpg", inside / "nothing"),
        ("loop.jpg", inside / "loop.jpg"),
        ("out.txt", tmp_path / "notes.txt"),
    ):
        (inside / name).symlink_to(target)

    assert {
        name: reason.partition(":")[0].partition(",")[0]
        for name, reason in left_out(inside).items()
    } == {
        "out.jpg": "link that leads out of the folder",
        "folder": "link to a folder",
        "nowhere.jpg": "link that leads nowhere",
        "loop.jpg": "link that leads nowhere",
        "out.txt": "link that leads out of the folder",
    }


def test_links_to_files_elsewhere_are_followed_when_asked(tmp_path: Path) -> None:
    """As many data sets are laid out: a folder of links. One to a folder is not followed even so."""
    (tmp_path / "links").mkdir()
    fill(tmp_path, "store/1.jpg", "store/2.jpg", "store/a.txt")
    for name in ("1.jpg", "2.jpg", "a.txt"):
        (tmp_path / "links" / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "links" / "all").symlink_to(tmp_path / "store")

    images = [image.path for image in walk_images(tmp_path / "links", follow_links=True)]

    assert images == ["1.jpg", "2.jpg"]
    assert list(left_out(tmp_path / "links", follow_links=True)) == ["a.txt", "all"]


def test_a_pipe_and_a_gone_file_are_left_out_with_their_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")

    assert left_out(tmp_path) == {"pipe": "no regular file", "pipe.jpg": "no regular file"}


def test_a_subfolder_that_cannot_be_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.jpg", "locked/b.jpg")
    scandir = os.scandir

    def locked(path: Path) -> Any:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)

    assert paths(tmp_path) == ["a.jpg"]
    assert left_out(tmp_path) == {"locked": "cannot be read (Permission denied)"}


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

    found = [image.path for image in walk_images(tmp_path, left_out=told.__setitem__)]

    assert found == ["a/1.jpg", "d/4.jpg", "e.jpg"]
    assert told == {"b": f"cannot be read ({os.strerror(number)})"}


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

    found = [image.path for image in walk_images(tmp_path, left_out=told.__setitem__)]

    subprocess.run(["rm", "-rf", "n" * 200], check=True)  # nothing of Python's removes it
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

    found = paths(tmp_path)
    subprocess.run(["rm", "-rf", "d"], check=True)
    assert len(found) == 1


def test_a_file_that_cannot_be_looked_at_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.jpg", "b.jpg", "c.jpg")

    def why_no_image(entry: os.DirEntry[str]) -> Any:
        if entry.name == "b.jpg":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(entry)

    real = folder_reasons.why_no_image
    monkeypatch.setattr(folder_module, "why_no_image", why_no_image)
    told: dict[str, str] = {}

    assert [i.path for i in walk_images(tmp_path, left_out=told.__setitem__)] == ["a.jpg", "c.jpg"]
    assert list(told) == ["b.jpg"]
