"""Who is answered while no credentials are set."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request

from backend.settings import load_settings
from backend.web.callers import KnownCallers

LISTENING = "192.168.1.5"


def answer(
    *headers: tuple[str, str], method: str = "GET", listening: str | None = LISTENING, **given: Any
) -> int:
    """The status of the refusal; 200 where there is none."""
    scope = {
        "type": "http",
        "method": method,
        "path": "/predict",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "server": (listening, 9090) if listening else None,
    }
    refused = KnownCallers(load_settings(**given)).refuse(Request(scope))
    return refused.status_code if refused is not None else 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:9090",
        "localhost.",
        "firstpass.localhost:80",
        "127.0.0.1:9090",
        "127.8.9.1",
        "[::1]:9090",
        "[::ffff:127.0.0.1]",
        LISTENING,
        f"{LISTENING}:9090",
        "web:9090",
        "gpu.lan",
        "10.0.0.7:1",
        "[2001:db8::1]:9090",
    ],
)
def test_our_own_names_are_known(host: str) -> None:
    """Loopback, the address that the connection came to, the public one, the allowed ones."""
    given = {"public_url": "http://web:9090", "allowed_hosts": "gpu.lan,10.0.0.7,2001:db8::1"}
    assert answer(("Host", host), **given) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9090",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "evil.example#localhost",
        "localhost/../evil",
        "localhost localhost",
        "localhost,evil.example",
        "192.168.1.6",
        "10.0.0.7",
        "0.0.0.0",
        "[::]",
        "[",
        "[::1",
        "localhost:99999",
        "localhost:x",
        "\xe9vil",
        "xlocalhost",
        "2130706433",
        "",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    """Those of rebinding pages, and all that is read in two ways."""
    assert answer(("Host", host)) == 403
    assert answer(("Host", "localhost"), ("Host", host)) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "gpu.lan", "10.0.0.7", "2001:db8::1", "::1"])
def test_the_listening_host_is_known(host: str) -> None:
    given = f"[{host}]" if ":" in host else host
    assert answer(("Host", f"{given}:9090"), listening=None, host=host) == 200


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_to_listen_everywhere_makes_no_name_known(everywhere: str) -> None:
    assert answer(("Host", "evil.example"), host=everywhere) == 403
    assert answer(("Host", "0.0.0.0:9090"), host=everywhere) == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8080", 200),
        ("https://127.0.0.1", 200),
        ("http://[::1]:3000", 200),
        ("http://evil.example", 403),
        ("https://localhost.evil.example", 403),
        ("null", 403),
        ("file://", 403),
        ("file://localhost", 403),
        ("chrome-extension://abcdefgh", 403),
        ("localhost", 403),
        ("", 403),
    ],
)
def test_pages_from_elsewhere_are_refused(origin: str, status: int) -> None:
    """Whatever route they ask."""
    json = ("Content-Type", "application/json")
    assert answer(("Host", "localhost"), ("Origin", origin)) == status
    assert answer(("Host", "localhost"), ("Origin", origin), json, method="POST") == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_only_json_is_taken(sent: str | None, status: int) -> None:
    """A page may send the others to any address without asking first."""
    headers = [("Content-Type", sent)] if sent is not None else []
    assert answer(("Host", "localhost"), *headers, method="POST") == status


def test_who_names_no_host_is_no_browser() -> None:
    """A load balancer's probe in HTTP/1.0."""
    assert answer() == 200
