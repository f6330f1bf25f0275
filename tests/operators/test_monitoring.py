"""Prometheus's files and the Grafana board, read by Prometheus's own programs and by Grafana's own types."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from backend.delivery.card import CourierCard, write_card
from backend.processes.children import free_port
from backend.queue.vitals import Vitals
from tests.conftest import missing_command
from tests.operators.conftest import REPOSITORY, firstpass, ran, until

FOLDER = REPOSITORY / "docker" / "monitoring"
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana-board.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0][
    "rules"
]
USER, PASSWORD = "label-studio", "of-the-web-process"


@pytest.fixture(scope="session")
def promtool() -> Path:
    return missing_command("promtool")


def expressions() -> list[str]:
    """All of the board's, with a number where Grafana puts one."""
    return [
        target["expr"].replace("$__rate_interval", "5m").replace("$job", "firstpass")
        for panel in BOARD["panels"]
        for target in panel["targets"]
    ]


def names_used() -> set[str]:
    """Every metric of ours that a rule or a panel asks for."""
    texts = [*expressions(), *(rule["expr"] for rule in RULES)]
    return {name for text in texts for name in re.findall(r"\bfirstpass_\w+", text)}


def test_prometheus_takes_the_configuration_and_the_rules(promtool: Path) -> None:
    """Without a warning, rules included."""
    checked = ran(promtool, "check", "config", FOLDER / "prometheus.yml")

    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in checked.stdout


def test_each_alert_comes_when_it_should_and_not_before(promtool: Path) -> None:
    """On made-up series; no alert is left out of them."""
    series = Path(__file__).parent / "alerts_test.yml"

    tested = ran(promtool, "test", "rules", series)

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert [rule["alert"] for rule in RULES if rule["alert"] not in series.read_text()] == []


def test_every_alert_says_what_to_do() -> None:
    """A severity, what is wrong, and a remedy; the page lists each."""
    page = (REPOSITORY / "docs" / "monitoring.md").read_text()

    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "remedy"}
        assert f"`{rule['alert']}`" in page


def test_the_board_is_made_of_what_grafana_knows() -> None:
    """Read into Grafana's own types and written again, nothing of it is missing or changed."""
    register_default_plugins()

    again = json.loads(json.dumps(Dashboard.from_json(BOARD), cls=JSONEncoder))

    assert differences(BOARD, again) == []
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_every_panel_asks_what_prometheus_can_answer(promtool: Path, tmp_path: Path) -> None:
    """Its own parser reads every expression, and each names its source by the variable."""
    rules = [{"record": f"panel:{i}", "expr": text} for i, text in enumerate(expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    checked = ran(promtool, "check", "rules", file)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {"${datasource}"}


@pytest.fixture
def web(redis_connection: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[str]:
    """A real web process, beside the cards of a worker and a courier, and a Redis with a limit and its file."""
    redis_connection.config_set("maxmemory", "1gb")
    redis_connection.config_set("appendonly", "yes")
    vitals = Vitals("w1", device="cpu", model="tiny", ttl_s=3600, clock=time.time)
    vitals.state = "idle"
    vitals.publish(redis_connection)
    now = time.time()
    write_card(redis_connection, CourierCard("box", 21, "http://ls", now, now, stored=3, failed=0))
    port = free_port()
    env = {
        "FIRSTPASS_REDIS_URL": redis_url,
        "FIRSTPASS_PORT": str(port),
        "FIRSTPASS_BASIC_AUTH_USER": USER,
        "FIRSTPASS_BASIC_AUTH_PASS": PASSWORD,
    }
    with firstpass(tmp_path / "web.log", "web", **env):
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/health"))
        yield url
    redis_connection.config_set("maxmemory", "0")
    redis_connection.config_set("appendonly", "no")


@pytest.mark.redis
def test_every_metric_that_is_asked_for_is_exported(web: str) -> None:
    """By a real `/metrics`: samples, or families that have none as long as nothing happened."""
    text = httpx.get(f"{web}/metrics", auth=(USER, PASSWORD), trust_env=False).text
    exported = set()
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        exported |= {family.name + end for end in ends.get(family.type, ("",))}

    assert names_used() - exported == set()


@pytest.mark.redis
def test_prometheus_reads_a_real_web_process(web: str, tmp_path: Path) -> None:
    """By the configuration as it is: the password from its file, alerts on, and a wrong password is noticed."""
    prometheus = missing_command("prometheus")
    text = (FOLDER / "prometheus.yml").read_text()
    assert '"localhost:9090"' in text
    (tmp_path / "prometheus.yml").write_text(
        text.replace("localhost:9090", web.removeprefix("http://")).replace("15s", "1s")
    )
    (tmp_path / "alerts.yml").write_bytes((FOLDER / "alerts.yml").read_bytes())
    (tmp_path / "firstpass-password").write_text(PASSWORD)
    port = free_port()

    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(prometheus),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{url}/-/ready"))
            until(lambda: asked(url, 'up{job="firstpass"} == 1'))
            until(lambda: asked(url, 'firstpass_workers_ready{job="firstpass"} == 1'))
            (tmp_path / "firstpass-password").write_text("another")
            until(lambda: asked(url, 'ALERTS{alertname="FirstpassWebDown"}'))
        finally:
            process.terminate()
            process.wait()


def asked(url: str, expression: str) -> list[Any]:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expression}, trust_env=False)
    found: list[Any] = answer.json()["data"]["result"]
    return found


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code in (200, 401)
    except httpx.HTTPError:
        return False


def differences(given: Any, again: Any, where: str = "") -> list[str]:
    """What of the one is not in the other, by its place."""
    if isinstance(given, dict) and isinstance(again, dict):
        return [
            found
            for key, value in given.items()
            for found in (
                differences(value, again[key], f"{where}.{key}")
                if key in again
                else [f"{where}.{key}"]
            )
        ]
    if isinstance(given, list) and isinstance(again, list) and len(given) == len(again):
        pairs = zip(given, again, strict=True)
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{where}[{i}]")]
    return [] if given == again else [where]
