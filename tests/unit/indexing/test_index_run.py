"""What is new or changed is asked about, what is gone is forgotten, and a failure stops nothing."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from backend.bulk.local import address_of
from backend.errors import Failure
from backend.images.reference import parse_image_ref
from backend.indexing.index_run import IndexRun, PassFigures
from backend.indexing.sources import FolderImages
from backend.label_config.control_tags import ObjectTag
from backend.prediction.plan import ModelRequest
from backend.runs.progress import Progress
from backend.vectors.file_writer import open_writer
from backend.vectors.rows import IndexRows
from tests.unit.indexing.answering import AnsweringWindow
from tests.unit.vectors.made_rows import place_in


def request(path: str) -> ModelRequest:
    return ModelRequest(parse_image_ref(address_of(path), task_id=None, label_studio_url=None), ())


def location(path: str) -> str:
    return request(path).image.location


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "photos"
    (found / "val").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "val/c.png")):
        Image.new("RGB", (20, 10 + number), "red").save(found / name)
    return found


class Passes:
    """A run over a folder, pass after pass."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.place = place_in(home, "folder-0a1b2c3d")
        self.source = FolderImages(folder, ObjectTag("image", "image"), request)
        self.run = IndexRun(self.source, None, "f" * 12, Progress(lambda progress: None))

    def __call__(self, window: AnsweringWindow) -> PassFigures:
        with open_writer(self.place) as writer:
            self.source.contents = writer.contents()
            return self.run.once(writer, window)

    @property
    def keys(self) -> dict[str, str]:
        return {one.key: one.split for one in IndexRows(self.place).images()}


def test_a_second_pass_asks_only_what_is_new_or_changed(folder: Path, tmp_path: Path) -> None:
    passes, window = Passes(folder, tmp_path), AnsweringWindow()
    first = passes(window)
    assert (first.total, first.indexed, first.unchanged) == (3, 3, 0)
    assert passes.keys == {"a.png": "", "b.png": "", "val/c.png": "val"}

    window.asked.clear()
    again = passes(window)
    assert (again.indexed, again.unchanged, window.asked) == (0, 3, [])

    Image.new("RGB", (30, 30), "blue").save(folder / "b.png")
    Image.new("RGB", (30, 30), "green").save(folder / "d.png")
    (folder / "a.png").unlink()
    changed = passes(window)
    assert (changed.indexed, changed.removed, changed.unchanged) == (2, 1, 1)
    assert {one.image.location for one in window.asked} == {location("b.png"), location("d.png")}
    assert passes.keys.keys() == {"b.png", "d.png", "val/c.png"}


def test_a_file_that_was_only_touched_is_not_asked_about(folder: Path, tmp_path: Path) -> None:
    """By its sha256; the stand-in window does not hash, so the stored one is put right first."""
    passes, window = Passes(folder, tmp_path), AnsweringWindow()
    passes(window)
    digest = hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    with sqlite3.connect(passes.place.folder / "rows.sqlite") as database:
        database.execute("UPDATE images SET sha256 = ? WHERE key = 'a.png'", (digest,))
    database.close()
    os.utime(folder / "a.png", (1, 1))
    window.asked.clear()
    assert passes(window).indexed == 0
    assert window.asked == []
    assert passes(window).unchanged == 3


def test_a_failed_image_is_named_and_tried_by_the_next_command(
    folder: Path, tmp_path: Path
) -> None:
    failure = Failure("ImageUnreadable", "it is no image", False)
    window = AnsweringWindow(failures={location("b.png"): failure})
    passes = Passes(folder, tmp_path)
    first = passes(window)
    assert (first.indexed, first.failed) == (2, 1)
    (item,) = IndexRows(passes.place).failures()
    assert (item.key, item.kind, item.reason) == ("b.png", "ImageUnreadable", "it is no image")

    window.asked.clear()
    passes(window)  # a run that watches has given it up until it changes
    assert window.asked == []
    window.failures.clear()
    later = Passes(folder, tmp_path)
    assert (later(window).indexed, IndexRows(passes.place).failures()) == (1, [])


def test_a_failure_of_what_is_gone_is_forgotten(folder: Path, tmp_path: Path) -> None:
    failure = Failure("ImageUnreadable", "it is no image", False)
    Passes(folder, tmp_path)(AnsweringWindow(failures={location("b.png"): failure}))
    (folder / "b.png").unlink()
    later = Passes(folder, tmp_path)
    assert later(AnsweringWindow()).removed == 0
    assert IndexRows(later.place).failures() == []


def test_what_was_answered_before_an_interruption_is_kept(folder: Path, tmp_path: Path) -> None:
    passes = Passes(folder, tmp_path)
    window = AnsweringWindow()

    def stop(progress: Progress) -> None:
        if progress.made == 2:
            raise KeyboardInterrupt

    passes.run = IndexRun(passes.source, None, "f" * 12, Progress(stop))
    with pytest.raises(KeyboardInterrupt):
        passes(window)
    assert len(passes.keys) == 2
    later = Passes(folder, tmp_path)
    assert later(window).indexed == 1


def test_an_empty_folder_makes_an_empty_index(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    passes = Passes(tmp_path / "photos", tmp_path)
    assert passes(AnsweringWindow()).total == 0
    assert passes.keys == {}
