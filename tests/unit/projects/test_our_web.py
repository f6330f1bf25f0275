"""Our web process, asked from here."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from backend.label_studio.bodies import Task
from backend.projects.our_web import BackendRefuses, OurWeb
from tests.unit.projects.label_studio import URL, VERSION, our_web


def answering(status: int, body: object) -> OurWeb:
    return our_web(lambda request: httpx.Response(status, json=body))


def test_the_first_address_that_answers_is_asked() -> None:
    """Label Studio's way to us need not be ours."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "web":
            raise httpx.ConnectError("no such host")
        return httpx.Response(200, json={"model_version": VERSION})

    transport = httpx.MockTransport(answer)
    with OurWeb((URL, "http://127.0.0.1:9090"), ("u", "p"), transport=transport) as web:
        assert web.version("<View/>") == VERSION
        assert web.url == "http://127.0.0.1:9090"

    assert asked[-1] == "http://127.0.0.1:9090/setup"


def test_nobody_there_is_said_with_all_addresses() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(BackendRefuses, match=r"http://web:9090: refused.*`firstpass up`"):
        our_web(answer).health()


def test_other_credentials_are_said() -> None:
    with pytest.raises(BackendRefuses, match="FIRSTPASS_BASIC_AUTH_PASS must be those"):
        answering(401, {"error": {"message": "expected HTTP basic auth"}}).health()


@pytest.mark.parametrize("body", [{"detail": "Not found."}, {"error": "no"}, []])
def test_another_program_at_our_address_is_said(body: object) -> None:
    with pytest.raises(BackendRefuses, match="is this Firstpass"):
        answering(404, body).health()


def test_why_a_label_config_is_refused_is_passed_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/setup":
            return httpx.Response(400, json={"error": {"message": "no control tag"}})
        return httpx.Response(200, json={})

    with pytest.raises(BackendRefuses, match="/setup: no control tag"):
        our_web(answer).version("<View/>")


def test_a_reply_without_a_version_is_not_ours() -> None:
    with pytest.raises(BackendRefuses, match="expected a model_version"):
        answering(200, {"status": "UP"}).version("<View/>")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"results": [[]], "errors": []}, None),
        (
            {"results": [[]], "errors": [{"task": 1, "kind": "ImageNotFound", "message": "gone"}]},
            "ImageNotFound: gone",
        ),
    ],
)
def test_the_reason_is_that_of_predict(reply: object, reason: str | None) -> None:
    assert answering(200, reply).reason("<View/>", Task(id=1, data={})) == reason


def test_why_nobody_predicts_is_passed_on_and_nothing_is_guessed() -> None:
    """`/ready` is asked; a program that has none is not Firstpass."""
    told = {"ready": False, "workers": 0, "reason": "no worker is alive", "remedy": "start one"}
    assert our_web(_ready(503, told)).unready() == ("no worker is alive", "start one")
    assert our_web(_ready(200, {"ready": True, "workers": 1})).unready() is None
    with pytest.raises(BackendRefuses, match="/ready: expected whether it is ready, got 404"):
        our_web(_ready(404, {"error": "no"})).unready()


def _ready(status: int, body: object) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ready":
            return httpx.Response(status, json=body)
        return httpx.Response(200, json={"version": "0.1.0", "workers": 1})

    return answer


def test_the_remedy_is_one_for_the_place() -> None:
    """In compose nobody has `firstpass up`."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    web = OurWeb((URL,), None, runs_in="compose", transport=httpx.MockTransport(answer))
    with pytest.raises(BackendRefuses, match="`docker compose logs web`") as raised:
        web.health()
    assert "firstpass up" not in str(raised.value)
