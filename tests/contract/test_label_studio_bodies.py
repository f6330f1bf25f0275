"""What Label Studio 1.23 was recorded to send goes in; what comes out is compared with golden replies.

`tests.contract.record` makes the recordings; `--update-golden` writes the replies anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.prediction.engine import Engine, engine_for
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.web.app import create_app
from backend.web.monitor import QueueMonitor
from tests.standin.queue import StandInQueue

#: As Label Studio sends them.
JSON = {"Content-Type": "application/json"}
BODIES = sorted((Path(__file__).parent / "bodies").glob("*.json"))


@pytest.fixture(scope="module")
def http() -> Iterator[TestClient]:
    """Our routes over a stand-in queue; the engine's fingerprint is held constant."""
    service = PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(
            Engine("golden", "0" * 12, engine_for("tiny").entries), 0.3, "http://localhost:8080"
        ),
        waits=WaitLimits(8, 1, 1),
    )
    running = RunningService(service, start=lambda: None, close=lambda: None)
    monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
    with TestClient(create_app(load_settings(), running, monitor)) as client:
        yield client


@pytest.mark.parametrize("body", BODIES, ids=lambda path: path.stem)
def test_a_recorded_request_gets_the_golden_reply(
    body: Path, http: TestClient, golden_folder: Path, request: pytest.FixtureRequest
) -> None:
    """Status and JSON are as they were; a change shows in the golden file's diff."""
    route = body.stem.split("-")[0]
    golden = golden_folder / "replies" / body.name

    answer = http.post(f"/{route}", content=body.read_bytes(), headers=JSON)
    reply = {"status": answer.status_code, "body": answer.json()}

    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(json.dumps(reply, indent=1, ensure_ascii=False) + "\n")
    assert reply == json.loads(golden.read_text())


def test_every_kind_of_request_is_recorded() -> None:
    """Opening a task, the action, the stream, an interactive prompt, /setup and two webhooks."""
    assert {body.stem for body in BODIES} == {
        "predict-action",
        "predict-interactive",
        "predict-open",
        "predict-stream",
        "setup",
        "webhook-annotation-created",
        "webhook-start-training",
    }
