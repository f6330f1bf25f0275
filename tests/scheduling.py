"""How the suite is dealt out to the processes of pytest-xdist: by file, the longest first.

A file's tests share what its module started, so they stay together. All tests that drive the one shared Label
Studio are one piece, or it would be started in each process. What takes minutes is dealt out first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["ByFile", "longest_first"]

#: The piece of all files that drive the session's Label Studio (`both` in tests/real_label_studio.py).
SHARED = "tests/e2e"
#: It holds these besides, which run over the stand-in and over the real one.
CONTRACT = ("tests/contract/test_label_studio.py", "tests/contract/test_label_studio_tabs.py")
#: Files of tests/e2e that start a Label Studio of their own, or none.
OWN_LABEL_STUDIO = (
    "tests/e2e/test_kills.py",
    "tests/e2e/test_backup.py",
    "tests/e2e/test_postgres.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_editor_away.py",
)
#: In this order; what is not named comes last, whole folders after the files above them.
LONG = (
    "tests/e2e/test_kills.py",
    SHARED,
    "tests/e2e/",
    "tests/hub/test_walk.py",
    "tests/operators/",
    "tests/integration/",
    "tests/contract/",
    "tests/hub/",
    "tests/unit/models/",
)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Deals out files, and the files that share a Label Studio as one."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)


def piece(nodeid: str) -> str:
    """The name of what a test is dealt out with."""
    file = nodeid.partition("::")[0]
    if file in CONTRACT or (file.startswith(f"{SHARED}/") and file not in OWN_LABEL_STUDIO):
        return SHARED
    return file


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests with those of the long pieces in front; otherwise in the order that they have."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    named = piece(nodeid)
    return next((n for n, long in enumerate(LONG) if _holds(long, named)), len(LONG))


def _holds(long: str, named: str) -> bool:
    return named == long or (long.endswith("/") and named.startswith(long))
