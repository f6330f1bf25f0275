"""Fixtures for every test: a clean environment, and services that skip at a desk and fail in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backend.processes.redis_server import RedisServerMissing, embedded_redis

# As the command line does it, before torch loads: its threads must not spin on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: Nothing listens on port 1.
NO_HUB = "http://127.0.0.1:1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write golden files anew; read the diff then."
    )
    parser.addoption(
        "--redis",
        choices=("path", "embedded"),
        default="path",
        help="The server that fault tests start: one on the PATH where there is one, or the embedded one.",
    )
    parser.addoption("--engine", default="", help="docker, podman or buildah; for tests/images.")
    parser.addoption(
        "--image-tag", default="latest", help="The tag of the two images that tests/images tries."
    )


@pytest.fixture(scope="session")
def no_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the model hub's programs with nothing in it."""
    return tmp_path_factory.mktemp("no-models")


@pytest.fixture(autouse=True)
def _no_hub(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, no_models: Path
) -> None:
    """No test finds the machine's models or reaches a hub, but those that are about real weights."""
    if request.node.get_closest_marker("weights") is not None:
        return
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING")) or name == "TRANSFORMERS_OFFLINE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(no_models))
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    # Read from the environment once, when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(no_models / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", NO_HUB)
    template = NO_HUB + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith("FIRSTPASS_") or name in (
            "REDIS_URL",
            "LABEL_STUDIO_URL",
            "LABEL_STUDIO_API_KEY",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Redis that this session started."""
    try:
        with embedded_redis(tmp_path_factory.mktemp("redis")) as url:
            yield url
    except RedisServerMissing as error:
        missing(str(error))


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """That Redis, emptied before the test."""
    connection = redis.Redis.from_url(redis_server)
    connection.flushall()
    connection.close()
    return redis_server


@pytest.fixture
def redis_connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


def missing(what: str) -> None:
    """Skip for want of a service at a desk; fail in CI, where nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def missing_command(name: str) -> Path:
    """The command of that name; where there is none, as `missing`."""
    found = shutil.which(name)
    if found is None:
        missing(f"no {name} on the PATH")
    return Path(found or "")


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return Path(__file__).parent / "golden"
