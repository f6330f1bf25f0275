"""An index made by real workers through a real Redis, and searched by a job; and one of a folder, by the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import redis

from backend.bulk.local import address_of
from backend.errors import BadRequest, Failure
from backend.indexing.index_run import IndexRun
from backend.indexing.sources import FolderImages
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.queue.job_queue import JobQueue
from backend.runs.progress import Progress
from backend.vectors.asking import search_outcome
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexPlace, folder_index, index_place, project_index
from backend.vectors.rows import IndexRows
from models.registry import fingerprint, resolve
from models.tiny.scenes import SHAPES, Scene, generate_scene
from models.types import Hits
from tests import forks
from tests.e2e.killing import wait_until
from tests.forked_commands import command_folder
from tests.integration.conftest import StartCommand
from tests.page_commands import FOLDER_SEARCHED, commands_run_by

FIRST_SEED = 8_200_000_000
SCENES = 12
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
    + "</RectangleLabels></View>"
)
PATIENCE_S = 600.0
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [generate_scene(FIRST_SEED + number, max_objects=3) for number in range(SCENES)]


def saved(scenes: list[Scene], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number, scene in enumerate(scenes):
        scene.image.save(folder / f"{number:02}.png")
    return folder


def predictor() -> Predictor:
    return PredictorSettings(engine_for("tiny"), None, None).for_label_config(CONFIG)


def named(place: IndexPlace, found: Hits) -> list[str]:
    rows = IndexRows(place)
    regions = {one.row: one.image for one in rows.regions()}
    images = {one.row: one.key for one in rows.images()}
    return [images[regions.get(hit.row, hit.row)] for hit in found.items]


@pytest.mark.redis
def test_workers_fill_an_index_and_search_it(
    redis_connection: redis.Redis,
    redis_url: str,
    job_queue: JobQueue,
    start_command: StartCommand,
    scenes: list[Scene],
    tmp_path: Path,
) -> None:
    """The worker's home has the index; a worker of another home says that it has none."""
    folder, home, by = saved(scenes, tmp_path / "scans"), tmp_path / "home", predictor()
    engine = by.settings.engine
    place = index_place(
        home, project_index("http://ls.example", 3), fingerprint(resolve("tiny-clip"))
    )

    def request(path: str) -> ModelRequest:
        requests = by.requests(Task(data={"image": address_of(path)}))
        assert not isinstance(requests, Failure)
        ((_, asked),) = requests.values()
        return asked

    source = FolderImages(folder, ObjectTag("image", "image"), request, by.version)
    run = IndexRun(source, by, engine.fingerprint, Progress(lambda progress: None))
    with pytest.raises(BadRequest, match="no index yet: run `firstpass index --project 3`"):
        search_outcome(job_queue, engine, place, "star")
    env = {
        "FIRSTPASS_REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_LOCAL_FILES_ROOT": str(folder),
        "FIRSTPASS_HOME": str(home),
        "FIRSTPASS_CPU_THREADS": "1",
    }
    worker, _ = start_command("worker", env=env)
    with open_writer(place) as writer:
        did = run.once(writer, job_queue.window(interactive=False, consumes=True))
    assert (did.indexed, did.failed) == (SCENES, 0)
    assert did.regions_by_source["asked"] > SCENES / 2
    assert all(one.source == "asked" for one in IndexRows(place).regions())

    found = search_outcome(job_queue, engine, place, "star", wait_s=PATIENCE_S)
    assert isinstance(found, Hits)
    first = scenes[int(named(place, found)[0].removesuffix(".png"))]
    assert any(thing.shape == "star" for thing in first.objects)
    like = search_outcome(job_queue, engine, place, found.items[0].row, wait_s=PATIENCE_S)
    assert isinstance(like, Hits)
    assert found.items[0].row not in {hit.row for hit in like.items}

    # Nothing of it fills the workers' cache, and an index that has changed is searched anew.
    kept = [
        key
        for key in redis_connection.scan_iter("*")
        if b"thumbnail" in _value(redis_connection, key)
    ]
    assert kept == []
    gone = named(place, found)[0]
    with open_writer(place) as writer:
        writer.remove([gone])
    again = search_outcome(job_queue, engine, place, "star", wait_s=PATIENCE_S)
    assert isinstance(again, Hits)
    assert gone not in named(place, again)

    worker.end()
    start_command("worker", env={**env, "FIRSTPASS_HOME": str(tmp_path / "elsewhere")})
    refused = search_outcome(job_queue, engine, place, "circle", wait_s=PATIENCE_S)
    assert isinstance(refused, Failure)
    assert "has no index project-3-" in refused.message
    assert "run `firstpass index --project 3` where the workers run" in refused.message

    with pytest.raises(BadRequest, match="at most 200 characters to search for, got 5,000"):
        search_outcome(job_queue, engine, place, "x" * 5000)


