"""The desk that the tests of Label Studio's API sit at: over the stand-in, and over the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from tests.contract.desks import Desk, RealDesk, StandInDesk


@pytest.fixture(
    params=["stand-in", pytest.param("real", marks=[pytest.mark.e2e, pytest.mark.timeout(1800)])]
)
def desk(request: pytest.FixtureRequest, demo_config: str) -> Iterator[Desk]:
    if request.param == "stand-in":
        yield StandInDesk()
        return
    both: Running = request.getfixturevalue("both")
    with LabelStudioApi.from_settings(both.settings) as api:
        yield RealDesk(both.client, api, request.node.name[:50], demo_config)
