"""The manifests, put together by kubectl and held against Kubernetes' schemas, our settings and our commands."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from kubernetes_validate.utils import ValidationError, validate

from backend.processes.children import free_port
from backend.settings import Settings, load_settings, variable_name
from tests.conftest import missing_command
from tests.operators.conftest import REPOSITORY, ran, until
from tests.pages import blocks, parses

FOLDER = REPOSITORY / "docker" / "kubernetes"
WAYS = ("base", "gpu", "outer-redis", "gpu-outer-redis")
#: The oldest version that its makers still mend, and the newest known to the checker.
VERSIONS = ("1.34.0", "1.37.0")
NAMES = {variable_name(field) for field in Settings.model_fields} | {"REDIS_URL"}
#: Read by others than Firstpass.
FOREIGN = {"REDIS_PASSWORD", "REDISCLI_AUTH", "HF_TOKEN", "NVIDIA_DRIVER_CAPABILITIES"}
Manifest = dict[str, Any]


@cache
def built(way: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would send."""
    done = ran(missing_command("kubectl"), "kustomize", FOLDER / way)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def pods(way: str) -> Iterator[tuple[str, Manifest]]:
    """The pods' specifications, by the part of Firstpass that each is."""
    for manifest in built(way):
        template = manifest.get("spec", {}).get("template")
        if template is not None:
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template["spec"]


def environment(way: str, part: str) -> dict[str, Manifest]:
    ((container,),) = (spec["containers"] for name, spec in pods(way) if name == part)
    return {one["name"]: one for one in container.get("env", [])}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
def test_kubernetes_knows_every_field(way: str, version: str) -> None:
    """Against its schemas, strictly: a misspelt field is an error."""
    manifests = built(way)

    for manifest in manifests:
        validate(manifest, version, strict=True)
    assert {one["kind"] for one in manifests} >= {"Deployment", "Job", "NetworkPolicy"}


def test_a_misspelt_field_would_be_noticed() -> None:
    """The checker does check."""
    (web,) = (one for one in built("base") if one["kind"] == "PodDisruptionBudget")
    broken = {**web, "spec": {**web["spec"], "minAvailible": 1}}

    with pytest.raises(ValidationError):
        validate(broken, VERSIONS[0], strict=True)


def test_every_file_is_part_of_it() -> None:
    """But the example of the Secret, which must never be applied as it is."""
    listed = yaml.safe_load((FOLDER / "base" / "kustomization.yaml").read_text())["resources"]
    there = {path.name for path in (FOLDER / "base").glob("*.yaml")}

    assert there - set(listed) == {"kustomization.yaml", "secret.example.yaml"}


@pytest.mark.parametrize("way", WAYS)
def test_pods_are_told_settings_that_are_read(way: str) -> None:
    """No variable is misspelt, what the ConfigMap says is valid, and a value made of another comes after it."""
    (settings,) = (one for one in built(way) if one["kind"] == "ConfigMap")

    assert set(settings["data"]) - NAMES == set()
    told = {
        name.removeprefix("FIRSTPASS_").lower(): value for name, value in settings["data"].items()
    }
    assert load_settings(**told, basic_auth_pass="secret").delivers
    for part, _ in pods(way):
        names = list(environment(way, part))
        assert set(names) - NAMES <= FOREIGN
        for name, one in environment(way, part).items():
            for used in re.findall(r"\$\((\w+)\)", str(one.get("value"))):
                assert names.index(used) < names.index(name)


@pytest.mark.parametrize("way", WAYS)
def test_pods_run_commands_that_there_are(way: str) -> None:
    """Arguments and probes parse as commands of ours, in an image that has them."""
    seen = set()
    for part, spec in pods(way):
        (container,) = spec["containers"]
        probes = [c["exec"]["command"] for key, c in container.items() if key.endswith("Probe")]
        if part == "redis":
            continue
        argv = [container["args"], *(probe[1:] for probe in probes if probe[0] == "firstpass")]
        assert all(parses(arguments) for arguments in argv), argv
        image = "firstpass-worker" if part in ("worker", "models") else "firstpass-web"
        assert container["image"].startswith(f"{image}:")
        seen.add(part)
    assert seen == {"web", "courier", "worker", "models"}


@pytest.mark.parametrize("way", WAYS)
def test_pods_keep_to_the_restricted_standard(way: str) -> None:
    """No root, no capability, no way to more, a read-only root and a place for temporary files."""
    for part, spec in pods(way):
        (container,) = spec["containers"]
        confined = container["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"]["fsGroup"] == (999 if part == "redis" else 10001)
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted >= {volume["name"] for volume in spec.get("volumes", [])}


