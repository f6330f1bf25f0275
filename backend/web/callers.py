"""Whom to answer while no credentials are set: who calls us by a name that is ours, and sends JSON.

Any web page may have its reader's browser send requests to this machine, and a name of its own may come
to mean our address (DNS rebinding). Such a request carries the page's name as `Host` or `Origin`; and
what a page may send elsewhere without asking first is never `application/json`.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse

from backend.settings import Settings
from backend.web.replies import error_reply
from backend.wording import printable

__all__ = ["KnownCallers"]

log = structlog.get_logger()

_JSON = "application/json"
_SHOWN_CHARS = 80
_REMEDY = (
    "set FIRSTPASS_PUBLIC_URL to the address that Label Studio was given, name further hosts in "
    "FIRSTPASS_ALLOWED_HOSTS, or set FIRSTPASS_BASIC_AUTH_USER and FIRSTPASS_BASIC_AUTH_PASS"
)


class KnownCallers:
    """Knows this machine's loopback names, where we listen, our public address, and those allowed."""

    def __init__(self, settings: Settings) -> None:
        named = [settings.host, *settings.allowed_hosts]
        if settings.public_url is not None:
            named.append(urlsplit(settings.public_url).netloc)
        everywhere = ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
        self._known = {_host(name) for name in named} - {None, *everywhere}

    def refuse(self, request: Request) -> JSONResponse | None:
        """The answer to give in place of the route's, or `None` when the caller may pass."""
        refused = self._complaint(request)
        if refused is None:
            return None
        status, kind, message = refused
        log.warning("refused", path=request.scope["path"], kind=kind, reason=message)
        return error_reply(status, kind, message)

    def _complaint(self, request: Request) -> tuple[int, str, str] | None:
        headers, server = request.headers, request.scope.get("server")
        listening = _host(server[0]) if server else None
        for given in headers.getlist("Host"):
            if not self._is_known(_host(given), listening):
                return 403, "UnknownHost", f"{_shown(given)} is no host name of ours; {_REMEDY}"
        for given in headers.getlist("Origin"):
            if not self._is_known(_origin_host(given), listening):
                return 403, "ForeignOrigin", f"the page {_shown(given)} may not call us; {_REMEDY}"
        sent = headers.get("Content-Type", "")
        if request.method == "POST" and sent.partition(";")[0].strip().lower() != _JSON:
            what = _shown(sent) if sent else "none"
            return 415, "NotJson", f"expected the Content-Type {_JSON}, got {what}"
        return None

    def _is_known(self, host: str | None, listening: str | None) -> bool:
        if host is None:
            return False
        return host in self._known or host == listening or _is_loopback(host)


def _host(text: str) -> str | None:
    """The host of `host` or `host:port`, in one spelling; `None` for what is neither.

    >>> _host("LocalHost.:9090"), _host("[::1]:9090"), _host("a:b@c"), _host("")
    ('localhost', '::1', None, None)
    """
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"  # a bare IPv6 address, as in a setting
    try:
        parts = urlsplit(f"//{text}")
        if parts.netloc != text or "@" in text:
            return None
        host = (parts.hostname or "").removesuffix(".")
        _ = parts.port  # raises for what is no port
    except ValueError:
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _origin_host(origin: str) -> str | None:
    scheme, separator, rest = origin.partition("://")
    return _host(rest) if separator and scheme.lower() in ("http", "https") else None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(text: str) -> str:
    cut = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
    return f"'{printable(cut)}'"
