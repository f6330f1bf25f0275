"""A process an hour ahead or behind writes what the others read rightly, and reads it rightly itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing_command
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.skewed import PROJECT, WAITING
from tests.integration.test_queue import requests_for

OFF = ("+1h", "-1h", "+0")
#: Nothing here is as old as this, and a clock that counts would be off by 3,600 s.
YOUNG_S = 600


def faked(off: str) -> list[str]:
    return [str(missing_command("faketime")), "-f", off]


def standin(options: dict[str, str]) -> list[str]:
    named = [
        text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)
    ]
    return [sys.executable, "-m", "tests.standin.worker", *named]


def run(off: str, *arguments: str) -> str:
    command = [*faked(off), sys.executable, "-m", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def look(rig: Rig, off: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(off, "tests.faults.skewed", rig.server.url(), "read"))
    return found


@pytest.mark.parametrize("off", ["+1h", "-1h"])
def test_clocks_may_differ_by_an_hour(make_rig: MakeRig, tmp_path: Path, off: str) -> None:
    """Owed tasks are due at once, cards are fresh, failures are counted; whoever writes, whoever looks."""
    rig, gate = make_rig(), tmp_path / "gate"
    options = {"batch_max": "1", "gate": str(gate), "redis": rig.server.url(), "lease_s": "4"}
    gate.touch()
    # faketime runs it as a child: both are ended by their session.
    skewed = subprocess.Popen([*faked(off), *standin(options)], start_new_session=True)
    try:
        rig.submit(["raise-1", "ok-1"])
        rig.until(rig.all_done)
        true = rig.worker(**options)
        rig.until_at_work(2)
        gate.unlink()
        rig.submit(f"ok-held-{i}" for i in range(4))
        rig.until(lambda: len(rig.stock().leased) == 4)
        rig.remember(requests_for(WAITING))
        run(off, "tests.faults.skewed", rig.server.url(), "write")
        seen = [look(rig, each) for each in OFF]
        gate.touch()
        rig.until(rig.all_done)
        assert (true.poll(), skewed.poll()) == (None, None)
    finally:
        os.killpg(skewed.pid, signal.SIGKILL)
        skewed.wait()

    for found in seen:
        assert {name: age for name, age in found["ages"].items() if not 0 <= age < YOUNG_S} == {}
        assert len(found["ages"]) == 3 + 2 + 2 + 1  # kinds, failures, workers, queues that wait
        assert found["late workers"] == 0
        assert found["silent"] == []
        assert (found["failed"], found["failed jobs"], found["unrecorded"]) == (2, 1, 1)
        assert found["owed"] == [[1], [3]]
        assert found["changed"] == [PROJECT.id]
        assert all(found["waits"])
