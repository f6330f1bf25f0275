"""Files that people get: the machine's own folder and user, and a sentence before the work where that cannot be.

The commands are those of docker/README.md, under "Files".
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from models.tiny.scenes import generate_scene
from tests.images.engine import Engine, Job

#: Somebody of the machine whom no image knows.
SOMEBODY = 4242
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="star"/></RectangleLabels></View>'
)
PREDICT = ("predict", "--model", "tiny", "scans/scene.png", "--labels", "star")
PRELABEL = ("prelabel", "--model", "tiny", "--images", "scans", "--config", "label_config.xml")


@pytest.fixture
def files() -> Iterator[Path]:
    """Somebody's folder with pictures in it, where nobody else may write.

    Not one of pytest's, which others cannot reach.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "scans").mkdir()
        generate_scene(3).image.save(folder / "scans" / "scene.png")
        (folder / "label_config.xml").write_text(CONFIG)
        if os.getuid() == 0:
            for path in (folder, *folder.iterdir()):
                os.chown(path, SOMEBODY, SOMEBODY)
        yield folder


def somebody() -> str:
    """`--user "$(id -u):$(id -g)"`; where root runs the tests, somebody else's."""
    uid, gid = os.getuid(), os.getgid()
    return f"{uid}:{gid}" if uid else f"{SOMEBODY}:{SOMEBODY}"


def in_files(image: str, folder: Path, *arguments: str, user: str) -> Job:
    env = {"FIRSTPASS_HOME": "/files/.firstpass"}
    return Job(image, arguments, env, {"/files": folder}, user=user, workdir="/files")


def owner(path: Path) -> str:
    return f"{path.stat().st_uid}:{path.stat().st_gid}"


def test_predict_writes_a_picture_that_belongs_to_who_asked(
    engine: Engine, worker_image: str, files: Path
) -> None:
    """By `--user` with a number that the image does not know, into a mounted folder."""
    asked = (*PREDICT, "--json", "--out", "boxes.png")

    done = engine.run(in_files(worker_image, files, *asked, user=somebody()))

    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    with Image.open(files / "boxes.png") as image:
        assert [report["width"], report["height"]] == list(image.size)
    assert owner(files / "boxes.png") == somebody()


def test_prelabel_writes_a_file_that_belongs_to_who_asked(
    engine: Engine, worker_image: str, files: Path
) -> None:
    """One task with its prediction; the same command again finds the ledger, and all done."""
    asked = (*PRELABEL, "--out", "tasks.json")

    runs = [engine.run(in_files(worker_image, files, *asked, user=somebody())) for _ in range(2)]

    assert [done.returncode for done in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    (task,) = json.loads((files / "tasks.json").read_text())
    assert task["predictions"]
    assert owner(files / "tasks.json") == owner(files / ".firstpass") == somebody()


@pytest.mark.parametrize(
    "asked",
    [(*PREDICT, "--out", "boxes.png"), (*PRELABEL, "--out", "tasks.json")],
    ids=["predict", "prelabel"],
)
def test_a_folder_that_takes_no_files_is_said_before_the_work(
    engine: Engine, worker_image: str, files: Path, asked: tuple[str, ...]
) -> None:
    """Without `--user` the image's own user may not write there: a sentence, and nothing was begun."""
    before = sorted(files.rglob("*"))

    done = engine.run(in_files(worker_image, files, *asked, user=""))

    assert done.returncode == 2
    assert done.stderr.startswith("firstpass: ")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    assert sorted(files.rglob("*")) == before


def test_a_picture_is_predicted_without_writing_anything(
    engine: Engine, worker_image: str, files: Path
) -> None:
    """The folder is mounted read-only, and the image's own user reads it."""
    job = Job(worker_image, PREDICT, {}, {"/files": files}, ("/files",), workdir="/files")

    done = engine.run(job)

    assert done.returncode == 0, done.stderr
    assert "scans/scene.png" in done.stdout
