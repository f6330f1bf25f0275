"""Fixtures of the tests of docker/."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.containers.installation import Installation


@pytest.fixture
def bare(tmp_path: Path) -> Installation:
    """A checkout nobody has set up."""
    return Installation(tmp_path)


@pytest.fixture(scope="session")
def fresh_env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make-env.sh writes without being asked for anything."""
    once = Installation(tmp_path_factory.mktemp("fresh"))
    done = once.make_env()
    assert done.returncode == 0, done.stderr
    return once.env


@pytest.fixture
def installation(bare: Installation, fresh_env: Path) -> Installation:
    """A checkout after make-env.sh."""
    shutil.copy(fresh_env, bare.env)
    return bare
