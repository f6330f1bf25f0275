"""Public unicast addresses are allowed, and the operator's hosts; all else is not."""

from __future__ import annotations

import pytest

from backend.errors import SettingsError
from backend.images.addresses import AllowList, is_public

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
FORBIDDEN = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("entry", "host", "port", "answer"),
    [
        ("minio", "minio", 9000, True),
        ("minio:9000", "minio", 9000, True),
        ("minio:9000", "minio", 9001, False),
        ("minio:80", "minio", 80, True),
        ("minio:80", "minio", 443, False),
        ("minio", "minio.evil.example", 80, False),
        ("minio", "MINIO.", 80, True),
        ("10.0.0.5", "10.0.0.5", 80, True),
        ("10.0.0.5", "10.0.0.6", 80, False),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]", "::1", 1, True),
        ("::1", "::1", 1, True),
        ("[::1]:8080", "::1", 8081, False),
    ],
)
def test_listed_hosts_are_matched_by_their_exact_name(
    entry: str, host: str, port: int, answer: bool
) -> None:
    assert AllowList.of([entry], label_studio_url=None).permits(host, port) is answer


def test_label_studio_is_listed_with_its_port_alone() -> None:
    allow = AllowList.of([], label_studio_url="http://label-studio:8080/ls")
    assert allow.permits("label-studio", 8080)
    assert not allow.permits("label-studio", 6379)


def test_nothing_is_listed_by_default() -> None:
    assert not AllowList.of([], label_studio_url=None).permits("localhost", 80)


@pytest.mark.parametrize(
    "entry", ["a/b", "http://a", "a:x", "a:0", "*", "*.a.de", "10.0.0.0/8", "u@a"]
)
def test_entries_that_are_no_host_stop_the_start(entry: str) -> None:
    with pytest.raises(SettingsError, match="FIRSTPASS_IMAGE_ALLOW"):
        AllowList.of([entry], label_studio_url=None)
