"""What to do about Label Studio's refusals."""

from __future__ import annotations

import pytest

from backend.errors import LabelStudioRefuses, LabelStudioUnavailable
from backend.projects.refusals import forbids_address, remedy


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (
            "URL resolves to a reserved network address (block: 10.0.0.0/8)",
            403,
            "ML_BLOCK_LOCAL_IP",
        ),
        ("The provided URL was not allowed.", 403, "SSRF_PROTECTION_ENABLED"),
        (
            "Can't connect to ML backend http://web, health check failed",
            400,
            "FIRSTPASS_PUBLIC_URL",
        ),
        ("but authentication parameters were either not provided", 400, "BASIC_AUTH_PASS"),
        ("it doesn't look like a valid ML backend. Reason: 404", 400, "something else may listen"),
        ("You do not have permission to perform this action.", 403, "who may change the project"),
        ("teapot", 418, "log"),
    ],
)
def test_each_refusal_has_its_remedy(said: str, status: int, words: str) -> None:
    error = LabelStudioRefuses(said, status)

    assert words in remedy(error, "http://web")
    assert forbids_address(error) is (words in ("ML_BLOCK_LOCAL_IP", "SSRF_PROTECTION_ENABLED"))


def test_a_host_that_label_studio_does_not_know_is_said() -> None:
    """It answers 500 then."""
    assert "as seen from there" in remedy(LabelStudioUnavailable("Can't resolve hostname web"), "u")
