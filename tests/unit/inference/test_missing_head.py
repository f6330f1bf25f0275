"""What is said of a learned head that a worker cannot use holds for whoever asks again."""

from __future__ import annotations

from typing import cast
from unittest.mock import Mock

import pytest

from backend.errors import HeadUnavailable
from backend.inference.handler import raw_outputs
from backend.queue.heads import LOOK_AGAIN_S
from models.protocols import HeadMissing, Runtime


def test_it_is_said_after_how_long_it_is_planned_without_the_head() -> None:
    """Before that the web process takes it for found, and plans with it."""
    runtime = Mock()
    runtime.run_raw.side_effect = HeadMissing("the learned head is not there any more")

    with pytest.raises(HeadUnavailable, match=f"asked again after {LOOK_AGAIN_S:g} s"):
        raw_outputs(cast("Runtime", runtime), [])
