"""What callers may do to the web process, on purpose or not: it answers the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.service import LOGGED_TASKS
from backend.web.body import LARGEST_AT_ONCE
from tests.unit.web.test_app import CONFIG, Client, client

__all__ = ["client"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
ROUTES = ("/setup", "/predict", "/webhook")


async def _ask(app: Any, path: str, receive: Receive, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to one POST whose body comes out of `receive`."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")]
        + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}


def _part(data: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


def _messages(*messages: Message) -> Receive:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value]

    return receive


@pytest.mark.parametrize("path", ROUTES)
def test_a_caller_that_hangs_up_in_mid_body_is_no_bug(client: Client, path: str) -> None:
    """Three hundred of them leave no line in the log."""
    http = client()

    async def all_of_them() -> list[tuple[int, dict[str, str]]]:
        hang_up = (_part(b"{", more=True), {"type": "http.disconnect"})
        return [await _ask(http.app, path, _messages(*hang_up)) for _ in range(300)]

    with capture_logs() as logs:
        answers = asyncio.run(all_of_them())

    assert {status for status, _ in answers} == {499}
    assert [line for line in logs if line["log_level"] != "debug"] == []


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_that_does_not_end_is_given_up(client: Client, path: str) -> None:
    """With a sentence, and the connection is closed: nobody waits for the rest."""
    http = client(body_timeout_s=0.05)

    status, headers = asyncio.run(_ask(http.app, path, _messages(_part(b"{", more=True))))

    assert status == 408
    assert headers["connection"] == "close"


def test_bodies_in_hand_are_bounded_together(client: Client) -> None:
    """Who comes when there is no room is told so; when the others are done there is room again."""
    http = client(max_body_bytes=1024, body_timeout_s=600)
    whole = json.dumps({"schema": CONFIG}).ljust(1024).encode()

    async def crowd() -> tuple[int, list[int]]:
        hold, held_up = asyncio.Event(), asyncio.Semaphore(0)

        def held() -> Receive:
            begun = False

            async def receive() -> Message:
                nonlocal begun
                if not begun:
                    begun = True
                    return _part(whole, more=True)
                held_up.release()
                await hold.wait()
                return _part(b"", more=False)

            return receive

        others = [
            asyncio.create_task(_ask(http.app, "/setup", held())) for _ in range(LARGEST_AT_ONCE)
        ]
        for _ in others:
            await held_up.acquire()
        refused, _ = await _ask(http.app, "/setup", _messages(_part(whole, more=False)))
        hold.set()
        statuses = [status for status, _ in await asyncio.gather(*others)]
        again, _ = await _ask(http.app, "/setup", _messages(_part(whole, more=False)))
        return refused, [*statuses, again]

    refused, served = asyncio.run(crowd())

    assert refused == 503
    assert served == [200] * (LARGEST_AT_ONCE + 1)


@pytest.mark.parametrize("announced", ["9" * 5000, "²", "-1", "x"])
def test_an_odd_length_that_is_announced_is_no_bug(client: Client, announced: str) -> None:
    http = client()

    with capture_logs() as logs:
        status, _ = asyncio.run(
            _ask(
                http.app,
                "/setup",
                _messages(_part(b"{}", more=False)),
                content_length=announced,
            )
        )

    assert status in (400, 413)
    assert not [line for line in logs if line["event"] == "bug"]


def test_thousands_of_bad_tasks_are_a_few_lines_of_log(client: Client) -> None:
    """Each has its reason in the answer; the log names some and counts the others."""
    tasks = [{"id": number, "data": {}} for number in range(5000)]

    with capture_logs() as logs:
        reply = client().post("/predict", json={"tasks": tasks, "label_config": CONFIG}).json()

    assert len(reply["errors"]) == 5000
    told = [line for line in logs if line["event"] == "task not predicted"]
    (more,) = [line for line in logs if line["event"] == "more tasks not predicted"]
    assert len(told) == LOGGED_TASKS
    assert more["tasks"] == 5000 - LOGGED_TASKS
    assert len(logs) <= LOGGED_TASKS + 2


def test_hundreds_of_tags_that_are_not_served_are_a_few_lines_of_log(client: Client) -> None:
    videos = "".join(f'<Video name="v{number}" toName="img"/>' for number in range(300))
    config = CONFIG.replace("</View>", f"{videos}</View>")

    with capture_logs() as logs:
        assert client().post("/setup", json={"schema": config}).status_code == 200

    assert len(logs) <= LOGGED_TASKS + 1
