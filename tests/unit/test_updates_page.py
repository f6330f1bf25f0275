"""The page about updates names every key that we keep in Redis, and no other; and its figures are the code's."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

import pytest

from backend.delivery import keys as delivery_keys
from backend.delivery.turn import Turn
from backend.label_studio.api import WRITE_TIMEOUT_S
from backend.label_studio.project_key import ProjectKey
from backend.queue import keys as queue_keys
from backend.queue.drain import DRAIN_TTL_S
from backend.review.kept_report import PREFIX as REVIEWS
from backend.review.loop_runs import PREFIX as LOOP
from backend.review.phrase_tally import PREFIX as PHRASES
from backend.settings import Settings
from backend.web.ending import ANSWER_S, END_S

PAGE = (Path(__file__).parents[2] / "docs" / "updates.md").read_text()
SAMPLES: dict[str, object] = {"project": ProjectKey(4, 1), "task": 1}


def keys_of(module: ModuleType) -> Iterator[str]:
    """All that the module gives names for."""
    for name in module.__all__:
        found = getattr(module, name)
        if isinstance(found, str) and found.startswith("firstpass:"):
            yield found
        elif callable(found) and name != "script":
            yield found(*(SAMPLES.get(each, "x") for each in inspect.signature(found).parameters))


def patterns() -> list[str]:
    rows = re.findall(r"^\| (`(?:firstpass|rq):.*?) \|", PAGE, flags=re.MULTILINE)
    return [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row)]


KEYS = [
    *keys_of(queue_keys),
    *keys_of(delivery_keys),
    f"{PHRASES}4.1:asked",
    f"{REVIEWS}4",
    f"{LOOP}4",
]


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_in_the_table(key: str) -> None:
    """Whoever adds a key says what becomes of it in an update."""
    assert any(fnmatchcase(key, pattern) for pattern in patterns())


def test_the_table_names_no_key_that_there_is_not() -> None:
    """But RQ's."""
    assert [one for one in patterns() if not any(fnmatchcase(key, one) for key in KEYS)] == ["rq:*"]


def test_no_other_module_makes_keys_of_ours() -> None:
    """Else they would be missed here."""
    root = Path(__file__).parents[2] / "backend"
    makers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r'"firstpass:[a-z]', path.read_text())
    }
    assert makers == {
        "delivery/keys.py",
        "review/kept_report.py",
        "review/loop_runs.py",
        "review/phrase_tally.py",
    }
    assert Turn.__module__ == "backend.delivery.turn"  # its second key begins with its first


def test_the_figures_are_the_codes() -> None:
    """Times that operators plan with."""
    job_s, lease_s = (Settings.model_fields[name].default for name in ("job_timeout_s", "lease_s"))
    assert f"after {ANSWER_S} s gets a 503" in PAGE
    assert END_S < 3
    assert f"`FIRSTPASS_JOB_TIMEOUT_S` ({job_s} s)" in PAGE
    assert f"`FIRSTPASS_LEASE_S`, {lease_s} s" in PAGE
    assert f"{WRITE_TIMEOUT_S:.0f} s where Label Studio hangs" in PAGE
    assert DRAIN_TTL_S == 24 * 3600
