"""A fresh Redis per test, and a look at its end that no job was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.queue.submit import SubmitLimits
from backend.queue.window import RECHECK_S
from tests.conftest import StartRedis
from tests.faults.rig import NOBODY, Rig, Users

MakeRig = Callable[..., Rig]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("faults")
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture
def make_rig(start_redis: StartRedis, tmp_path: Path) -> Iterator[MakeRig]:
    """Makes a rig over a Redis with these options; ends it with the conservation check."""
    with ExitStack() as stack:

        def make(
            *,
            limit: int = 10_000,
            timeout_s: int = 3600,
            env: dict[str, str] | None = None,
            users: Users = NOBODY,
            recheck_s: float = RECHECK_S,
            **redis: str,
        ) -> Rig:
            options = {name.replace("_", "-"): value for name, value in redis.items()}
            server = start_redis(tmp_path / "redis", options, **(env or {}))
            limits = SubmitLimits(queue_limit=limit, job_timeout_s=timeout_s)
            rig = Rig(server, tmp_path, limits, users, recheck_s=recheck_s)
            stack.callback(rig.close)
            return rig

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig over a Redis without persistence."""
    return make_rig()