def _value(connection: redis.Redis, key: bytes) -> bytes:
    """What an output of the workers' cache holds; nothing of other kinds of keys."""
    if b"output:" not in key or connection.type(key) != b"string":
        return b""
    value = connection.get(key)
    return value if isinstance(value, bytes) else b""


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "FIRSTPASS_HOME": str(home / "home"),
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_CPU_THREADS": "1",
    }


def test_a_folder_is_indexed_and_searched(
    fork_server: str, scenes: list[Scene], tmp_path: Path
) -> None:
    """As the page says it, from nothing; then what a person may type wrong."""
    desk = tmp_path / "desk"
    saved(scenes, desk / "scans")
    binaries = command_folder(fork_server, tmp_path / "bin")
    env = _environment(tmp_path) | {"PATH": f"{binaries}:{os.environ['PATH']}"}  # noqa: TID251

    def run(command: str, expect: int = 0) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=desk,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    assert "there is no index yet: run `firstpass index --images scans`" in run(
        'firstpass search --images scans/ "star"', expect=2
    )
    index, search = commands_run_by(FOLDER_SEARCHED)
    assert f"images {SCENES} " in run(index)
    assert "Found by 'red star', among 12" in run(search)

    told = json.loads(run(f"{search} --top 3 --out found.png --json 2>/dev/null"))
    assert len(told["found"]) == 3
    assert (desk / "found.png").stat().st_size > 1000
    first = told["found"][0]["path"]
    like = json.loads(run(f"firstpass search --images scans/ --like {first} --json"))
    assert first not in [one["path"] for one in like["found"]]
    same = json.loads(run(f"firstpass search --images scans/ --like scans/{first} --json"))
    assert same["found"][0]["path"] == first
    assert same["found"][0]["cosine"] == pytest.approx(1, abs=2e-3)

    long = "x" * 5000
    assert "at most 200 characters" in run(f'firstpass search --images scans/ "{long}"', expect=2)
    assert "no region in the index has the label 'car'" in run(
        'firstpass search --images scans/ --label car "red"', expect=2
    )
    (desk / "scans" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    failed = run("firstpass index --images scans/", expect=3)
    assert "Failed: torn.png" in failed
    assert f"images {SCENES} " in failed
    other = run("FIRSTPASS_MODEL=no-such-model firstpass index --images scans/", expect=2)
    assert "no-such-model" in other


def test_a_watched_folder_is_indexed_until_it_is_ended(
    fork_server: str, scenes: list[Scene], tmp_path: Path
) -> None:
    """A file that comes later is found, and SIGTERM ends it well."""
    folder = saved(scenes[:2], tmp_path / "scans")
    env = _environment(tmp_path)
    command = ("index", "--images", str(folder), "--watch", "--every", "1", "--json")
    log = tmp_path / "watch.log"
    watching = forks.start(*command, env=env, out=log, models=True)
    try:
        engine = engine_for("tiny")
        place = index_place(tmp_path / "home", folder_index(folder), classifier_of(engine) or "")
        wait_until(lambda: place.exists and IndexRows(place).counts().images == 2)
        scenes[2].image.save(folder / "later.png")
        wait_until(lambda: IndexRows(place).counts().images == 3)
    finally:
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(PATIENCE_S) == 0, log.read_text()
