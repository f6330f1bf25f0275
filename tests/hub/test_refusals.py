"""Whatever keeps a model from being fetched is one sentence with a remedy of its own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import trustme

from tests.hub.machine import Machine
from tests.hub.make_repositories import CLIP
from tests.hub.serve_hub import Fault, StandInHub

API, WEIGHTS = "/api/models/openai", f"/cdn/{CLIP}/pytorch_model.bin"
BAD_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


def listing(size: object, digest: str) -> str:
    """A hub's answer that lists one file of weights."""
    weights = {"rfilename": "pytorch_model.bin", "size": size, "blobId": digest}
    return json.dumps({"id": "a/b", "sha": "c", "siblings": [weights]})


def refused(machine: Machine, *says: str, **environment: str) -> str:
    """Pull, which must fail with a sentence that holds all of `says`, and nothing else; give it."""
    done = machine.run("models", "pull", "clip-vit-b-32", **environment)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("fetching ")]
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("firstpass: clip-vit-b-32")
    for part in says:
        assert part in lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(API, status=401), ("private", "HF_TOKEN")),
        (
            Fault(WEIGHTS, status=403, headers={"X-Error-Code": "GatedRepo"}),
            ("accepted its licence", "/openai/clip-vit-base-patch32", "HF_TOKEN"),
        ),
        (
            Fault(WEIGHTS, status=401, headers={"X-Error-Code": "GatedRepo"}),
            ("accepted its licence", "HF_TOKEN"),
        ),
        (Fault(WEIGHTS, status=403), ("forbids", "403", "firewall or proxy")),
        (
            Fault(
                API, status=403, headers={"X-Error-Message": "Access to this resource is disabled."}
            ),
            ("has disabled", "another model"),
        ),
        (
            Fault(API, status=404, headers={"X-Error-Code": "RevisionNotFound"}),
            ("no revision 3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268", "clip-vit-b-32@REVISION"),
        ),
        (
            Fault(API, status=404, headers={"X-Error-Code": "RepoNotFound"}),
            ("no repository openai/clip-vit-base-patch32", "another model"),
        ),
        (
            Fault(WEIGHTS, status=404, headers={"X-Error-Code": "EntryNotFound"}),
            ("pytorch_model.bin", "does not have", "try later"),
        ),
        (Fault(API, status=429), ("no more requests", "wait", "HF_TOKEN")),
        (Fault(WEIGHTS, status=429, headers={"Retry-After": "0"}), ("no more requests", "wait")),
        (Fault(API, status=503), ("trouble of its own (503)", "wait")),
        (Fault(WEIGHTS, status=500), ("trouble of its own (500)", "goes on")),
        (Fault(WEIGHTS, cut_after=0), ("broke off again and again", "goes on")),
        (Fault(API, status=200, body="<html>Log in</html>"), ("not as a hub does", "login page")),
        (Fault(API, status=200, body="[]"), ("not as a hub does", "HF_ENDPOINT")),
        (Fault(API, status=418), ("418", "HF_ENDPOINT")),
        (Fault(API, status=200, body=listing("3", "0" * 64)), ("without a size or a digest",)),
        (Fault(API, status=200, body=listing(-3, "0" * 64)), ("without a size or a digest",)),
        (Fault(API, status=200, body=listing(3, "../" * 9 + "x")), ("without a size or a digest",)),
        (
            Fault(WEIGHTS, status=200, headers={"Content-Type": "text/html"}, body="<p>Log in"),
            ("9 bytes of text/html", "login page"),
        ),
        (Fault(WEIGHTS, status=204, body=" "), ("status 204", "not as a hub does")),
        (
            Fault(WEIGHTS, status=200, headers={"Content-Encoding": "gzip"}, body="no such"),
            ("cannot be decompressed",),
        ),
        (Fault(API, status=302, headers={"Location": "/api/models/openai"}), ("round in circles",)),
        (
            Fault(WEIGHTS, status=302, headers={"Location": "file:///etc/hostname"}),
            ("sends us to what is no address", "file://"),
        ),
    ],
    ids=lambda value: f"{value.status}{value.at[:4]}" if isinstance(value, Fault) else "",
)
def test_an_answer_that_is_none_is_put_into_words(
    machine: Machine, hub: StandInHub, fault: Fault, says: tuple[str, ...]
) -> None:
    """The remedy fits the cause, and when the cause is gone the same command works."""
    hub.faults.append(fault)

    refused(machine, *says)

    hub.faults.clear()
    done = machine.run("models", "pull", "clip-vit-b-32")
    assert done.returncode == 0, done.stderr


def test_a_token_that_is_refused_is_named_as_the_cause(machine: Machine, hub: StandInHub) -> None:
    """Not a missing one: setting it is no remedy."""
    hub.faults.append(Fault(API, status=401, headers=BAD_TOKEN))

    said = refused(machine, "401", "has not expired", "public models need none", HF_TOKEN="hf_old")

    assert "hf_old" not in said


def test_nobody_listening_is_said_at_once(machine: Machine) -> None:
    machine.endpoint = "http://127.0.0.1:1"

    refused(machine, "127.0.0.1:1 refuses the connection", "HF_ENDPOINT", "firewall")


def test_a_name_that_is_not_found_is_a_matter_of_dns(machine: Machine) -> None:
    machine.endpoint = "http://hub.invalid"

    refused(machine, "the name of hub.invalid is not found", "name server", "mirror")


