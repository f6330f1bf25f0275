"""What the web process shows of its settings, and what it never shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
import redis
from pydantic import SecretStr

from backend import __version__
from backend.queue.keys import INSTALLATION
from backend.settings import Settings
from backend.status.installation import (
    SHOWN,
    TTL_S,
    InstallationCard,
    InstallationSign,
    home_of,
    read_installation,
)
from tests.conftest import StartRedis

SETTINGS = Settings(
    model="tiny",
    port=9191,
    label_studio_url="http://ls:8080",
    label_studio_api_key=SecretStr("hidden-key"),
    basic_auth_user="hidden-user",
    basic_auth_pass=SecretStr("hidden-pass"),
    webhook_secret=SecretStr("hidden-hook"),
    redis_url=SecretStr("redis://:hidden-redis@h/0"),
    cache_url=SecretStr("redis://:hidden-cache@h/0"),
    image_allow=("pictures:80",),
)


def test_no_secret_is_shown() -> None:
    """Neither a field that holds one, nor the file or the user that goes with it."""
    secret = {
        name for name, info in Settings.model_fields.items() if SecretStr in _kinds(info.annotation)
    }

    assert not secret & set(SHOWN)
    assert {"basic_auth_user", "label_studio_api_key_file"}.isdisjoint(SHOWN)
    assert "hidden" not in json.dumps(dict(InstallationCard.of(SETTINGS).settings))


def test_it_is_read_as_it_was_shown(redis_connection: redis.Redis) -> None:
    sign = InstallationSign(redis_connection, SETTINGS)
    sign.renew()

    card = read_installation(redis_connection)

    assert card is not None
    assert (card.version, card.url) == (__version__, "http://127.0.0.1:9191")
    assert set(card.settings) == set(SHOWN)
    assert _of(card.settings, "model", "label_studio_url", "image_allow") == (
        "tiny",
        "http://ls:8080",
        ["pictures:80"],
    )
    assert 0 < int(redis_connection.ttl(INSTALLATION)) <= TTL_S
    sign.take_down()
    assert read_installation(redis_connection) is None


@pytest.mark.parametrize("stored", ["no JSON", "{}", '{"version": 1}', b"\xff"])
def test_what_another_version_shows_is_none(
    redis_connection: redis.Redis, stored: str | bytes
) -> None:
    redis_connection.set(INSTALLATION, stored)

    assert read_installation(redis_connection) is None


def test_another_programs_value_is_none_and_is_written_over(redis_connection: redis.Redis) -> None:
    redis_connection.rpush(INSTALLATION, "a list")

    assert read_installation(redis_connection) is None
    InstallationSign(redis_connection, SETTINGS).renew()
    assert read_installation(redis_connection) is not None


@pytest.mark.redis
def test_a_redis_that_takes_nothing_is_let_be(start_redis: StartRedis, tmp_path: Path) -> None:
    """The web process goes on as it would without: what is amiss with Redis is said elsewhere."""
    url = start_redis(tmp_path / "redis", {"maxmemory": "1"}).url()
    with redis.Redis.from_url(url) as connection:
        sign = InstallationSign(connection, SETTINGS)
        sign.renew()
        sign.take_down()

        assert read_installation(connection) is None


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("https://ls.example/label/", "https://ls.example/label"),
        ("javascript:alert(1)//", ""),
        ("//elsewhere", ""),
        (["http://ls"], ""),
        (None, ""),
    ],
)
def test_only_an_address_of_the_web_is_label_studios(address: object, home: str) -> None:
    """Whoever writes into Redis names it, and browsers follow it."""
    card = InstallationCard(__version__, "http://127.0.0.1:9090", {"label_studio_url": address})

    assert home_of(card) == home


def _kinds(annotation: Any) -> set[Any]:
    return {annotation, *(get_args(annotation) if isinstance(annotation, UnionType) else ())}


def _of(settings: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(settings[name] for name in names)