@pytest.mark.parametrize("way", WAYS)
def test_names_that_refer_to_each_other_agree(way: str) -> None:
    """Services select pods and ports that there are; secrets, claims and the home of the image likewise."""
    manifests = built(way)
    parts = dict(pods(way))
    claims = {
        one["metadata"]["name"] for one in manifests if one["kind"] == "PersistentVolumeClaim"
    }
    example = yaml.safe_load((FOLDER / "base" / "secret.example.yaml").read_text())["stringData"]
    for service in (one for one in manifests if one["kind"] == "Service"):
        spec = parts[service["spec"]["selector"]["app.kubernetes.io/component"]]
        ports = {port["name"] for c in spec["containers"] for port in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for spec in parts.values():
        for volume in spec.get("volumes", []):
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in claims
    keys = set(re.findall(r"'key': '([\w-]+)'", str(manifests)))
    assert keys <= {*example, "hf-token", "redis-url"}
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text()
    for path in ("/var/lib/firstpass", "/var/cache/huggingface", "10001"):
        assert path in dockerfile


def test_the_web_port_is_one() -> None:
    """The container's, the Service's, and the one that Label Studio is told."""
    (settings,) = (one for one in built("base") if one["kind"] == "ConfigMap")
    spec = dict(pods("base"))["web"]

    assert spec["containers"][0]["ports"][0]["containerPort"] == load_settings().port
    assert settings["data"]["FIRSTPASS_PUBLIC_URL"].endswith(f":{load_settings().port}")


def test_one_courier_and_time_for_a_batch() -> None:
    """The courier never overlaps with another; a worker is given more than a batch may take."""
    deployments = {
        one["metadata"]["name"]: one["spec"] for one in built("base") if one["kind"] == "Deployment"
    }
    courier, worker = deployments["firstpass-courier"], deployments["firstpass-worker"]
    grace = worker["template"]["spec"]["terminationGracePeriodSeconds"]

    assert (courier["replicas"], courier["strategy"]) == (1, {"type": "Recreate"})
    assert grace > load_settings().job_timeout_s + load_settings().image_timeout_s


@pytest.mark.parametrize(("way", "without"), [("gpu", "base"), ("gpu-outer-redis", "outer-redis")])
def test_gpu_workers_have_one_each(way: str, without: str) -> None:
    """And use it, with the rest as it was."""
    (container,) = dict(pods(way))["worker"]["containers"]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert environment(way, "worker")["FIRSTPASS_DEVICE"]["value"] == "cuda"
    assert environment(way, "worker").keys() > environment(without, "worker").keys()


@pytest.mark.parametrize("way", ["outer-redis", "gpu-outer-redis"])
def test_an_outer_redis_leaves_none_here(way: str) -> None:
    """Its URL is a secret, and no pod holds a password besides."""
    assert "redis" not in dict(pods(way))
    for part in ("web", "courier", "worker"):
        told = environment(way, part)
        assert told["REDIS_URL"]["valueFrom"]["secretKeyRef"]["key"] == "redis-url"
        assert "REDIS_PASSWORD" not in told


def test_what_redis_runs_is_a_redis_with_a_password_and_a_file(tmp_path: Path) -> None:
    """Run as it stands, in dash as in the image, on another port and folder; no password is in its command line."""
    server = missing_command("redis-server")
    (container,) = dict(pods("base"))["redis"]["containers"]
    (script,) = container["args"]
    port = free_port()
    script = script.replace("dir /data", f"dir {tmp_path}\nport {port}\nbind 127.0.0.1")
    environ = {"PATH": f"{server.parent}:/usr/bin:/bin", "REDISCLI_AUTH": "secret-of-redis"}

    with subprocess.Popen([*container["command"], script], env=environ) as process:
        try:
            with redis.Redis(port=port, password="secret-of-redis") as connection:
                until(lambda: pings(connection))
                assert connection.config_get("appendonly") == {"appendonly": "yes"}
                assert connection.config_get("maxmemory-policy") == {
                    "maxmemory-policy": "noeviction"
                }
                command_line = Path(f"/proc/{process.pid}/cmdline").read_text()
                assert "redis-server" in command_line  # it is the container's first process
                assert "secret-of-redis" not in command_line
            with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()
        finally:
            process.terminate()


def test_the_pages_secret_holds_what_the_pods_ask_for(tmp_path: Path) -> None:
    """The commands are run as they stand, but kubectl makes the Secret without a cluster."""
    kubectl = missing_command("kubectl")
    (block, *_) = blocks("docs/kubernetes.md", "Start")
    stand_in = tmp_path / "bin" / "kubectl"
    stand_in.parent.mkdir()
    stand_in.write_text(
        f'#!/bin/sh\n[ "$2" = namespace ] && exit\nexec {kubectl} "$@" --dry-run=client -o yaml\n'
    )
    stand_in.chmod(0o755)

    (tmp_path / "token").write_text("token-of-label-studio")
    script = f'PATH="{stand_in.parent}:$PATH"; cd {tmp_path}\n{block}'
    done = ran("bash", "-euo", "pipefail", "-c", script)

    assert done.returncode == 0, done.stderr
    example = yaml.safe_load((FOLDER / "base" / "secret.example.yaml").read_text())
    made = yaml.safe_load(done.stdout)
    assert made["metadata"]["name"] == example["metadata"]["name"]
    assert made["data"].keys() == example["stringData"].keys()
    assert b64decode(made["data"]["label-studio-api-key"]) == b"token-of-label-studio"


def pings(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.ConnectionError:
        return False
