"""The use case beside its web routes: what an event sets off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backend.label_studio.bodies import SetupRequest, WebhookEvent, parse_body
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.service import PredictionService, WaitLimits
from tests.standin.queue import StandInQueue

BODIES = Path(__file__).parents[1] / "contract" / "bodies"


class Notes:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.submitted: list[tuple[ProjectKey, object]] = []

    def asked(self, project: ProjectKey, label: str, phrase: str) -> None:
        raise AssertionError("nobody typed anything")

    def kept(self, project: ProjectKey, annotation: object) -> None:
        self.submitted.append((project, annotation))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def service(notes: Notes) -> PredictionService:
    return PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(engine_for("tiny"), 0.3, None),
        waits=WaitLimits(8, 1, 1),
        phrases=notes,
    )


def test_a_submitted_annotation_is_looked_at_for_kept_phrases(
    service: PredictionService, notes: Notes
) -> None:
    """As Label Studio 1.23 sends it."""
    raw = (BODIES / "webhook-annotation-created.json").read_bytes()

    service.event(parse_body(WebhookEvent, raw))

    ((project, annotation),) = notes.submitted
    assert project.id == json.loads(raw)["project"]["id"]
    assert annotation == AnnotationRow.model_validate(json.loads(raw)["annotation"])
    assert annotation.result


@pytest.mark.parametrize(
    "event",
    [
        {"action": "ANNOTATIONS_CREATED", "project": {"id": 3}, "annotation": [{}]},
        {"action": "PROJECT_UPDATED", "project": {"id": 3, "created_at": "2026-01-02T03:04:05Z"}},
        {"action": "ANNOTATION_CREATED", "project": {}, "annotation": None},
    ],
)
def test_other_events_are_not(
    service: PredictionService, notes: Notes, event: dict[str, object]
) -> None:
    service.event(WebhookEvent.model_validate(event))

    assert notes.submitted == []


@pytest.mark.parametrize(
    ("tag", "event", "level"),
    [
        ('<Rating name="r" toName="i"/>', "control tag not served", "warning"),
        (
            '<Rating name="r" toName="i" model_skip="true"/>',
            "control tag left to the annotator",
            "info",
        ),
    ],
)
def test_a_tag_that_is_not_served_is_logged_once(
    service: PredictionService, tag: str, event: str, level: str
) -> None:
    """Label Studio asks for the version before every batch; what the config wants so is no warning."""
    config = (
        '<View><Image name="i" value="$i"/><RectangleLabels name="b" toName="i">'
        f'<Label value="a"/></RectangleLabels>{tag}</View>'
    )

    with capture_logs() as logs:
        for _ in range(3):
            service.setup(SetupRequest(schema=config, project="1.1"))

    assert [(line["event"], line["log_level"]) for line in logs] == [(event, level)]
