"""What an update costs: layers that a machine with the image before need not fetch again."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.images.engine import Engine
from tests.images.layers import layers, new_bytes

ROOT = Path(__file__).parents[2]
MB = 1_000_000
#: Of the images that the changed sources give; taken away again.
TAG = "image-test-changed"

Note = Callable[[str], None]
Build = Callable[[Path], float]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """What the build reads, to be changed."""
    kept = ("Makefile", "pyproject.toml", "README.md", "LICENSE", ".dockerignore")
    for name in (*kept, *(path.name for path in ROOT.glob("requirements*"))):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("backend", "models", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def build(engine: Engine) -> Iterator[Build]:
    """Builds both images of a folder by `make image`; gives the seconds."""

    def make(folder: Path) -> float:
        began = time.monotonic()
        command = ["make", "image", f"ENGINE={engine.name}", f"TAG={TAG}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return time.monotonic() - began

    yield make
    for image in ("firstpass-web", "firstpass-worker"):
        subprocess.run([engine.name, "rmi", "--force", f"{image}:{TAG}"], check=False)


def test_a_changed_line_costs_little(
    engine: Engine, web_image: str, worker_image: str, sources: Path, build: Build, note: Note
) -> None:
    """Under 10 MB of new layers in either image after one line of `backend/` changed."""
    with (sources / "backend" / "plain.py").open("a") as file:
        file.write("# One more line.\n")

    seconds = build(sources)

    for image in (web_image, worker_image):
        new = new_bytes(layers(engine, image), layers(engine, f"{image.split(':')[0]}:{TAG}"))
        note(f"{image}: a changed line costs {new / MB:.1f} MB; both built in {seconds:.1f} s")
        assert new < 10 * MB


def test_a_changed_lock_leaves_torch_where_it_is(
    engine: Engine, worker_image: str, sources: Path, build: Build, note: Note
) -> None:
    """The largest layer of the worker, which holds torch, is the one of before."""
    with (sources / "requirements.lock").open("a") as file:
        file.write("# One more line.\n")

    seconds = build(sources)

    before = layers(engine, worker_image)
    after = layers(engine, f"{worker_image.split(':')[0]}:{TAG}")
    torch = max(before, key=lambda digest: before[digest])
    note(
        f"{worker_image}: a changed lock costs {new_bytes(before, after) / MB:.0f} MB, "
        f"torch's layer of {before[torch] / MB:.0f} MB stays; built in {seconds:.0f} s"
    )
    assert torch in after


def test_sizes(engine: Engine, web_image: str, worker_image: str, note: Note) -> None:
    """Neither image holds what the other one is for: the web image is a fraction of the worker's."""
    sizes = {image: sum(layers(engine, image).values()) for image in (web_image, worker_image)}
    for image, size in sizes.items():
        note(f"{image}: {size / MB:.0f} MB")

    assert sizes[web_image] < sizes[worker_image] / 3