def test_an_address_that_is_none(machine: Machine) -> None:
    machine.endpoint = "hub.example"

    refused(machine, "HF_ENDPOINT is no address", "https://huggingface.co")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(machine: Machine, hub: StandInHub, scheme: str) -> None:
    """Asked for the page itself, or for a way through; it is not taken for the hub."""
    hub.faults.append(Fault("http://hub.invalid", status=407))
    hub.faults.append(Fault("CONNECT hub.invalid", status=407))

    said = refused(
        machine,
        *(f"the proxy {hub.url[7:]} on the way to hub.invalid wants", "USER:PASSWORD@HOST"),
        **{
            "HF_ENDPOINT": f"{scheme}://hub.invalid",
            f"{scheme}_proxy": f"http://me:no@{hub.url[7:]}",
        },
    )

    assert "me:no" not in said


def test_a_hub_that_speaks_no_tls(machine: Machine, hub: StandInHub) -> None:
    """Its address begins with http, not https."""
    refused(machine, "does not speak TLS", "HF_ENDPOINT", HF_ENDPOINT=f"https{hub.url[4:]}")


def test_a_proxy_that_is_not_there(machine: Machine) -> None:
    """Named in the environment, as in many companies."""
    machine.endpoint = "http://hub.invalid"

    said = refused(
        machine,
        "the proxy 127.0.0.1:1 on the way to hub.invalid refuses",
        "HTTPS_PROXY",
        HTTP_PROXY="http://me:secret@127.0.0.1:1",
    )

    assert "secret" not in said


@pytest.mark.parametrize("at", [API, WEIGHTS])
def test_a_hub_that_says_nothing_is_not_waited_for_for_ever(
    machine: Machine, hub: StandInHub, at: str
) -> None:
    hub.faults.append(Fault(at, hangs=True))

    refused(machine, "sent nothing for 1 s", "HF_HUB_DOWNLOAD_TIMEOUT", HF_HUB_DOWNLOAD_TIMEOUT="1")


def test_a_certificate_of_ones_own_authority(
    machine: Machine, hub: StandInHub, tmp_path: Path
) -> None:
    """Is named with the variable that makes it trusted; with it set the same command works."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with hub.behind_tls(authority.issue_cert("localhost", "127.0.0.1")) as url:
        machine.endpoint = url
        refused(machine, "certificate", "is not trusted", "SSL_CERT_FILE")
        done = machine.run(
            "models", "pull", "clip-vit-b-32", SSL_CERT_FILE=str(tmp_path / "ca.pem")
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_with_an_empty_cache(machine: Machine, hub: StandInHub, variable: str) -> None:
    """The variable is named; nothing is asked."""
    refused(machine, variable, "unset it", **{variable: "1"})

    assert hub.asked == []


def test_a_disk_that_fills_up(machine: Machine, hub: StandInHub) -> None:
    """In mid-file: what came is kept."""
    blobs = machine.clip.parents[1] / "blobs"
    blobs.mkdir(parents=True)
    sha256 = hub.digest(CLIP, "pytorch_model.bin")
    (blobs / f"{sha256}.incomplete").symlink_to("/dev/full")

    refused(machine, "the disk of", "is full", "HF_HOME", "goes on")


def test_a_disk_without_room(machine: Machine, hub: StandInHub) -> None:
    """Said before anything is fetched, with how much is needed."""
    machine.more["PYTHONPATH"] = str(machine.hf_home.parent)
    (machine.hf_home.parent / "sitecustomize.py").write_text(
        "import shutil; was = shutil.disk_usage\n"
        "shutil.disk_usage = lambda path: was(path)._replace(free=1_000_000)\n"
    )

    refused(machine, "needs 19 MB", "has 1 MB", "HF_HOME")

    assert hub.sent == {}


def test_a_cache_that_cannot_be_written(machine: Machine, tmp_path: Path) -> None:
    """Of somebody else, or mounted read-only."""
    home = tmp_path / "theirs"
    home.mkdir(mode=0o500)
    if os.access(home, os.W_OK):  # root may write everywhere but into the kernel's own folders
        home = Path("/sys/firstpass-test")

    refused(machine, "cannot be used by us", "may be written", HF_HOME=str(home))


def test_a_cache_that_is_a_file(machine: Machine, tmp_path: Path) -> None:
    machine.hf_home.write_text("no folder\n")

    refused(machine, "cannot be used", "HF_HOME")


def test_a_revision_without_weights(machine: Machine, hub: StandInHub, tmp_path: Path) -> None:
    """It is said what stands there instead."""
    root = tmp_path / "root"
    shutil.copytree(hub.root, root)
    (root / CLIP / "pytorch_model.bin").unlink()
    hub.root = root

    refused(machine, "no weights that can be loaded", "flax_model.msgpack", "another revision")


def test_a_revision_that_is_another_model(
    machine: Machine, hub: StandInHub, tmp_path: Path
) -> None:
    """Its bytes are right, and it will not do: to pull it again is no remedy."""
    root = tmp_path / "root"
    shutil.copytree(hub.root, root)
    config = root / CLIP / "config.json"
    config.write_text(config.read_text().replace('"model_type": "clip"', '"model_type": "blip"'))
    hub.root = root

    said = refused(machine, "expected model_type clip, got 'blip'", "name another revision")

    assert "fetches anew" not in said
