"""The images are run as nobody in particular, and can write nowhere but where they are given a place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.engine import Engine, Job

#: Run in the image by its own Python.
LOOK = """
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
def writes(folder):
    try:
        open(f"{folder}/looked", "w").close()
        return True
    except OSError:
        return False
print(json.dumps({
    "ids": [os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()],
    "capabilities": [int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd", "Amb")],
    "no new privileges": status["NoNewPrivs"] == "1",
    "seccomp": status["Seccomp"] == "2",
    "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()],
    "writes": [at for at in ("/", "/opt/firstpass", "/usr", "/etc", "/tmp", os.environ["HOME"]) if writes(at)],
    "home": os.environ["HOME"],
}))
"""


@pytest.mark.parametrize("kind", ["web", "worker"])
def test_an_image_runs_unprivileged_on_a_read_only_root(
    kind: str, engine: Engine, request: pytest.FixtureRequest, note: Callable[[str], None]
) -> None:
    """uid 10001, no capability, none to be had, and two places that take files: /tmp and its volume."""
    image: str = request.getfixturevalue(f"{kind}_image")

    done = engine.run(Job(image, ("-c", LOOK), entrypoint="python"))

    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert set(seen["ids"]) == {10001}
    assert seen["capabilities"] == [0, 0, 0, 0]
    assert seen["no new privileges"]
    assert seen["writes"] == ["/tmp", seen["home"]]
    open_doors = ["the network (the machine's own)"]
    open_doors += [] if seen["seccomp"] else ["system calls (no seccomp filter)"]
    open_doors += [] if 1 in seen["processes"] and len(seen["processes"]) < 5 else ["process ids"]
    note(f"{kind}: run by {engine.name}; not confined: {', '.join(open_doors)}")
