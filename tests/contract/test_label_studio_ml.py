"""`FirstpassModel` under the server of the installed label-studio-ml."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.service import PredictionService, WaitLimits
from tests.standin.queue import StandInQueue

CONFIG = (
    '<View><Image name="img" value="$image"/>'
    '<RectangleLabels name="box" toName="img"><Label value="cat"/></RectangleLabels></View>'
)


@pytest.fixture
def http() -> Iterator[Any]:
    """A client of label-studio-ml's Flask application, serving our model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a package of 2021 says when it is imported
        from label_studio_ml.api import init_app

        from backend.processes.label_studio_ml import FirstpassModel

    class Model(FirstpassModel):
        service = PredictionService(
            queue=StandInQueue(),
            predictors=PredictorSettings(engine_for("tiny"), 0.3, None),
            waits=WaitLimits(8, 1, 1),
        )

    with init_app(Model).test_client() as client:
        yield client


def test_it_predicts_through_the_packages_own_server(http: Any, tmp_path: object) -> None:
    """/setup, then /predict: one entry per task, with our version and regions."""
    setup = http.post("/setup", json={"project": "1.1", "schema": CONFIG, "hostname": "http://x"})
    assert setup.status_code == 200

    reply = http.post(
        "/predict",
        json={
            "tasks": [
                {"id": 1, "data": {"image": "http://images.example/1.png"}},
                {"id": 2, "data": {"image": "file:///etc/passwd"}},
            ],
            "project": "1.1",
            "label_config": CONFIG,
            "params": {"login": None, "password": None, "context": None},
        },
    )

    first, second = reply.get_json()["results"]
    assert first["model_version"].startswith("tiny-")
    assert first["result"][0]["value"]["rectanglelabels"] == ["cat"]
    assert second == []
