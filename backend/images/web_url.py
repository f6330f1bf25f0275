"""One strict reading of http(s) URLs, shared by the door (task data) and by every redirect. Pure.

Two programs that read one URL differently are how guards are walked around, so what is ambiguous is
refused, and what passes is carried on only in its normal form.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

import httpx

from backend.errors import ImageRefused, SettingsError

__all__ = ["WebUrl", "parse_home", "parse_web_url"]

MAX_URL_CHARS = 16_384

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# A last label like these makes the C library read the whole host as an IPv4 address: 127.1, 0x7f000001.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http(s) URL in normal form: lower-case ASCII host without brackets, explicit port.

    `target` is path and query, percent-encoded, beginning with a slash. No userinfo, no fragment.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """`host` or `host:port`, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def display(self) -> str:
        """Scheme, host and path: the query may hold a signature."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    def join(self, location: str) -> WebUrl:
        """The URL that a `Location` header points to from here. Raises `ImageRefused`."""
        if _CONTROL.search(location) or "\\" in location:
            raise ImageRefused("it redirects to an address with control characters or backslashes")
        try:
            joined = str(httpx.URL(str(self)).join(location))
        except (httpx.InvalidURL, ValueError) as error:
            raise ImageRefused("it redirects to something that is not an address") from error
        return parse_web_url(joined)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"


def parse_web_url(text: str) -> WebUrl:
    """The URL in normal form.

    >>> str(parse_web_url("HTTP://Example.COM:80/a b.jpg?x=1#top"))
    'http://example.com/a%20b.jpg?x=1'

    Raises `ImageRefused` for another scheme, userinfo, an odd host or port, and for characters on which
    programs disagree. The message never repeats the query or a password.
    """
    if len(text) > MAX_URL_CHARS:
        raise ImageRefused(f"expected a URL of at most {MAX_URL_CHARS} characters, got {len(text)}")
    if _CONTROL.search(text) or "\\" in text:
        raise ImageRefused("the URL has control characters or backslashes")
    try:
        url = httpx.URL(text)
        scheme, host, port = url.scheme, url.raw_host.decode("ascii"), url.port
        target = url.raw_path.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ImageRefused("the URL cannot be read") from error
    if scheme not in _DEFAULT_PORTS:
        raise ImageRefused(f"expected http or https, got `{scheme[:20]}:`")
    if url.userinfo or "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise ImageRefused("a user or password inside a URL is not taken")
    if port is not None and not 0 < port < 65_536:
        raise ImageRefused(f"port {port} does not exist")
    normal = WebUrl(scheme, _host(host), port or _DEFAULT_PORTS[scheme], target)
    if len(str(normal)) > MAX_URL_CHARS:
        raise ImageRefused(
            f"expected a URL of at most {MAX_URL_CHARS} characters, "
            f"got {len(str(normal))} when percent-encoded"
        )
    return normal


@lru_cache(maxsize=8)
def parse_home(label_studio_url: str) -> WebUrl:
    """Label Studio's own address; its path is the prefix that it is served under.

    Raises `SettingsError`: a mistake here is the operator's, not the task's.
    """
    try:
        url = parse_web_url(label_studio_url)
    except ImageRefused as error:
        raise SettingsError(f"FIRSTPASS_LABEL_STUDIO_URL: {error}") from error
    return WebUrl(url.scheme, url.host, url.port, url.path.rstrip("/"))


def _host(host: str) -> str:
    """The host in lower case, without a final dot. Raises `ImageRefused` for odd ones."""
    if ":" in host:
        return _ipv6(host)
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _ipv4(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ImageRefused("the URL's host is missing or is not a host name")
    return name


def _ipv4(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError as error:
        raise ImageRefused(
            "expected an IPv4 address as four decimal numbers, got another spelling"
        ) from error


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise ImageRefused("the URL's host is not an IPv6 address") from error
    if address.scope_id is not None:
        raise ImageRefused("an IPv6 address with a zone is not taken")
    return str(address)
