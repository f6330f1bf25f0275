"""Findings about Label Studio and our token."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.projects.doctor.label_studio import check_token, list_projects
from backend.projects.finding import Level
from tests.unit.projects.label_studio import (
    a_label_studio,
)

CREDENTIAL = LabelStudioCredential("http://ls", SecretStr("0" * 40))


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (401, "Invalid token.", "make a personal access token"),
        (
            401,
            "legacy token authentication has been disabled for this organization",
            "API Tokens Settings",
        ),
        (302, "", "the address it redirects to"),
    ],
)
def test_a_refused_token_is_told_from_a_silent_label_studio(
    status: int, said: str, words: str
) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json={"detail": said}))
    with LabelStudioApi("http://ls", CREDENTIAL, transport=transport) as api:
        there, refused = check_token(api, CREDENTIAL)

    assert there.level is Level.OK
    assert refused.level is Level.ERROR
    assert words in str(refused.fix)


def test_a_silent_label_studio_is_one_error() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    with LabelStudioApi("http://ls", CREDENTIAL, transport=transport) as api:
        (finding,) = check_token(api, CREDENTIAL)

    assert finding.level is Level.ERROR
    assert "FIRSTPASS_LABEL_STUDIO_URL" in str(finding.fix)


def test_a_good_token_is_named_by_kind_and_user() -> None:
    *_, token = check_token(a_label_studio().api(), CREDENTIAL)

    assert token.what == "it takes our legacy token, of ann@example.com"


def test_projects_are_listed_to_choose_from() -> None:
    assert [finding.what for finding in list_projects(a_label_studio().api())][1:] == [
        "project 7: Shapes"
    ]
