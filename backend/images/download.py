"""One file over http(s), within bounds of bytes, seconds and redirects, and only from allowed addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpcore

from backend.certificates import certificate_complaint
from backend.errors import ImageRefused, ImageUnreachable
from backend.images.addresses import AllowList
from backend.images.answers import Answer, error_for
from backend.images.guard import Deadline, GuardedBackend, Resolver, resolve_host
from backend.images.reference import is_file_route
from backend.images.web_url import WebUrl, parse_home
from backend.settings import Settings

__all__ = ["Credential", "Downloaded", "Downloader", "Validators"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERROR_BODY_BYTES = 65_536
#: Not `isdigit`, to which a superscript two is a digit, and which `int` cannot read.
_NUMBER = re.compile(r"[0-9]+")
_USER_AGENT = "firstpass"
#: Printable ASCII, as long as any real validator.
_SENDABLE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said by which to ask later whether a file is still the same; empty: nothing.

    Only what may stand in a request is ever sent back to it.
    """

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[str, str]:
        """The request headers that ask (RFC 9110, section 13.1)."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if _SENDABLE.fullmatch(value)}

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validators:
        """Those of an answer; one that could not be sent back is left out."""
        given = (headers.get("etag", ""), headers.get("last-modified", ""))
        return cls(*(value if _SENDABLE.fullmatch(value) else "" for value in given))


class Credential(Protocol):
    """What opens Label Studio's own file routes to us: `LabelStudioCredential`."""

    def headers(self) -> dict[str, str]:
        """Headers for one request."""

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """After a 401 to these headers: whether new ones may fare better."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole body, and its validators."""

    data: bytes = field(repr=False)
    validators: Validators = Validators()


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request on the way: where to, and what the way here allows."""

    url: WebUrl
    trusted: bool
    """Only Label Studio itself led here, so its token may go along where it serves files."""
    via_label_studio: bool = False
    known: Validators = Validators()


class Downloader:
    """Fetches with one shared connection pool; safe to call from many threads.

    Proxies of the environment are not used: they would look names up behind the guard's back.
    """

    def __init__(
        self,
        settings: Settings,
        credential: Credential | None,
        *,
        resolve: Resolver = resolve_host,
    ) -> None:
        self._max_bytes = settings.image_max_bytes
        self._timeout_s = settings.image_timeout_s
        self._max_redirects = settings.image_max_redirects
        self._credential = credential
        home = settings.label_studio_url
        self._home = parse_home(home) if home is not None else None
        allow = AllowList.of(settings.image_allow, label_studio_url=home)
        self._deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            network_backend=GuardedBackend(allow, self._deadline, resolve),
            max_connections=128,  # more than a worker ever has downloads under way
            max_keepalive_connections=16,
            keepalive_expiry=15.0,
            retries=0,
        )

    def close(self) -> None:
        self._pool.close()

    def download(
        self, url: WebUrl, *, trusted: bool, known: Validators = Validators()
    ) -> Downloaded | None:
        """The body of the 200 that the URL, or what it redirects to, answers; `None` for a 304.

        A 304 is only answered to `known` validators.

        `trusted` says that the URL came from `ImageRef` kinds on Label Studio, so our token may go along.

        Raises `ImageRefused` for an address, size or redirect that is not allowed, `ImageNotFound` and
        `ImageUnreachable` as `error_for` sorts them, and `LabelStudioUnavailable` or
        `LabelStudioRefuses` without a token.
        """
        with self._deadline.within(self._timeout_s):
            hop = _Hop(url, trusted, known=known)
            for _ in range(self._max_redirects + 1):
                outcome = self._follow(hop)
                if not isinstance(outcome, _Hop):
                    return outcome
                hop = outcome
        raise ImageRefused(
            f"{url.display} redirects more than {self._max_redirects} times (FIRSTPASS_IMAGE_MAX_REDIRECTS)"
        )

    def _follow(self, hop: _Hop) -> Downloaded | _Hop | None:
        """The body, the next hop, or nothing new. A token that has just run out is renewed once."""
        token = self._token_for(hop)
        try:
            response = self._ask(hop, token)
            if response.status == 401 and token and self._renew(token):
                response.close()
                token = self._token_for(hop)
                response = self._ask(hop, token)
            try:
                return self._outcome(hop, response, with_token=bool(token))
            finally:
                response.close()
        except httpcore.TimeoutException as error:
            raise ImageUnreachable(
                f"{hop.url.display} was not done within {self._timeout_s:g} s (FIRSTPASS_IMAGE_TIMEOUT_S)"
            ) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ImageUnreachable(f"{hop.url.display} cannot be read: {_reason(error)}") from error

    def _ask(self, hop: _Hop, token: dict[str, str]) -> httpcore.Response:
        """The response, its body unread. Asks twice where a kept connection may have died."""
        try:
            return self._pool.handle_request(self._request(hop, token))
        except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
            return self._pool.handle_request(self._request(hop, token))

    def _request(self, hop: _Hop, token: dict[str, str]) -> httpcore.Request:
        url, timeout_s = hop.url, self._timeout_s
        return httpcore.Request(
            "GET",
            httpcore.URL(
                scheme=url.scheme.encode(),
                host=url.host.encode(),
                port=url.port,
                target=url.target.encode(),
            ),
            headers=[
                ("Host", url.netloc),
                ("User-Agent", _USER_AGENT),
                ("Accept", "image/*,*/*;q=0.5"),
                ("Accept-Encoding", "identity"),
                *token.items(),
                *hop.known.headers().items(),
            ],
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)},
        )

    def _outcome(
        self, hop: _Hop, response: httpcore.Response, *, with_token: bool
    ) -> Downloaded | _Hop | None:
        headers = {
            name.lower().decode("latin-1"): value.decode("latin-1")
            for name, value in response.headers
        }
        if response.status == 200:
            return Downloaded(self._body(hop.url, response, headers), Validators.of(headers))
        if response.status == 304 and hop.known.headers():
            return None
        if response.status in _REDIRECTS and "location" in headers:
            return self._next(hop, _as_browsers_read(headers["location"]))
        raise error_for(
            Answer(
                status=response.status,
                where=hop.url.display,
                on_label_studio=self._is_home(hop.url),
                with_token=with_token,
                via_label_studio=hop.via_label_studio,
                body=self._beginning(response),
            )
        )

    def _body(self, url: WebUrl, response: httpcore.Response, headers: dict[str, str]) -> bytes:
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            # Inflating would let a small answer become a huge one.
            raise ImageRefused(f"{url.display} sends the image compressed, which was not asked for")
        announced = headers.get("content-length", "")
        if _NUMBER.fullmatch(announced) and int(announced[:20]) > self._max_bytes:
            raise self._too_big(url)
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise self._too_big(url)
        return bytes(body)

    def _beginning(self, response: httpcore.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) >= _ERROR_BODY_BYTES:
                break
        return bytes(body[:_ERROR_BODY_BYTES])

    def _next(self, hop: _Hop, location: str) -> _Hop:
        try:
            url = hop.url.join(location)
        except ImageRefused as error:
            raise ImageRefused(f"{hop.url.display} redirects: {error}") from error
        at_home = self._is_home(hop.url)
        return _Hop(
            url,
            hop.trusted and self._is_home(url),
            hop.via_label_studio or at_home,
            hop.known,
        )

    def _token_for(self, hop: _Hop) -> dict[str, str]:
        """Headers for Label Studio's own file routes; nothing for everyone and everything else."""
        if self._credential is None or self._home is None:
            return {}
        # A trusted hop is at home by construction; asked again, for a leak could not be undone.
        if not (hop.trusted and self._is_home(hop.url)):
            return {}
        path = hop.url.path.removeprefix(self._home.path)
        return self._credential.headers() if is_file_route(path) else {}

    def _renew(self, token: dict[str, str]) -> bool:
        return self._credential is not None and self._credential.renew(token)

    def _is_home(self, url: WebUrl) -> bool:
        return self._home is not None and url.origin == self._home.origin

    def _too_big(self, url: WebUrl) -> ImageRefused:
        return ImageRefused(
            f"{url.display} is larger than {self._max_bytes} bytes (FIRSTPASS_IMAGE_MAX_BYTES)"
        )


def _as_browsers_read(location: str) -> str:
    """A `Location` with bytes beyond ASCII: UTF-8 where it is that, else each byte for itself."""
    raw = location.encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)


def _reason(error: Exception) -> str:
    """The lower error in a few printable words; h11 and ssl quote what the server sent."""
    complaint = certificate_complaint(error)
    if complaint is not None:
        return complaint
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(char if char.isprintable() else "?" for char in text)[:200]
