"""A question at a terminal, and what becomes of its answer."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
from backend.cli.asking import ask
from backend.errors import BadRequest
try:
    ask("Remove it?", yes=False)
except BadRequest as error:
    print("\\n" + str(error))
else:
    print("\\nremoved")
"""
NOTHING = "nothing was removed, since the answer was not yes"


@pytest.mark.parametrize(
    ("answer", "said"),
    [(b"y\n", "removed"), (b"n\n", NOTHING), (b"\n", NOTHING), (b"\x04", NOTHING)],
)
def test_only_a_yes_is_one(answer: bytes, said: str) -> None:
    """Everything else is an error of ours, which ends a command as not done; Ctrl-D (the end of input), too."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            stdin=theirs, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    finally:
        os.close(theirs)
        os.close(ours)

    assert done.stdout.splitlines()[-1] == said
