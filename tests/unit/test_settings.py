"""The one reader of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import SettingsError
from backend.settings import Settings, load_settings, variable_name

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_a_variable_sets_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is given on the command line goes over it."""
    monkeypatch.setenv("FIRSTPASS_PORT", "1234")
    monkeypatch.setenv("FIRSTPASS_IMAGE_ALLOW", "minio:9000, Images.Example")

    assert load_settings().port == 1234
    assert load_settings(port=99, host=None).port == 99
    assert load_settings().image_allow == ("minio:9000", "images.example")


@pytest.mark.parametrize("name", ["REDIS_URL", "FIRSTPASS_REDIS_URL"])
def test_redis_url_is_taken_under_both_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Platforms that offer a Redis set REDIS_URL."""
    monkeypatch.setenv(name, "redis://queue:6379/0")

    url = load_settings().redis_url

    assert url is not None
    assert url.get_secret_value() == "redis://queue:6379/0"


def test_our_own_name_goes_before_the_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform's REDIS_URL does not override what was set for Firstpass; an argument does."""
    monkeypatch.setenv("REDIS_URL", "redis://platform:6379/0")
    monkeypatch.setenv("FIRSTPASS_REDIS_URL", "redis://ours:6379/0")

    found = [load_settings(), load_settings(redis_url="redis://given:6379/0")]

    urls = [settings.redis_url.get_secret_value() for settings in found if settings.redis_url]
    assert urls == ["redis://ours:6379/0", "redis://given:6379/0"]


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes on a name that stands in .env without a value, under each name that a setting has."""
    monkeypatch.delenv("FIRSTPASS_HOME")
    usual = load_settings()

    for field in Settings.model_fields:
        monkeypatch.setenv(variable_name(field), "")
    for name in ("REDIS_URL", "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.setenv(name, "")

    assert load_settings() == usual


def test_an_empty_name_of_ours_leaves_the_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """`FIRSTPASS_REDIS_URL=` does not hide `REDIS_URL`."""
    monkeypatch.setenv("REDIS_URL", "redis://platform:6379/0")
    monkeypatch.setenv("FIRSTPASS_REDIS_URL", "")

    url = load_settings().redis_url

    assert url is not None
    assert url.get_secret_value() == "redis://platform:6379/0"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("FIRSTPASS_PORT", "99999", "65535"),
        ("FIRSTPASS_PORT", "http", "integer"),
        ("FIRSTPASS_DTYPE", "int8", "bfloat16"),
        ("FIRSTPASS_SCORE_THRESHOLD", "2", "less than or equal to 1"),
        ("FIRSTPASS_LABEL_STUDIO_URL", "label-studio:8080", "http://"),
        ("FIRSTPASS_LABEL_STUDIO_URL", "http://me:pw@ls:8080", "without a user name or password"),
        ("FIRSTPASS_PUBLIC_URL", "https://me@fp/x", "without a user name or password"),
        ("FIRSTPASS_BASIC_AUTH_USER", "u", "together"),
    ],
)
def test_a_bad_value_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """The message says which variable and what was expected."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=reason):
        load_settings()


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the settings' text, nor in the error about another field."""
    for name in (
        "REDIS_URL",
        "FIRSTPASS_BASIC_AUTH_PASS",
        "LABEL_STUDIO_API_KEY",
        "FIRSTPASS_WEBHOOK_SECRET",
    ):
        monkeypatch.setenv(name, "redis://:hunter2@queue:6379/0")
    monkeypatch.setenv("FIRSTPASS_BASIC_AUTH_USER", "u")
    assert "hunter2" not in repr(load_settings())

    monkeypatch.setenv("FIRSTPASS_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert "hunter2" not in str(caught.value)


def test_the_page_lists_every_setting() -> None:
    """Its table and the code name the same variables and say the same of each."""
    rows = {
        cells[1].strip(" `"): cells[2].strip()
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `FIRSTPASS_") and len(cells := line.split("|")) > 3
    }

    assert rows == {
        variable_name(name): str(info.description).replace("|", "\\|")
        for name, info in Settings.model_fields.items()
    }
