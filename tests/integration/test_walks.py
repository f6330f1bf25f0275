"""A request goes the way that docs/develop.md says: a real web process, a real worker, a real Redis."""

from __future__ import annotations

import base64
import io
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from backend.processes.children import free_port
from models.tiny.scenes import generate_scene
from tests.integration.test_processes import until
from tests.pages import REPOSITORY
from tests.walks import entered, walk

PATIENCE_S = 240.0
CONFIG = (REPOSITORY / "label_config" / "demo.xml").read_text()


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[None]:
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.redis
@pytest.mark.timeout(900)
def test_a_request_travels_as_the_page_says(redis_url: str, tmp_path: Path) -> None:
    """From the route to the worker and back, in at most twelve files, in their order."""
    steps = walk("How a request travels")
    web, worker, port = tmp_path / "web", tmp_path / "worker", free_port()
    environment = {
        "FIRSTPASS_REDIS_URL": redis_url,
        "FIRSTPASS_PORT": str(port),
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_CPU_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "FIRSTPASS_WAIT_S": "90",  # the longest there is
    }
    picture = io.BytesIO()
    generate_scene(3).image.save(picture, "PNG")
    image = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
    with (
        running(steps.command(web, "web"), **environment),
        running(steps.command(worker, "worker"), **environment),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False
        ) as client,
    ):
        until(lambda: is_ready(client))
        body = {"tasks": [{"id": 1, "data": {"image": image}}], "label_config": CONFIG}
        reply = client.post("/predict", json=body).json()

    assert reply["results"][0]["result"]
    assert entered([web, worker]) == steps.steps
    assert len(steps.steps) <= 12


def is_ready(client: httpx.Client) -> bool:
    """Whether a worker takes images."""
    try:
        return client.get("/ready").is_success
    except httpx.TransportError:
        return False
