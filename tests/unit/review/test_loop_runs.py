"""What `tune` and `learn` last found and applied, in a real Redis and on the page."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from backend.label_studio.project_key import ProjectKey
from backend.review.loop_page import loop_sections
from backend.review.loop_runs import KeptLoopRuns, LoopChange, LoopRun, LoopRuns

pytestmark = pytest.mark.redis

OURS, ANOTHER = ProjectKey(4, 1_795_207_698), ProjectKey(4, 1_795_300_000)
CHANGE = LoopChange("box", "<b>car", "threshold", "0.1", "0.44", "+0.053 (+0.012 to +0.094)")
FIRST = LoopRun("2026-11-20T08:00:00Z", 31, "tiny-0", "tiny-1", (CHANGE,), 6, OURS)
LATER = replace(FIRST, made_at="2026-11-21T08:00:00Z", changes=(), stays=7)


def test_what_is_applied_stays_known_when_a_later_run_only_looks(
    redis_connection: redis.Redis,
) -> None:
    kept = KeptLoopRuns(redis_connection)

    kept.keep("tune", 4, FIRST, applied=True)
    kept.keep("tune", 4, LATER, applied=False)

    assert kept.of(4) == {"tune": LoopRuns(LATER, FIRST), "learn": LoopRuns()}
    assert kept.of(3) == {"tune": LoopRuns(), "learn": LoopRuns()}
    assert 0 < redis_connection.ttl("firstpass:loop:4") <= 90 * 86_400


def test_what_is_taken_back_is_applied_no_more(redis_connection: redis.Redis) -> None:
    """Of the one command; what it found stays known."""
    kept = KeptLoopRuns(redis_connection)
    for command in ("tune", "learn"):
        kept.keep(command, 4, FIRST, applied=True)

    kept.taken_back("tune", 4)

    assert kept.of(4) == {"tune": LoopRuns(FIRST), "learn": LoopRuns(FIRST, FIRST)}


def test_what_another_version_wrote_is_none(redis_connection: redis.Redis) -> None:
    redis_connection.hset("firstpass:loop:4", "tune.found", "{}")

    assert KeptLoopRuns(redis_connection).of(4)["tune"] == LoopRuns()


def test_a_projects_runs_are_forgotten_and_no_others(redis_connection: redis.Redis) -> None:
    kept = KeptLoopRuns(redis_connection)
    kept.keep("learn", 4, FIRST, applied=False)

    kept.forget(ANOTHER)
    assert kept.of(4)["learn"].found == FIRST
    kept.forget(OURS)
    assert not redis_connection.exists("firstpass:loop:4")


def test_the_page_says_what_is_applied_and_what_was_found_since() -> None:
    """With the command that goes on, or back; names are escaped."""
    (tuned,) = loop_sections(4, {"tune": LoopRuns(LATER, FIRST), "learn": LoopRuns()})

    assert tuned.startswith('<div id="tuned">')
    assert (
        "Applied: 2026-11-20T08:00:00Z, from 31 annotations; model_version tiny-0 -&gt; tiny-1."
        in tuned
    )
    assert "`firstpass tune --project 4 --undo` takes it back" in tuned
    assert "0.44" in tuned
    assert "+0.053 (+0.012 to +0.094)" in tuned
    assert "&lt;b&gt;car" in tuned
    assert "6 others stay as set" in tuned
    assert "of the project 4 that was made 2026-11-20T20:48:18Z" in tuned
    assert "looked at since" in tuned
    assert "Nothing to change: 2026-11-21T08:00:00Z" in tuned


def test_the_page_says_what_waits_to_be_applied() -> None:
    (learned,) = loop_sections(4, {"tune": LoopRuns(), "learn": LoopRuns(FIRST)})

    assert learned.startswith('<div id="learned">')
    assert "Found and not applied: 2026-11-20" in learned
    assert "`firstpass learn --project 4 --apply` looks anew" in learned
