"""`firstpass prelabel folder` as a person runs it, with the tiny models."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backend.demo.evaluation import compare
from backend.demo.images import demo_images
from tests import forks
from tests.forks import Forked
from tests.standin.held_command import MANY, hold
from tests.unit.images.pictures import STORED, exif

CONFIG = Path(__file__).parents[2] / "label_config" / "demo.xml"
PATIENCE_S = 600.0
Start = Callable[..., Forked]


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts the command with a home and more arguments; `held`: it never ends by itself."""

    def start(home: Path, *arguments: object, held: bool = False) -> Forked:
        words = tmp_path_factory.mktemp("words")
        return forks.start(
            *("prelabel", "folder", *arguments),
            *("--model", "tiny", "--home", home, "--config", CONFIG),
            env=dict(os.environ),  # noqa: TID251
            out=words / "out",
            err=words / "err",
            first=hold if held else None,
            models=True,
        )

    return start


def finish(process: Forked, status: int) -> str:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, out + err
    return out + err


def states(home: Path) -> dict[str, int]:
    """How many images the only ledger of this home has in which state."""
    files = list(home.glob("prelabel/*.sqlite"))
    if not files:
        return {}
    database = sqlite3.connect(files[0], timeout=10)
    try:
        return dict(database.execute("SELECT state, COUNT(*) FROM tasks GROUP BY state"))
    except sqlite3.OperationalError:  # not made yet
        return {}
    finally:
        database.close()


def wait_for_done(process: Forked, home: Path, least: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while states(home).get("done", 0) < least:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def predictions(out: Path) -> dict[str, Any]:
    """The only prediction of each task, by the image's address."""
    tasks = json.loads(out.read_text())
    return {task["data"]["image"]: task["predictions"][0] for task in tasks}


def save(folder: Path, images: Sequence[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        (folder / image.name).write_bytes(image.png)


def test_a_folder_becomes_a_file_that_is_right_about_its_images(
    start: Start, tmp_path: Path
) -> None:
    """As good as through the queue; the unreadable are named, the photos turned by EXIF upright."""
    images = demo_images(8)
    save(tmp_path / "in" / "scenes", images)
    turned = Image.open(tmp_path / "in" / "scenes" / images[0].name)
    STORED[6](turned).save(tmp_path / "in" / "turned.png", exif=exif(6))
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0, and then nothing")

    said = finish(
        start(
            tmp_path / "home", tmp_path / "in", "--out", tmp_path / "out.json",
            "--report", tmp_path / "report.json", "--url-prefix", "https://example.com/",
        ),
        status=3,
    )  # fmt: skip

    found = predictions(tmp_path / "out.json")
    named = {f"https://example.com/scenes/{image.name}": image for image in images}
    assert found.keys() == {*named, "https://example.com/turned.png"}
    tally = compare((image.truth, found[url]) for url, image in named.items())
    assert tally.boxes.f1 > 0.85
    assert tally.tag_accuracy > 0.9
    upright = found["https://example.com/turned.png"]["result"]
    assert {
        (region["original_width"], region["original_height"])
        for region in upright
        if "original_width" in region
    } == {turned.size}
    assert "broken.jpg" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["predicted"], report["failed"], report["left"]) == (9, 1, 0)
    assert report["failures"][0]["examples"][0]["task"] == "broken.jpg"


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_goes_on_and_repeats_nothing(
    start: Start, tmp_path: Path, signum: int, status: int
) -> None:
    """What was predicted before stays as it was; the file is the one that a run without a stop writes."""
    home, folder, out = tmp_path / "home", tmp_path / "in", tmp_path / "out.json"
    save(folder, demo_images(MANY))
    stopped = start(home, folder, "--out", out, held=True)
    wait_for_done(stopped, home, least=3)
    stopped.send_signal(signum)
    said = finish(stopped, status)
    if signum == signal.SIGINT:
        assert "same command goes on" in said
        assert "Traceback" not in said
    assert not out.exists()
    before = states(home)
    assert 3 <= before["done"] < MANY
    assert before["done"] + before["waiting"] == MANY

    said = finish(start(home, folder, "--out", out), status=0)
    assert f"{before['done']} of {MANY} images" in said
    whole = out.read_text()
    assert len(predictions(out)) == MANY

    finish(start(tmp_path / "fresh", folder, "--out", tmp_path / "2.json"), status=0)
    assert whole == (tmp_path / "2.json").read_text()


def test_a_second_command_beside_a_running_one_is_told_so(start: Start, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "in"
    save(folder, demo_images(MANY))
    first = start(home, folder, "--out", tmp_path / "1.json", held=True)
    wait_for_done(first, home, least=1)

    said = finish(start(home, folder, "--out", tmp_path / "2.json"), status=2)
    first.send_signal(signal.SIGTERM)

    assert "another `firstpass prelabel`" in " ".join(said.split())
    finish(first, status=130)


def test_a_dry_run_leaves_a_contact_sheet_alone(start: Start, tmp_path: Path) -> None:
    save(tmp_path / "in", demo_images(5))
    sheet = tmp_path / "sheet.png"

    said = finish(
        start(
            tmp_path / "home",
            tmp_path / "in",
            "--dry-run",
            "--sample",
            3,
            "--sheet",
            sheet,
        ),
        status=0,
    )

    assert "tiny-" in said
    with Image.open(sheet) as image:
        assert image.width > 1000
    assert not (tmp_path / "home").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"in", "sheet.png", "sheet.html"}
    assert "Copy" in (tmp_path / "sheet.html").read_text()


def test_a_folder_of_links_becomes_a_dataset_that_names_what_it_left_out(
    start: Start, tmp_path: Path
) -> None:
    """Without --follow-links there is nothing in it, and the sentence says what would take them."""
    images = demo_images(3)
    save(tmp_path / "store", images)
    folder, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    folder.mkdir()
    for image in images:
        (folder / image.name).symlink_to(tmp_path / "store" / image.name)
        (folder / f"copy of {image.name}").symlink_to(tmp_path / "store" / image.name)
    (folder / "phone.heic").write_bytes(b"x")
    (folder / "scan").write_bytes(images[0].png)
    given = (folder, "--format", "yolo", "--split", "0.5", "--out", out)

    said = finish(start(tmp_path / "home", *given), status=2)
    assert "found none" in said
    assert "link that leads out of the folder: --follow-links takes it (6)" in " ".join(
        said.split()
    )

    said = finish(start(tmp_path / "home", *given, "--follow-links", "--report", report), status=0)

    assert "HEIC image" in said
    left_out = json.loads(report.read_text())["left_out"]
    assert {one["examples"][0]["task"] for one in left_out} == {"phone.heic", "scan"}
    sides = [set((out / f"{side}.txt").read_text().splitlines()) for side in ("train", "val")]
    assert all(sides)
    assert len(sides[0] | sides[1]) == 6
    for side in sides:
        names = {line.removeprefix("./images/") for line in side}
        assert {name for name in names if name.startswith("copy")} == {
            f"copy of {name}" for name in names if not name.startswith("copy")
        }
