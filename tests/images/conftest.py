"""The engine, the two images, and what they are tried beside: a real Redis and a real Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.images.buildah import Buildah
from tests.images.engine import Docker, Engine
from tests.images.world import World, beside

#: What the report says at its end: the engine, what it did not confine, sizes and seconds.
NOTES: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("images")
            item.add_marker(pytest.mark.timeout(1800))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if NOTES:
        terminalreporter.section("images")
        for note in NOTES:
            terminalreporter.line(note)


@pytest.fixture(scope="session")
def note() -> Callable[[str], None]:
    """Puts a line into the report's end."""
    return NOTES.append


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    name = request.config.getoption("--engine")
    if name not in ("docker", "podman", "buildah"):
        pytest.fail(
            f"expected --engine=docker, podman or buildah, got {name!r}; see make image-test"
        )
    made: Engine = Buildah() if name == "buildah" else Docker(name)
    yield made
    made.close()


@pytest.fixture(scope="session")
def web_image(request: pytest.FixtureRequest) -> str:
    return f"firstpass-web:{request.config.getoption('--image-tag')}"


@pytest.fixture(scope="session")
def worker_image(request: pytest.FixtureRequest) -> str:
    return f"firstpass-worker:{request.config.getoption('--image-tag')}"


@pytest.fixture(scope="module")
def world(
    engine: Engine,
    web_image: str,
    worker_image: str,
    label_studio_bin: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Redis and Label Studio; programs of the images are started by the tests."""
    folder = tmp_path_factory.mktemp("world")
    with beside(engine, (web_image, worker_image), label_studio_bin, folder) as made:
        yield made
