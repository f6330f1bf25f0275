"""Fixtures for every test: a clean environment, and services that skip at a desk and fail in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backend.redis_server import RedisServerMissing, embedded_redis

# As the command line does it, before torch loads: its threads must not spin on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
