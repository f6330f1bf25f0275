"""Weights that come after the worker: it is there before them, says what it waits for, and starts with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.pictures import BOXES, import_pictures
from tests.hub.machine import make
from tests.hub.serve_hub import StandInHub, serving
from tests.images.engine import Job
from tests.images.world import World, wait_until

MODELS = ("florence-2-base", "clip-vit-b-32")
CACHE = "/var/cache/huggingface"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[StandInHub]:
    """The pinned repositories with small random weights."""
    make(tmp_path / "repositories")
    with serving(tmp_path / "repositories") as served:
        yield served


def test_a_worker_waits_for_its_weights_and_starts_by_itself(
    world: World, hub: StandInHub, note: Callable[[str], None]
) -> None:
    """An empty volume, `models pull` in another container later; the worker is never started again.

    Meanwhile it is alive by its health command, `/ready` is 503, and `connect` says what is missing.
    """
    volume = world.engine.make_volume()
    # Answers of random weights go on until a bound stops them.
    late = {
        "FIRSTPASS_MODEL": ",".join(MODELS),
        "FIRSTPASS_MAX_NEW_TOKENS": "16",
        "FIRSTPASS_NUM_BEAMS": "1",
    }
    worker = world.start("worker", late, {CACHE: volume})
    world.start("web", late)
    world.start("courier", late)
    wait_until(lambda: ready(world)[0] == 503 and "models pull" in ready(world)[1], world.words)
    assert worker.exec("firstpass", "health", "worker").returncode == 0
    project = world.client.create_project("late weights", BOXES)
    import_pictures(world.client, project, 1)
    told = world.command("connect", "--project", str(project), "--trial-s", "1", env=late)
    assert "models pull" in told.stdout, told.stdout + told.stderr
    assert worker.running, worker.said

    pull = ("models", "pull", *MODELS)
    env = {**world.env, **late, "HF_ENDPOINT": hub.url}
    done = world.engine.run(Job(world.worker_image, pull, env, {CACHE: volume}))
    assert done.returncode == 0, done.stdout + done.stderr

    wait_until(lambda: ready(world)[0] == 200, world.words)
    connected = world.command("connect", "--project", str(project), env=late)
    assert connected.returncode == 0, connected.stdout + connected.stderr
    assert worker.running
    note("weights came after the worker: it waited, said so, and predicts without a restart")


def ready(world: World) -> tuple[int, str]:
    """Status and text of `/ready`; 0 while nobody answers."""
    try:
        answer = httpx.get(f"{world.stack.url}/ready", timeout=10, trust_env=False)
        return answer.status_code, answer.text
    except httpx.HTTPError:
        return 0, ""
