"""No hostile reference makes a connection to a forbidden address; each gets a sentence instead."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import httpcore
import pytest

from backend.errors import CallerError, FirstpassError, ImageRefused
from backend.images.addresses import AllowList
from backend.images.guard import Deadline, GuardedBackend, resolve_host
from backend.images.reference import parse_image_ref
from tests.integration.images.conftest import MakeFetcher
from tests.integration.images.servers import LocalServer, answer, png, redirect

# {i}: port of the inside server; {i6}: of its IPv6 twin; {o}: address of the outside server.
DIRECT = {
    "loopback": "http://127.0.0.1:{i}/a.png",
    "loopback over TLS": "https://127.0.0.1:{i}/a.png",
    "loopback by name": "http://localhost:{i}/a.png",
    "loopback by name with a dot": "http://localhost.:{i}/a.png",
    "loopback in capitals": "HTTP://LOCALHOST:{i}/a.png",
    "another loopback": "http://127.8.8.8:{i}/a.png",
    "short IPv4": "http://127.1:{i}/a.png",
    "decimal IPv4": "http://2130706433:{i}/a.png",
    "hexadecimal IPv4": "http://0x7f000001:{i}/a.png",
    "hexadecimal parts": "http://0x7f.0x0.0x0.0x1:{i}/a.png",
    "octal IPv4": "http://017700000001:{i}/a.png",
    "octal parts": "http://0177.0.0.01:{i}/a.png",
    "mixed parts": "http://0x7f.1:{i}/a.png",
    "full-width digits": "http://\uff11\uff12\uff17.0.0.1:{i}/a.png",
    "ideographic full stops": "http://127\u30020\u30020\u30021:{i}/a.png",
    "percent-encoded host": "http://%6cocalhost:{i}/a.png",
    "unspecified": "http://0.0.0.0:{i}/a.png",
    "short unspecified": "http://0:{i}/a.png",
    "unspecified IPv6": "http://[::]:{i6}/a.png",
    "IPv6 loopback": "http://[::1]:{i6}/a.png",
    "long IPv6 loopback": "http://[0:0:0:0:0:0:0:1]:{i6}/a.png",
    "IPv6 loopback with zone": "http://[::1%25lo]:{i6}/a.png",
    "mapped IPv4": "http://[::ffff:127.0.0.1]:{i}/a.png",
    "mapped IPv4 in hex": "http://[::ffff:7f00:1]:{i}/a.png",
    "compatible IPv4": "http://[::127.0.0.1]:{i}/a.png",
    "NAT64": "http://[64:ff9b::7f00:1]:{i}/a.png",
    "6to4": "http://[2002:7f00:1::]:{i}/a.png",
    "private 10/8": "http://10.0.0.1:{i}/a.png",
    "private 172.16/12": "http://172.16.0.1:{i}/a.png",
    "private 192.168/16": "http://192.168.0.1:{i}/a.png",
    "carrier-grade NAT": "http://100.64.0.1:{i}/a.png",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "cloud metadata over IPv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "IPv6 link-local": "http://[fe80::1]:{i}/a.png",
    "unique local IPv6": "http://[fd12::1]:{i}/a.png",
    "multicast": "http://224.0.0.1:{i}/a.png",
    "broadcast": "http://255.255.255.255:{i}/a.png",
    "name that resolves inside": "http://inside.test:{i}/a.png",
    "allowed name, other port": "http://outside.test:{i}/a.png",
    "Label Studio's name, other port": "http://label-studio.test:{i}/a.png",
    "allowed host as the user": "http://outside.test@127.0.0.1:{i}/a.png",
    "allowed host as user and password": "http://{o}@127.0.0.1:{i}/a.png",
    "backslash": "http://127.0.0.1:{i}\\@{o}/a.png",
    "tab in the host": "http://127.0.\t0.1:{i}/a.png",
    "line break": "http://{o}/a.png\r\nHost: 127.0.0.1:{i}",
    "NUL": "http://127.0.0.1:{i}\x00.{o}/a.png",
    "without slashes": "http:127.0.0.1:{i}/a.png",
    "without a scheme": "//127.0.0.1:{i}/a.png",
    "bare address": "127.0.0.1:{i}/a.png",
    "file": "file:///etc/hostname",
    "file with host": "file://127.0.0.1:{i}/a.png",
    "gopher": "gopher://127.0.0.1:{i}/_GET%20/a.png",
    "ftp": "ftp://127.0.0.1:{i}/a.png",
    "dict": "dict://127.0.0.1:{i}/x",
    "unix socket": "unix:///var/run/docker.sock",
    "jar": "jar:http://127.0.0.1:{i}/a.png!/",
    "path of this machine": "/etc/hostname",
    "upload that climbs": "/data/upload/../../etc/hostname",
    "data with a page": "data:text/html;base64,PGI+",
}
# Location headers that the outside server answers with; the last hop must not be made.
REDIRECTS = {
    "to loopback": "http://127.0.0.1:{i}/a.png",
    "to loopback by name": "http://localhost:{i}/a.png",
    "to a name inside": "http://inside.test:{i}/a.png",
    "to decimal IPv4": "http://2130706433:{i}/a.png",
    "to mapped IPv4": "http://[::ffff:127.0.0.1]:{i}/a.png",
    "to IPv6 loopback": "http://[::1]:{i6}/a.png",
    "without a scheme": "//127.0.0.1:{i}/a.png",
    "over TLS": "https://127.0.0.1:{i}/a.png",
    "to a user": "http://outside.test@127.0.0.1:{i}/a.png",
    "with backslashes": "\\\\127.0.0.1:{i}\\a.png",
    "to metadata": "http://169.254.169.254/latest/meta-data/",
    "to a file": "file:///etc/hostname",
    "to gopher": "gopher://127.0.0.1:{i}/_x",
    "to data": "data:image/png;base64,iVBORw0KGgo=",
    "to itself": "/start",
    "by way of another redirect": "/again",
}
ODD_HOSTS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.01",
    "localhost",
    "0.0.0.0",
    "0",
    "::ffff:127.0.0.1",
]


@pytest.fixture
def inside6() -> Iterator[LocalServer | None]:
    """The inside server's IPv6 twin, where the machine has IPv6."""
    with contextlib.ExitStack() as stack:
        try:
            server = LocalServer("[::1]", socket.AF_INET6)
        except OSError:
            yield None
            return
        server.routes["/a.png"] = answer(png())
        yield stack.enter_context(server)


