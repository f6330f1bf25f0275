"""Findings about Redis, workers, courier, models and the web process."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from backend.delivery.card import CourierCard
from backend.prediction.engine import engine_of
from backend.projects.doctor.installation import (
    check_courier,
    check_models,
    check_redis,
    check_web,
    check_workers,
)
from backend.projects.finding import Finding, Level
from backend.queue.worker_card import WorkerCard
from backend.settings import Settings
from backend.status.overview import Overview, RedisView
from tests.unit.projects.label_studio import our_web

NOW = 1000.0
TINY = Settings(model="tiny")
DELIVERS = Settings(label_studio_url="http://ls", label_studio_api_key="0" * 40)  # type: ignore[arg-type]


def card(**changes: Any) -> WorkerCard:
    made = WorkerCard(
        *("worker", "host", 1, "cpu", "tiny", "idle"),
        batch_size=1,
        images=0,
        rate_1m=0.0,
        rate_15m=0.0,
        memory_mb=1,
        ttl_s=30,
        started_at=0.0,
        seen_at=NOW,
    )
    return replace(made, **changes)


def workers(*cards: WorkerCard, settings: Settings = TINY) -> list[Finding]:
    return list(check_workers(Overview(NOW, RedisView(up=True), workers=cards), settings))


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


@pytest.mark.parametrize(
    ("redis", "expected"),
    [
        (RedisView(True, version="7.0", eviction="noeviction", aof=True, aof_ok=True), []),
        (RedisView(True, eviction="allkeys-lru", max_bytes=10), [Level.ERROR]),
        (RedisView(True, eviction="allkeys-lru"), [Level.WARNING]),
        (RedisView(True, aof=False), [Level.WARNING]),
        (RedisView(True, aof=True, aof_ok=False), [Level.ERROR]),
    ],
)
def test_a_redis_that_may_lose_data_is_named(redis: RedisView, expected: list[Level]) -> None:
    assert levels(list(check_redis(redis))) == [Level.OK, *expected]


def test_a_redis_that_does_not_answer_is_one_error() -> None:
    (finding,) = check_redis(RedisView(up=False, reason="connection refused"))

    assert finding.level is Level.ERROR
    assert finding.what == "connection refused"


def test_workers_must_live_and_have_our_model() -> None:
    """The order and spelling of the setting do not matter, its parts do."""
    assert levels(workers()) == [Level.ERROR]
    assert levels(workers(card())) == [Level.OK]
    assert levels(workers(card(model="florence-2-base"))) == [Level.ERROR]
    assert levels(workers(card(model="a, b/"), settings=Settings(model="a,b"))) == [Level.OK]
    silent = card(seen_at=NOW - 20)
    assert levels(workers(card(), silent)) == [Level.OK, Level.WARNING]
    assert levels(workers(silent)) == [Level.ERROR, Level.WARNING]
    assert "go to another" in str(workers(card(), silent)[1].fix)
    assert "start another" in str(workers(silent)[1].fix)


def test_the_courier_must_live_where_there_is_a_token_to_deliver_with() -> None:
    now = time.time()
    alive = CourierCard("host", 1, "http://ls", now, now, stored=3, failed=0)

    assert check_courier(None, Settings()).level is Level.WARNING
    assert check_courier(None, DELIVERS).level is Level.ERROR
    assert check_courier(alive, DELIVERS).level is Level.OK
    waiting = check_courier(replace(alive, waiting="401"), DELIVERS)
    assert waiting.level is Level.ERROR
    assert "waits: 401" in waiting.what


def test_missing_checkpoints_matter_where_no_worker_has_them() -> None:
    """The machine that looks need not be one that computes."""
    absent = Settings(model="florence-2-large,clip-vit-b-32")

    assert check_models(TINY, 0).level is Level.OK
    assert check_models(absent, 1).level is Level.SKIPPED
    error = check_models(absent, 0)
    assert error.level is Level.ERROR
    assert "firstpass models pull florence-2-large clip-vit-b-32" in error.what


def test_the_web_process_must_answer() -> None:
    """Under the public address, if one is named."""

    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert check_web(our_web(), Settings()).level is Level.OK
    assert check_web(our_web(), Settings(public_url="http://web:9090")).level is Level.OK
    assert check_web(our_web(), Settings(public_url="http://other:9090")).level is Level.WARNING
    assert check_web(our_web(nobody), Settings()).level is Level.ERROR


def test_a_worker_that_is_asked_otherwise_is_named() -> None:
    """The same models with other beams give other answers, which would be stored as ours."""
    ours = engine_of(TINY).fingerprint
    other = engine_of(Settings(model="tiny", num_beams=3)).fingerprint

    assert levels(workers(card(fingerprint=ours))) == [Level.OK]
    (finding,) = workers(card(fingerprint=other))
    assert finding.level is Level.ERROR
    assert finding.fix is not None
    assert "FIRSTPASS_NUM_BEAMS" in finding.fix


@pytest.mark.parametrize(
    ("theirs", "ours", "level"),
    [
        ("build/tiny,tiny-clip", "/srv/build/tiny,tiny-clip", Level.OK),
        ("/srv/build/tiny/", "./build/tiny", Level.OK),
        ("/srv/tiny", "/data/tiny", Level.ERROR),
        ("build/tiny,tiny-clip", "build/tiny", Level.ERROR),
        ("florence-2-base", "florence-2-large", Level.ERROR),
    ],
)
def test_a_folder_may_be_named_from_another_folder(theirs: str, ours: str, level: Level) -> None:
    """A command takes a worker's relative folder by its whole path."""
    found = workers(card(model=theirs, fingerprint=""), settings=Settings(model=ours))

    assert levels(found) == [level]
