"""Weights that come after the worker: it is there before them, says what it waits for, and starts with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_a_worker_waits_for_its_weights_and_starts_by_itself(world: World, hub: StandInHub) -> None:
    """An empty volume, `models pull` by the other container later; the worker is never started again."""
    volume = world.engine.make_volume()
    # Answers of random weights go on until a bound stops them.
    short = {"FIRSTPASS_MAX_NEW_TOKENS": "16", "FIRSTPASS_NUM_BEAMS": "1"}
    env = {**world.env, "FIRSTPASS_MODEL": ",".join(MODELS), **short}
    job = Job(world.worker_image, ("worker",), env, {CACHE: volume})
    worker = world.engine.start(job, world.folder / "late-worker.log")
    world.running["worker"] = worker
    world.start("web", FIRSTPASS_MODEL=",".join(MODELS), **short)
    world.start("courier", FIRSTPASS_MODEL=",".join(MODELS), **short)
    wait_until(lambda: world.stack.answers, world.words)
    wait_until(lambda: "florence-2-base" in worker.said, world.words)
    project = world.client.create_project("late weights", "<View/>")
    doctor = world.command("doctor", "--project", str(project), **env)
    assert worker.running, worker.said
    assert "models pull" in doctor.stdout + doctor.stderr
    assert world.stack.workers == 0

    pull = ("models", "pull", *MODELS)
    done = world.engine.run(
        Job(world.worker_image, pull, {**env, "HF_ENDPOINT": hub.url}, {CACHE: volume})
    )
    assert done.returncode == 0, done.stdout + done.stderr

    wait_until(lambda: world.stack.workers == 1, world.words)
    assert worker.running
