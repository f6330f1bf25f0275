"""Which network addresses images may come from. Pure.

The rule names what is allowed, not what is forbidden: unicast addresses of the public Internet, and the
hosts that the operator listed. A kind of address that nobody thought of is then refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from backend.errors import ImageRefused, SettingsError
from backend.images.web_url import parse_home, parse_web_url

__all__ = ["AllowList", "is_public"]

_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Inside 2000::/3 or "global" to Python, and still not plain public hosts: tunnels that carry an IPv4
# address of the sender's choice (Teredo, 6to4 and its relay), documentation, protocol assignments.
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(net) for net in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")
)


def is_public(address: str) -> bool:
    """Whether an address, as the resolver wrote it, is unicast and on the public Internet.

    An IPv4 address inside an IPv6 one (mapped, NAT64) is judged as that IPv4 address.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1")]
    [True, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return _is_public_v4(ip)
    if ip.scope_id is not None:
        return False
    if ip.ipv4_mapped is not None:
        return _is_public_v4(ip.ipv4_mapped)
    if ip in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF))
    return ip in _UNICAST_V6 and ip.is_global and not any(ip in net for net in _NOT_PUBLIC_V6)


def _is_public_v4(ip: ipaddress.IPv4Address) -> bool:
    special = ip.is_multicast or ip.is_reserved or any(ip in net for net in _NOT_PUBLIC_V4)
    return ip.is_global and not special


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts whose addresses may be private: names as they stand in URLs, with a port or any port."""

    hosts: frozenset[tuple[str, int | None]]

    @classmethod
    def of(cls, entries: Iterable[str], *, label_studio_url: str | None) -> AllowList:
        """From `FIRSTPASS_IMAGE_ALLOW` and Label Studio's own address.

        Raises `SettingsError` for an entry that is neither `host` nor `host:port`, or a bad address.
        """
        hosts = {_entry(text) for text in entries}
        if label_studio_url is not None:
            home = parse_home(label_studio_url)
            hosts.add((home.host, home.port))
        return cls(frozenset(hosts))

    def permits(self, host: str, port: int) -> bool:
        """Whether this host, named exactly so, may be private."""
        name = host.lower().removesuffix(".")
        return (name, port) in self.hosts or (name, None) in self.hosts


def _entry(text: str) -> tuple[str, int | None]:
    bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    url = f"http://[{text}]/" if bare_ipv6 else f"http://{text}/"
    try:
        parsed = parse_web_url(url)
    except ImageRefused as error:
        raise SettingsError(_expected(text)) from error
    if parsed.target != "/":
        raise SettingsError(_expected(text))
    has_port = not bare_ipv6 and text.rpartition(":")[2].isdigit()
    return parsed.host, parsed.port if has_port else None


def _expected(text: str) -> str:
    return f"FIRSTPASS_IMAGE_ALLOW: expected `host` or `host:port`, got `{text}`"
