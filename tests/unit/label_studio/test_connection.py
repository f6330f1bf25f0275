"""Requests to Label Studio: what its answers become, and that the token stays with it."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from backend.errors import FirstpassError, LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.connection import LabelStudioConnection
from backend.label_studio.credential import LabelStudioCredential

LEGACY = "0123456789abcdef0123456789abcdef01234567"

Answers = Callable[[httpx.Request], httpx.Response]


class Renewable(LabelStudioCredential):
    """Gives `first`, and `second` once the first was rejected."""

    def __init__(self) -> None:
        super().__init__("http://ls", SecretStr(LEGACY))
        self.token = "first"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self, rejected: object) -> bool:
        self.token = "second"
        return True


def connection(
    answers: Answers, credential: LabelStudioCredential | None = None
) -> LabelStudioConnection:
    return LabelStudioConnection(
        "http://ls/",
        credential or LabelStudioCredential("http://ls", SecretStr(LEGACY)),
        timeout_s=1,
        write_timeout_s=2,
        transport=httpx.MockTransport(answers),
    )


def test_our_token_goes_along() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, str(request.url), request.headers["Authorization"]))
        return httpx.Response(200, json={"id": 1})

    assert connection(answer).get("/api/x", object, {"a": 1}) == {"id": 1}
    assert seen == [("GET", "http://ls/api/x?a=1", f"Token {LEGACY}")]


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_rejected_token_is_renewed_once(method: str) -> None:
    """A request with a rejected token did nothing, so a write is sent again as well."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200 if seen[-1] == "Bearer second" else 401, json={})

    assert getattr(connection(answer, Renewable()), method)("/x", object) == {}
    assert seen == ["Bearer first", "Bearer second"]


def test_a_token_that_is_rejected_again_ends_it() -> None:
    """The message says what to do, and does not hold the token."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401, json={"detail": "Invalid token."})

    with pytest.raises(LabelStudioRefuses, match="make a new personal access token") as caught:
        connection(answer, Renewable()).get("/x", object)

    assert len(seen) == 2
    assert caught.value.status == 401
    assert "second" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, LabelStudioRefuses, "url: not that one"),
        (403, LabelStudioRefuses, "lacks the right"),
        (404, LabelStudioRefuses, "not there, or not for the user"),
        (302, LabelStudioRefuses, "the address it redirects to"),
        (408, LabelStudioUnavailable, "408"),
        (429, LabelStudioUnavailable, "429"),
        (500, LabelStudioUnavailable, "url: not that one"),
        (503, LabelStudioUnavailable, "503"),
    ],
)
def test_a_status_becomes_an_error(status: int, kind: type[FirstpassError], words: str) -> None:
    """It names the request, Label Studio's own words and what to do."""
    body = {"detail": "Validation error", "validation_errors": {"url": ["not <b>that</b> one"]}}
    answers = connection(lambda request: httpx.Response(status, json=body))

    with pytest.raises(kind, match=words) as caught:
        answers.patch("/api/ml/3", object, {"basic_auth_pass": "hunter2"})

    assert str(caught.value).startswith("PATCH /api/ml/3 at http://ls: ")
    assert caught.value.transient is (kind is LabelStudioUnavailable)
    assert "hunter2" not in str(caught.value)


def test_long_words_are_cut() -> None:
    answers = connection(lambda request: httpx.Response(400, json={"detail": "x" * 5000}))

    with pytest.raises(LabelStudioRefuses) as caught:
        answers.get("/x", object)

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (httpx.ConnectError("refused"), "no connection: refused"),
        (httpx.ReadTimeout("slow"), "no answer in time"),
        (httpx.RemoteProtocolError("cut off"), "no connection: cut off"),
    ],
)
def test_no_answer_is_unavailable(failure: Exception, words: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(LabelStudioUnavailable, match=words):
        connection(answer).post("/x", object, {})


def test_an_answer_that_is_not_json_is_not_label_studios() -> None:
    page = httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"})

    with pytest.raises(LabelStudioUnavailable, match="expected JSON, got text/html"):
        connection(lambda request: page).get("/x", object)


def test_writes_have_a_time_limit_of_their_own() -> None:
    limits = {}

    def answer(request: httpx.Request) -> httpx.Response:
        limits[request.url.path] = request.extensions["timeout"]["read"]
        return httpx.Response(200, content=json.dumps({}))

    made = connection(answer)
    made.get("/read", object)
    made.get("/slow", object, slow=True)
    made.post("/write", object, {})

    assert limits == {"/read": 1, "/slow": 2, "/write": 2}
