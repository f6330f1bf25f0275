"""The demo: a project with generated images, predicted through Label Studio, held against the truth."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend import __version__
from backend.demo.client import Json, LabelStudioClient
from backend.demo.environment import Place, Running, Say, repository, running
from backend.demo.evaluation import compare
from backend.demo.images import demo_images
from backend.demo.report import Report
from backend.errors import SettingsError
from backend.settings import Settings
from backend.supervisor import Supervisor

__all__ = ["DEMO_CONFIG", "DemoResult", "predict_all", "run_demo", "task_ids_by_file"]

TASKS = 24
DEADLINE_S = 180.0
RETRY_S = 1.0
DEMO_CONFIG = Path("label_config/demo.xml")


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The figures of a run whose processes are still up, and where to look at it."""

    report: Report
    address: str
    email: str
    password: str
    supervisor: Supervisor


@contextmanager
def run_demo(settings: Settings, binary: Path, say: Say) -> Iterator[DemoResult]:
    """Start everything, predict and measure; on exit end everything and remove its data.

    `say` gets a line for each step done. After an error the logs are kept and it says where.
    """
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="firstpass-demo-"))
    place = Place(binary, cache=repository() / ".cache" / "demo", folder=folder)
    failed = False
    try:
        with Supervisor() as supervisor, running(settings, place, supervisor, say) as both:
            project, model_version = _project(both, say)
            found = predict_all(both.client, project, TASKS, deadline_s=DEADLINE_S)
            seconds = time.monotonic() - began
            login = both.label_studio.login
            yield DemoResult(
                _report(both, project, found, model_version=model_version, seconds=seconds),
                address=f"{both.label_studio.url}/projects/{project}/data",
                email=login.email,
                password=login.password,
                supervisor=supervisor,
            )
    except Exception:
        failed = True
        say(f"the logs are kept in {folder}")
        raise
    finally:
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)


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


def _project(both: Running, say: Say) -> tuple[int, str]:
    """A project with the images and the backend: its id, and the backend's `model_version`."""
    path = repository() / DEMO_CONFIG
    try:
        label_config = path.read_text()
    except OSError as error:
        raise SettingsError(f"the demo runs from a checkout of Firstpass: {error}") from error
    project = both.client.create_project("Firstpass demo", label_config)
    images = demo_images(TASKS)
    both.client.upload(project, {image.name: image.png for image in images})
    connected = both.client.connect(project, both.backend)
    say(f"{len(images)} images are imported, the backend is connected")
    return project, str(connected["title"])


def _report(
    both: Running, project: int, found: dict[int, Json], *, model_version: str, seconds: float
) -> Report:
    task_ids = task_ids_by_file(both.client.tasks(project))
    pairs = ((image.truth, found.get(task_ids[image.name])) for image in demo_images(TASKS))
    return Report.of(
        compare(pairs),
        seconds,
        label_studio_version=both.label_studio.version,
        firstpass_version=__version__,
        model_version=model_version,
    )
