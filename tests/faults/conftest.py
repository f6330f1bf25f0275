"""A fresh Redis per test, and a look at its end that no job was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.processes.redis_server import RedisServerMissing
from backend.queue.submit import SubmitLimits
from tests import redis_process
from tests.conftest import missing
from tests.faults.rig import NOBODY, Rig, Users
from tests.redis_process import RedisProcess

MakeRig = Callable[..., Rig]


def pytest_configure(config: pytest.Config) -> None:
    redis_process.ON_PATH = config.getoption("--redis") == "path"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("faults")
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[MakeRig]:
    """Makes a rig over a Redis with these options; ends it with the conservation check."""
    with ExitStack() as stack:

        def make(
            *,
            limit: int = 10_000,
            timeout_s: int = 3600,
            env: dict[str, str] | None = None,
            users: Users = NOBODY,
            **redis: str,
        ) -> Rig:
            options = {name.replace("_", "-"): value for name, value in redis.items()}
            server = RedisProcess(tmp_path / "redis", options, env)
            stack.callback(server.end)
            try:
                server.start()
            except RedisServerMissing as error:
                missing(str(error))
            limits = SubmitLimits(queue_limit=limit, job_timeout_s=timeout_s)
            rig = Rig(server, tmp_path, limits, users)
            stack.callback(rig.close)
            return rig

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig over a Redis without persistence."""
    return make_rig()
