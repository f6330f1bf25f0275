"""What is amiss with our ML backend and webhook in a project."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from backend.projects.our_backend import OurBackend, same_address
from backend.settings import Settings
from tests.unit.projects.label_studio import OLD, OURS, URL, VERSION, the_backend, the_webhook


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://web:9090", "http://WEB:9090/", True),
        ("http://u:p@web:9090", "http://web:9090", True),
        ("https://web", "https://web:443", True),
        ("http://web", "https://web", False),
        ("http://web:9090", "http://web:9091", False),
        ("http://web/a", "http://web/b", False),
        ("http://web:port", "http://web", False),
    ],
)
def test_an_address_is_compared_as_a_place(one: str, other: str, same: bool) -> None:
    assert same_address(one, other) is same


def test_the_settings_name_our_address_and_credentials() -> None:
    """Without a public address, the one that we listen on."""
    settings = Settings(
        host="0.0.0.0", port=81, basic_auth_user="u", basic_auth_pass=SecretStr("p")
    )

    ours = OurBackend.from_settings(settings)

    assert ours.url == "http://127.0.0.1:81"
    assert ours.auth == ("u", "p")
    assert "'p'" not in repr(ours)
    assert OurBackend.from_settings(Settings(public_url="http://web:9090/")).url == URL
    assert Settings(host="::1", port=1).local_url == "http://[::1]:1"


def test_nothing_is_amiss_with_what_we_make() -> None:
    assert OURS.amiss(the_backend(), VERSION) == []
    assert OURS.webhook_amiss(the_webhook()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": "Florence"}, "its name was 'Florence'"),
        ({"is_interactive": False}, "it was not interactive"),
        ({"auto_update": False}, "its version was not updated"),
        ({"basic_auth_user": "other", "state": "DI"}, "it had other credentials"),
        ({"state": "DI", "readable_state": "Disconnected"}, "Label Studio had it as Disconnected"),
    ],
)
def test_what_is_amiss_with_the_backend_is_named(changes: dict[str, Any], words: str) -> None:
    assert OURS.amiss(the_backend(**changes), VERSION) == [words]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"headers": {}}, "it had not our secret"),
        ({"headers": {"x-firstpass-secret": "sesame"}}, "it had not our secret"),
        ({"is_active": False}, "it was switched off"),
        ({"send_for_all_actions": False}, "it did not tell all that happens"),
    ],
)
def test_what_is_amiss_with_the_webhook_is_named(changes: dict[str, Any], words: str) -> None:
    assert OURS.webhook_amiss(the_webhook(**changes)) == [words]


def test_headers_of_others_stay_on_the_webhook() -> None:
    """Our secret replaces an earlier one, however it is spelt; without a secret nothing is touched."""
    before = the_webhook(headers={"x-firstpass-secret": "old", "X": "y"})

    headers = OURS.webhook_fields(before)["headers"]

    assert headers == {"X": "y", "X-Firstpass-Secret": "sesame"}
    bare = replace(OURS, webhook_secret=None)
    assert bare.webhook_fields(before)["headers"] == before.headers


def test_a_backend_without_credentials_says_so() -> None:
    assert OurBackend(URL).fields(VERSION)["auth_method"] == "NONE"
    assert OURS.fields(VERSION)["basic_auth_pass"] == "pass"


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({"title": OLD}, True),
        ({"title": "Florence"}, False),
        ({"title": None}, False),
        ({"title": OLD, "url": "http://docker:9090"}, True),
        ({"title": OLD, "url": "http://other:9090", "model_version": OLD}, False),
    ],
)
def test_a_backend_is_ours_by_its_title_and_its_address_or_version(
    changes: dict[str, Any], answers: bool
) -> None:
    """One that a person named is theirs to name."""
    assert OURS.answers_for(the_backend(**changes), VERSION) is answers
