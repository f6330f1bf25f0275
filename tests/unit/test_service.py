"""The use case beside its web routes: what an event sets off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import PredictRequest, SetupRequest, WebhookEvent, parse_body
from backend.label_studio.project_key import ProjectKey
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings, Slot
from backend.service import PredictionService, WaitLimits
from tests.standin.queue import StandInQueue

BODIES = Path(__file__).parents[1] / "contract" / "bodies"


@pytest.fixture
def heard() -> list[tuple[str, WebhookEvent, ProjectKey]]:
    return []


@pytest.fixture
def service(heard: list[tuple[str, WebhookEvent, ProjectKey]]) -> PredictionService:
    return PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(engine_for("tiny"), 0.3, None),
        waits=WaitLimits(8, 1, 1),
        listeners=[
            lambda event, project: heard.append(("first", event, project)),
            lambda event, project: heard.append(("second", event, project)),
        ],
    )


def test_an_event_is_heard_by_all_who_listen(
    service: PredictionService, heard: list[tuple[str, WebhookEvent, ProjectKey]]
) -> None:
    """As Label Studio 1.23 sends it; in the order in which they are named."""
    event = parse_body(WebhookEvent, (BODIES / "webhook-annotation-created.json").read_bytes())

    service.event(event)

    project = ProjectKey.of(event.project)
    assert project is not None
    assert heard == [("first", event, project), ("second", event, project)]


def test_an_event_of_no_project_is_heard_by_nobody(
    service: PredictionService, heard: list[tuple[str, WebhookEvent, ProjectKey]]
) -> None:
    service.event(WebhookEvent(action="ANNOTATION_CREATED", project={}))

    assert heard == []


class NotesHeads:
    """A desk that nobody mans; `noted` is what it was told of learned heads."""

    is_manned = False

    def __init__(self) -> None:
        self.noted: list[tuple[ProjectKey, list[str]]] = []

    def hand_over(self, project: ProjectKey, version: str, slots: Sequence[Slot]) -> list[Slot]:
        return list(slots)

    def note_change(self, project: ProjectKey) -> None: ...

    def note_heads(self, project: ProjectKey, heads: Sequence[str]) -> None:
        self.noted.append((project, list(heads)))


def test_which_learned_heads_a_label_config_names_is_noted() -> None:
    """Used or not; that it names none any more, too."""
    desk = NotesHeads()
    service = PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(engine_for("tiny"), 0.3, None),
        waits=WaitLimits(8, 1, 1),
        desk=desk,
    )
    plain = (
        '<View><Image name="i" value="$i"/><RectangleLabels name="b" toName="i"><Label value="star"/>'
        "</RectangleLabels></View>"
    )
    named = with_head(plain, ["b"], "0" * 32)

    for label_config in (named, plain):
        service.setup(SetupRequest(project="4.5", schema=label_config))
        body = {"project": "4.5", "label_config": label_config, "tasks": [{"id": 1, "data": {}}]}
        service.predict(PredictRequest.model_validate(body))

    ours = ProjectKey(4, 5)
    assert desk.noted == [(ours, ["0" * 32]), (ours, ["0" * 32]), (ours, [])]


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