@pytest.fixture
def ports(inside: LocalServer, inside6: LocalServer | None, outside: LocalServer) -> dict[str, str]:
    twin = inside6.port if inside6 else inside.port
    return {"i": str(inside.port), "i6": str(twin), "o": outside.address}


def hits(*servers: LocalServer | None) -> int:
    return sum(server.connections() for server in servers if server)


@pytest.mark.parametrize("reference", DIRECT.values(), ids=DIRECT)
def test_hostile_references_reach_nobody(
    reference: str,
    ports: dict[str, str],
    inside: LocalServer,
    inside6: LocalServer | None,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
) -> None:
    value = reference.format_map(ports)
    fetcher = make_fetcher()
    with pytest.raises(CallerError) as caught:
        fetcher.fetch(
            parse_image_ref(value, task_id=1, label_studio_url="http://label-studio.test")
        )
    assert str(caught.value).isprintable()
    assert hits(inside, inside6, outside) == 0


@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS)
@pytest.mark.parametrize("status", [302, 307])
def test_hostile_redirects_end_before_the_forbidden_hop(
    location: str,
    status: int,
    ports: dict[str, str],
    inside: LocalServer,
    inside6: LocalServer | None,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
) -> None:
    outside.routes["/start"] = redirect(location.format_map(ports), status)
    outside.routes["/again"] = redirect(f"http://127.0.0.1:{inside.port}/a.png", status)
    ref = parse_image_ref(f"{outside.url}/start", task_id=1)
    with pytest.raises(ImageRefused) as caught:
        make_fetcher().fetch(ref)
    assert str(caught.value).isprintable()
    assert hits(inside, inside6) == 0
    assert 1 <= len(outside.seen) <= 4


def test_label_studio_is_not_a_way_inside(
    inside: LocalServer, label_studio: LocalServer, make_fetcher: MakeFetcher
) -> None:
    label_studio.routes["/data/upload/1/x.png"] = redirect(f"http://127.0.0.1:{inside.port}/a.png")
    with pytest.raises(ImageRefused, match="FIRSTPASS_IMAGE_ALLOW"):
        make_fetcher().fetch(parse_image_ref("/data/upload/1/x.png", task_id=1))
    assert hits(inside) == 0


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_the_guard_alone_refuses_odd_hosts_that_do_lead_inside(
    host: str, inside: LocalServer
) -> None:
    backend = GuardedBackend(AllowList(frozenset()), Deadline(), resolve_host)
    with pytest.raises(ImageRefused):
        backend.connect_tcp(host, inside.port, timeout=60)
    assert hits(inside) == 0


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_without_the_guard_they_would_arrive(host: str, inside: LocalServer) -> None:
    """The control: the table above tests something."""
    try:
        httpcore.SyncBackend().connect_tcp(host, inside.port, timeout=60).close()
    except httpcore.ConnectError:
        pytest.skip("this machine does not read the host so")
    assert hits(inside) == 1


def test_an_operator_may_allow_the_inside(inside: LocalServer, make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher(image_allow=(inside.address,))
    assert fetcher.fetch(parse_image_ref(f"{inside.url}/a.png", task_id=1)).data == png()
    assert hits(inside) == 1


def test_a_name_that_is_half_inside_is_not_connected_to(
    inside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    backend = GuardedBackend(
        AllowList(frozenset()), Deadline(), lambda host, port: ["8.8.8.8", "127.0.0.1"]
    )
    with pytest.raises(ImageRefused):
        backend.connect_tcp("half.test", inside.port, timeout=60)
    assert hits(inside) == 0


def test_proxies_of_the_environment_are_not_used(
    inside: LocalServer,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, inside.url)
    monkeypatch.setenv("no_proxy", "")
    fetched = make_fetcher().fetch(parse_image_ref(f"{outside.url}/a.png", task_id=1))
    assert fetched.data == png()
    assert hits(inside) == 0


def test_a_hostile_reference_leaves_the_fetcher_in_order(
    inside: LocalServer, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher()
    good = parse_image_ref(f"{outside.url}/a.png", task_id=1)
    for _ in range(80):  # more than the pool has connections
        with pytest.raises(FirstpassError):
            fetcher.fetch(parse_image_ref(f"{inside.url}/a.png", task_id=1))
    assert fetcher.fetch(good).data == png()
    assert hits(inside) == 0
