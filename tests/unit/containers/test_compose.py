"""compose.yaml and what is laid over it, as the real Docker Compose reads them. No engine is needed."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.unit.containers.installation import COMBINATIONS, OVERLAYS, Installation, environment_of

OURS = ("web", "courier", "worker")


@pytest.mark.parametrize("overlays", COMBINATIONS, ids="+".join)
def test_every_combination_of_files_is_taken(
    installation: Installation, overlays: tuple[str, ...]
) -> None:
    """With one producer of each image of ours and bounded logs, whatever is laid over what."""
    for name in overlays:
        installation.set(OVERLAYS[name])

    services = installation.config(*overlays)["services"]
    assert {name for name, one in services.items() if not _bounded(one["logging"])} == set()
    printed = installation.compose("build", "--print")
    built = json.loads(printed.stdout[printed.stdout.index("{") :])["target"]

    assert {"web", "courier", "worker", "label-studio"} <= services.keys()
    assert ("redis" in services) is ("compose.outer-redis.yaml" not in overlays)
    tags = Counter(tag for target in built.values() for tag in target["tags"])
    assert tags == Counter({services[name]["image"]: 1 for name in OURS})


def _bounded(logging: dict[str, Any]) -> bool:
    """Whether Docker, which keeps everything by default, throws old logs away: as docs/operate.md says."""
    return logging == {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}


def test_no_image_of_ours_is_looked_for_in_a_registry(installation: Installation) -> None:
    """A name on somebody's hub is not ours, until a registry is named."""
    local = installation.config()["services"]
    installation.set(
        {"FIRSTPASS_REGISTRY": "registry.example/team/", "FIRSTPASS_PULL_POLICY": "missing"}
    )
    shared = installation.config()["services"]

    for name in OURS:
        assert local[name]["pull_policy"] == "never"
        assert shared[name]["pull_policy"] == "missing"
        assert shared[name]["image"] == f"registry.example/team/{local[name]['image']}"


def test_workers_get_the_cpus_torch_unless_the_gpu_file_is_laid_over(
    installation: Installation,
) -> None:
    """TORCH_INDEX_URL names another build, for either."""

    def torch() -> list[str]:
        found = []
        for files in ("compose.yaml", "compose.yaml:compose.gpu.yaml"):
            installation.set({"COMPOSE_FILE": files})
            build = installation.config()["services"]["worker"]["build"]
            found.append(build["args"]["TORCH_INDEX_URL"])
        return found

    assert torch() == ["https://download.pytorch.org/whl/cpu", "https://pypi.org/simple"]
    installation.set({"TORCH_INDEX_URL": "https://download.pytorch.org/whl/cu128"})
    assert torch() == ["https://download.pytorch.org/whl/cu128"] * 2


def test_each_worker_takes_a_gpu_of_its_own(installation: Installation) -> None:
    """All GPUs are shown to every worker, and `cuda:auto` takes a free one; a person may name another."""
    installation.set({"FIRSTPASS_WORKERS": "2"})
    worker = installation.config("compose.gpu.yaml")["services"]["worker"]

    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"]) == ("nvidia", -1)
    assert worker["deploy"]["replicas"] == 2
    assert worker["environment"]["FIRSTPASS_DEVICE"] == "cuda:auto"
    installation.set({"FIRSTPASS_DEVICE": "cuda:1"})
    assert environment_of(installation.config(), "worker")["FIRSTPASS_DEVICE"] == "cuda:1"


def test_without_env_compose_names_the_script_that_makes_it(bare: Installation) -> None:
    """Nothing starts on made-up secrets."""
    done = bare.compose("config")

    assert done.returncode != 0
    assert "run docker/make-env.sh" in done.stderr


@pytest.mark.parametrize("count", ["two", "-1", "1.5"])
def test_a_wrong_number_of_workers_starts_nothing(installation: Installation, count: str) -> None:
    """Compose names the place."""
    installation.set({"FIRSTPASS_WORKERS": count})

    done = installation.compose("config")

    assert done.returncode != 0
    assert "services.worker.deploy.replicas" in done.stderr


@pytest.mark.parametrize(
    "value", ["it's", "a$b", "${HOME}", "x # y", 'q"uo"te', "back\\slash", "`id`", "  spaces  "]
)
def test_values_with_signs_of_the_shell_come_through(
    installation: Installation, value: str
) -> None:
    """As docs/containers.md says to write them: in double quotes, with a backslash before \\, " and $."""
    written = re.sub(r'([\\"$])', r"\\\1", value)
    with installation.env.open("a") as file:
        file.write(f'POSTGRE_PASSWORD="{written}"\nFIRSTPASS_MODEL="{written}"\n')

    config = installation.config()

    assert environment_of(config, "label-studio")["POSTGRE_PASSWORD"] == value
    assert environment_of(config, "worker")["FIRSTPASS_MODEL"] == value


