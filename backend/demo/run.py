"""The demo: a project with generated images, predicted through Label Studio, held against the truth."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend import __version__
from backend.demo.client import LabelStudioClient
from backend.demo.environment import CACHE, Place, Running, Say, repository, running
from backend.demo.evaluation import Truth, compare
from backend.demo.images import DemoImage, demo_images
from backend.demo.label_studio import Login
from backend.demo.report import Report
from backend.demo.review_loop import Loop, LoopFigures
from backend.demo.review_scenes import LOOSE
from backend.errors import SettingsError
from backend.plain import Json
from backend.processes.supervisor import Supervisor
from backend.settings import Settings

__all__ = [
    "DEMO_CONFIG",
    "DemoResult",
    "LoopResult",
    "predict_all",
    "run_demo",
    "run_review_loop",
    "task_ids_by_file",
]

DEADLINE_S = 300.0
RETRY_S = 1.0
DEMO_CONFIG = Path("label_config/demo.xml")
#: What the review loop is shown on, and how many more of its images nobody reviews, to measure on.
LOOP_DOMAIN, HELD_OUT = LOOSE, 50


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The figures of a run whose processes are still up, and where to look at it."""

    report: Report
    address: str
    login: Login
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class LoopResult:
    """The same of a round of the review loop."""

    figures: LoopFigures
    address: str
    login: Login
    supervisor: Supervisor


@contextmanager
def run_demo(settings: Settings, binary: Path, *, tasks: int, say: Say) -> Iterator[DemoResult]:
    """Start everything, have that many images predicted, measure; on exit end and remove all of it.

    `say` gets a line for each step done. After an error the logs are kept and it says where.
    """
    began = time.monotonic()
    label_config, images = _label_config(), demo_images(tasks)
    with _both(settings, binary, say) as (both, supervisor):
        client = both.client
        project = client.create_project("Firstpass demo", label_config)
        client.upload(project, {image.name: image.png for image in images})
        connected = client.connect(project, both.backend)
        say(f"{len(images)} images are imported, the backend is connected")
        found = predict_all(client, project, tasks, deadline_s=DEADLINE_S)
        seconds = time.monotonic() - began
        report = Report.of(
            compare(_with_truth(client.tasks(project), images, found)),
            seconds,
            label_studio_version=both.label_studio.version,
            firstpass_version=__version__,
            model_version=connected["title"],
        )
        address = f"{both.label_studio.url}/projects/{project}/data"
        yield DemoResult(report, address, both.label_studio.login, supervisor)


@contextmanager
def run_review_loop(
    settings: Settings, binary: Path, *, reviewed: int, say: Say
) -> Iterator[LoopResult]:
    """Start everything and go round the review loop once, with that many images reviewed; on exit as `run_demo`."""
    with _both(settings, binary, say) as (both, supervisor):
        loop = Loop(both, LOOP_DOMAIN, reviewed, HELD_OUT, say)
        figures = loop.run()
        address = f"{both.label_studio.url}/projects/{loop.project}/data"
        yield LoopResult(figures, address, both.label_studio.login, supervisor)


def predict_all(
    client: LabelStudioClient, project: int, tasks: int, *, deadline_s: float
) -> dict[int, Json]:
    """The stored predictions by task id, after as many "Retrieve predictions" as it takes.

    A task that still has none when the time is over is missing in it.
    """
    deadline = time.monotonic() + deadline_s
    while True:
        client.retrieve_predictions(project)
        found = {int(row["task"]): row for row in client.predictions(project)}
        if len(found) >= tasks or time.monotonic() > deadline:
            return found
        time.sleep(RETRY_S)


def task_ids_by_file(tasks: list[Json]) -> dict[str, int]:
    """Task ids by the name a file was uploaded under (Label Studio puts a prefix before it)."""
    return {task["data"]["image"].rpartition("/")[2].split("-", 1)[1]: task["id"] for task in tasks}


def _label_config() -> str:
    try:
        return (repository() / DEMO_CONFIG).read_text()
    except OSError as error:
        raise SettingsError(f"the demo runs from a checkout of Firstpass: {error}") from error


@contextmanager
def _both(settings: Settings, binary: Path, say: Say) -> Iterator[tuple[Running, Supervisor]]:
    """Label Studio and Firstpass at work, with all that they keep in a folder that is gone afterwards."""
    with (
        _scratch_folder(say) as folder,
        Supervisor() as supervisor,
        running(settings, Place(binary, repository() / CACHE, folder), supervisor, say) as both,
    ):
        yield both, supervisor


@contextmanager
def _scratch_folder(say: Say) -> Iterator[Path]:
    """A folder that is gone afterwards, unless an error leaves logs in it."""
    folder = Path(tempfile.mkdtemp(prefix="firstpass-demo-"))
    keep = False
    try:
        yield folder
    except Exception:
        keep = any(folder.rglob("*.log"))
        if keep:
            say(f"the logs are kept in {folder}")
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _with_truth(
    tasks: list[Json], images: Sequence[DemoImage], found: dict[int, Json]
) -> Iterator[tuple[Truth, Json | None]]:
    task_ids = task_ids_by_file(tasks)
    for image in images:
        yield image.truth, found.get(task_ids[image.name])
