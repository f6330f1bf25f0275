"""Fixtures for every test: a clean environment, and services that skip at a desk and fail in CI."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
import redis
import typer.testing
from xdist.remote import Producer

from backend.processes.redis_server import RedisServerMissing
from tests.forked_commands import serving
from tests.redis_process import RedisProcess
from tests.scheduling import ByFile, longest_first

# A runner makes all commands anew for each that it runs, which takes longer than many of them do.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]

#: Fixtures that tests of several folders share; a conftest of each would start its own Label Studio.
pytest_plugins = ["tests.real_label_studio"]

# As the command line does it, before torch loads: its threads must not spin on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class StartRedis(Protocol):
    """Starts a server whose data lie in a folder; it has started when this returns."""

    def __call__(
        self, folder: Path, options: Mapping[str, str] | None = ..., **env: str
    ) -> RedisProcess: ...


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
        help="The server that tests start: one on the PATH where there is one, or the embedded one.",
    )
    parser.addoption(
        "--screenshots",
        type=Path,
        default=Path(__file__).parents[1] / "build" / "screenshots",
        help="Where browser tests leave pictures of the pages that they look at.",
    )
    parser.addoption("--engine", default="", help="docker, podman or buildah; for tests/images.")
    parser.addoption(
        "--image-tag", default="latest", help="The tag of the two images that tests/images tries."
    )


def pytest_configure(config: pytest.Config) -> None:
    # xdist would put the files with the most tests first, which are not the longest.
    config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # of several processes
        items[:] = longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, object]:
    report = yield
    if report.failed and "dice" in getattr(item, "fixturenames", ()):
        report.sections.append(
            ("What chance did", f"again with --randomly-seed={_seed(item.config)}")
        )
    return report


def _seed(config: pytest.Config) -> object:
    return config.getoption("randomly_seed")


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance; a test that fails tells the option that makes it fall the same way again."""
    return random.Random(f"{_seed(request.config)} {request.node.nodeid}")


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


@pytest.fixture(scope="session")
def no_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a Firstpass that was never started."""
    return tmp_path_factory.mktemp("no-home") / "none"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, no_home: Path) -> None:
    """No setting of the machine reaches a test, and no Firstpass that runs there."""
    for name in list(os.environ):
        if name.startswith("FIRSTPASS_") or name in (
            "REDIS_URL",
            "LABEL_STUDIO_URL",
            "LABEL_STUDIO_API_KEY",
        ):
            monkeypatch.delenv(name)
    # Commands look there for a Firstpass that runs.
    monkeypatch.setenv("FIRSTPASS_HOME", str(no_home))


@pytest.fixture(scope="session")
def fork_server() -> Iterator[str]:
    """The server that `tests/forked_commands.py` has commands from."""
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def on_path(request: pytest.FixtureRequest) -> bool:
    """Whether a server on the PATH is taken before the embedded one."""
    return bool(request.config.getoption("--redis") == "path")


@contextmanager
def redis_servers(on_path: bool) -> Iterator[StartRedis]:
    """Starts servers, and ends them on exit."""
    with ExitStack() as stack:

        def start(
            folder: Path, options: Mapping[str, str] | None = None, **env: str
        ) -> RedisProcess:
            server = RedisProcess(folder, options, env, on_path=on_path)
            stack.callback(server.end)
            try:
                server.start()
            except RedisServerMissing as error:
                missing(str(error))
            return server

        yield start


@pytest.fixture(scope="session")
def redis_server(on_path: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the Redis that this session started, for all who do no harm to it."""
    with redis_servers(on_path) as start:
        yield start(tmp_path_factory.mktemp("redis")).url()


@pytest.fixture
def start_redis(on_path: bool) -> Iterator[StartRedis]:
    """Starts a Redis of the test alone, in a folder, with options and variables; it may be harmed."""
    with redis_servers(on_path) as start:
        yield start


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