def test_an_empty_value_is_as_good_as_none(installation: Installation) -> None:
    """For every variable that the files ask for and that may be left out."""
    usual = installation.config()
    table = installation.compose("config", "--variables").stdout.splitlines()[1:]
    rows = [line.split() for line in table]
    required = {row[0] for row in rows if row[1] == "true"}
    free = {row[0] for row in rows} - required - installation.values().keys()

    installation.set(dict.fromkeys(free, ""))

    assert {"REDIS_URL", "FIRSTPASS_WORKERS", "HF_ENDPOINT", "DJANGO_DB"} <= free
    found = installation.config()
    for name in usual["services"]:
        given, before = (
            {name: value for name, value in environment_of(config, name).items() if value}
            for config in (found, usual)
        )
        assert given == before
        found["services"][name].pop("environment")
        usual["services"][name].pop("environment")
    assert found["services"] == usual["services"]


def test_a_key_file_needs_no_key(installation: Installation) -> None:
    """The token comes as a secret, and the key that .env may hold besides is passed on to none."""
    installation.set(OVERLAYS["compose.secrets.yaml"])
    config = installation.config("compose.secrets.yaml")

    assert config["secrets"]["label_studio_api_key"]["file"] == "/run/key"
    for name in OURS:
        variables = environment_of(config, name)
        assert variables["FIRSTPASS_LABEL_STUDIO_API_KEY"] == ""
        assert variables["FIRSTPASS_LABEL_STUDIO_API_KEY_FILE"].startswith("/run/secrets/")
        assert config["services"][name]["secrets"]


def test_an_outer_redis_is_asked_by_all_and_ours_is_not_started(installation: Installation) -> None:
    """REDIS_URL in .env goes before the address of our own."""
    installation.set(OVERLAYS["compose.outer-redis.yaml"])
    config = installation.config("compose.outer-redis.yaml")

    assert {environment_of(config, name)["REDIS_URL"] for name in OURS} == {
        "rediss://:pw@redis.example:6379/0"
    }
    assert "redis" not in config["services"]


def test_an_outer_postgres_proxies_limits_and_ports_are_set_in_env(
    installation: Installation,
) -> None:
    """No tracked file is edited for them."""
    installation.set(
        {
            "DJANGO_DB": "default",
            "POSTGRE_HOST": "db.example",
            "HTTPS_PROXY": "http://proxy:3128",
            "NO_PROXY": "minio",
            "HF_ENDPOINT": "https://hub.example",
            "HF_TOKEN": "hf_x",
            "FIRSTPASS_LISTEN": "127.0.0.1:9999",
            "WORKER_MEMORY": "8gb",
            "WORKER_CPUS": "2.5",
            "LABEL_STUDIO_LISTEN": "0.0.0.0:80",
        }
    )
    config = installation.config()
    services = config["services"]

    studio, worker = environment_of(config, "label-studio"), environment_of(config, "worker")
    assert (studio["DJANGO_DB"], studio["POSTGRE_HOST"]) == ("default", "db.example")
    assert (worker["HTTPS_PROXY"], worker["HF_TOKEN"]) == ("http://proxy:3128", "hf_x")
    assert worker["HF_ENDPOINT"] == "https://hub.example"
    assert {"label-studio", "redis", "minio"} <= set(worker["NO_PROXY"].split(","))
    assert {"web", "minio"} <= set(studio["NO_PROXY"].split(","))
    assert services["web"]["ports"][0]["published"] == "9999"
    assert services["label-studio"]["ports"][0]["published"] == "80"
    assert services["worker"]["deploy"]["resources"]["limits"] == {
        "cpus": 2.5,
        "memory": str(8 * 1024**3),
    }


@pytest.mark.parametrize(("limit_s", "grace"), [(None, "2m10s"), ("300", "5m10s")])
def test_a_stopped_worker_has_time_for_its_batch(
    installation: Installation, limit_s: str | None, grace: str
) -> None:
    """The grace follows FIRSTPASS_JOB_TIMEOUT_S, with ten seconds to answer."""
    if limit_s is not None:
        installation.set({"FIRSTPASS_JOB_TIMEOUT_S": limit_s})

    services = installation.config()["services"]

    assert services["worker"]["stop_grace_period"] == grace
    assert services["web"]["stop_grace_period"] == "15s"
    assert services["courier"]["stop_grace_period"] == "1m0s"


def test_every_service_is_checked_and_redis_errors_count_as_no_answer(
    installation: Installation,
) -> None:
    """`redis-cli ping` alone ends with 0 on an error reply, such as LOADING."""
    services = installation.config()["services"]

    assert all(service["healthcheck"]["test"][0] == "CMD" for service in services.values())
    assert services["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "-e", "ping"]
    for name in OURS:
        assert services[name]["healthcheck"]["test"][1:] == ["firstpass", "health", name]


def test_no_password_stands_in_a_command_line(installation: Installation) -> None:
    """`docker ps` and `ps` show them to everybody on the machine."""
    password = installation.values()["REDIS_PASSWORD"]
    config = installation.config()

    assert password in config["configs"]["redis"]["content"]
    for service in config["services"].values():
        assert password not in json.dumps(service.get("command"))
        assert password not in json.dumps(service["healthcheck"])
