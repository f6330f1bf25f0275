"""Files that people get: the host's own folders, its own user, and a sentence before the work where that cannot be."""

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
PREDICT = ("predict", "--model", "tiny", "--labels", "star", "/pictures/scene.png")
PRELABEL = ("prelabel", "--model", "tiny", "--images", "/pictures", "--config", "/pictures/c.xml")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that others can reach; pytest's own are for their owner only."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def pictures(shared: Path) -> Path:
    """A folder that everyone may read."""
    folder = shared / "pictures"
    folder.mkdir()
    generate_scene(3).image.save(folder / "scene.png")
    (folder / "c.xml").write_text(CONFIG)
    return folder


@pytest.fixture
def out(shared: Path) -> Path:
    """A folder of somebody's own, where nobody else may write."""
    folder = shared / "out"
    folder.mkdir(mode=0o755)
    if os.getuid() == 0:
        os.chown(folder, SOMEBODY, SOMEBODY)
    return folder


def somebody() -> str:
    """`--user "$(id -u):$(id -g)"`; where root is who runs the test, somebody else."""
    uid, gid = os.getuid(), os.getgid()
    return f"{uid}:{gid}" if uid else f"{SOMEBODY}:{SOMEBODY}"


def job(image: str, pictures: Path, out: Path, *arguments: str, user: str) -> Job:
    return Job(
        image,
        arguments,
        mounts={"/pictures": pictures, "/out": out},
        read_only=("/pictures",),
        user=user,
    )


def test_predict_writes_a_picture_that_belongs_to_who_asked(
    engine: Engine, worker_image: str, pictures: Path, out: Path
) -> None:
    """By `--user` with a number that the image does not know, into a mounted folder."""
    asked = (*PREDICT, "--json", "--out", "/out/boxes.png")

    done = engine.run(job(worker_image, pictures, out, *asked, user=somebody()))

    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    drawn = out / "boxes.png"
    with Image.open(drawn) as image:
        assert [report["width"], report["height"]] == list(image.size)
    assert f"{drawn.stat().st_uid}:{drawn.stat().st_gid}" == somebody()


def test_prelabel_writes_a_file_that_label_studio_imports(
    engine: Engine, worker_image: str, pictures: Path, out: Path
) -> None:
    """A folder of pictures, by the same user; the ledger is no business of the person's."""
    asked = (*PRELABEL, "--out", "/out/tasks.json")

    done = engine.run(job(worker_image, pictures, out, *asked, user=somebody()))

    assert done.returncode == 0, done.stdout + done.stderr
    (task,) = json.loads((out / "tasks.json").read_text())
    assert task["predictions"]
    assert (out / "tasks.json").stat().st_uid == int(somebody().split(":")[0])


@pytest.mark.parametrize(
    "asked",
    [(*PREDICT, "--out", "/out/boxes.png"), (*PRELABEL, "--out", "/out/tasks.json")],
    ids=["predict", "prelabel"],
)
def test_a_folder_that_takes_no_files_is_said_before_the_work(
    engine: Engine, worker_image: str, pictures: Path, out: Path, asked: tuple[str, ...]
) -> None:
    """The image's own user may not write into somebody's folder: one sentence with the path, nothing begun."""
    done = engine.run(job(worker_image, pictures, out, *asked, user=""))

    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "/out" in said
    assert "Traceback" not in said
    assert "model_loaded" not in done.stdout + done.stderr
    assert list(out.iterdir()) == []


def test_the_picture_of_the_page_is_predicted(
    engine: Engine, worker_image: str, pictures: Path
) -> None:
    """`docker run --rm -v "$PWD:/pictures:ro" firstpass-worker predict ...`, as docker/README.md has it."""
    asked = ("predict", "--model", "tiny", "/pictures/scene.png", "--labels", "red circle")

    done = engine.run(
        Job(worker_image, asked, mounts={"/pictures": pictures}, read_only=("/pictures",))
    )

    assert done.returncode == 0, done.stderr
    assert "/pictures/scene.png" in done.stdout
