"""The stand-in hub, and a machine that was never used before: an empty cache, and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.machine import Machine, make
from tests.hub.serve_hub import StandInHub, serving


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned repositories with small weights; not to be changed."""
    folder = tmp_path_factory.mktemp("repositories")
    make(folder / "small")
    return folder / "small"


@pytest.fixture
def hub(repositories: Path) -> Iterator[StandInHub]:
    with serving(repositories) as served:
        yield served


@pytest.fixture
def machine(hub: StandInHub, tmp_path: Path) -> Machine:
    """A machine that has nothing, and knows the stand-in as its hub."""
    return Machine(tmp_path / "hf", hub.url)
