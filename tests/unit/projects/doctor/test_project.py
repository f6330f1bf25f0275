"""Findings about one project."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backend.errors import QueueUnavailable
from backend.label_studio.records import Backend
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.projects.doctor.project import (
    check_backend,
    check_config,
    check_versions,
    check_web_version,
    check_webhook,
)
from backend.projects.finding import Level
from models.heads import HeadCard
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    OLD,
    OURS,
    PROJECT,
    VERSION,
    a_backend,
    a_label_studio,
    our_web,
    the_backend,
    the_project,
    the_webhook,
)

LEARNED = (
    '<View><Image name="i" value="$i"/><RectangleLabels name="b" toName="i" model_head="'
    + "0" * 32
    + '"><Label value="car"/></RectangleLabels></View>'
)
SSRF = 403, {"detail": "URL resolves to a reserved network address (block: 10.0.0.0/8)"}


def backend_findings(label_studio: StandInLabelStudio) -> list[tuple[Level, str]]:
    backends = [Backend.model_validate(one) for one in label_studio.backends]
    found = check_backend(label_studio.api(), OURS, PROJECT, backends)
    return [(finding.level, f"{finding.what} {finding.fix}") for finding in found]


def test_a_config_is_served_or_it_is_said_why_not() -> None:
    """Tags that are left to the annotator are warned of."""
    predictors = PredictorSettings(engine_for("tiny"), 0.3, None)
    partly = the_project(
        label_config='<View><Image name="i" value="$i"/><KeyPoint name="b" toName="i"/><Choices name="c" '
        'toName="i"><Choice value="snow"/><Choice value="grass"/></Choices></View>'
    )

    found = check_config(partly, predictors)
    assert found.predictor is not None
    assert [finding.level for finding in found.findings] == [Level.OK, Level.WARNING]

    found = check_config(the_project(), predictors)
    assert found.predictor is None
    assert [finding.level for finding in found.findings] == [Level.ERROR]


def test_what_was_learned_and_is_not_there_is_a_warning_with_its_remedy() -> None:
    """The label config is served all the same."""
    found = check_config(
        the_project(label_config=LEARNED), PredictorSettings(engine_for("tiny"), 0.3, None)
    )

    assert found.predictor is not None
    assert found.knows_version
    (warning,) = [finding for finding in found.findings if finding.level is Level.WARNING]
    assert "what was learned for RectangleLabels 'b' is not used" in warning.what
    assert f"`firstpass learn --project {PROJECT} --apply` learns anew" in (warning.fix or "")


def test_while_redis_does_not_answer_nothing_is_said_of_what_was_learned() -> None:
    """Neither that it is gone, which nobody knows, nor a version without it."""

    def heads(fingerprint: str) -> HeadCard:
        raise QueueUnavailable("Redis does not answer")

    predictors = PredictorSettings(engine_for("tiny"), 0.3, None, heads)

    found = check_config(the_project(label_config=LEARNED), predictors)

    assert found.predictor is not None
    assert not found.knows_version
    assert [finding.level for finding in found.findings] == [Level.OK, Level.SKIPPED]
    assert "model_head" in found.findings[-1].what


def test_processes_with_other_settings_are_told_apart() -> None:
    assert check_web_version(our_web(), the_project(), VERSION).level is Level.OK
    assert check_web_version(our_web(), the_project(), OLD).level is Level.ERROR


def test_a_connected_backend_is_well() -> None:
    label_studio = a_label_studio()
    label_studio.backends = [a_backend()]

    assert [level for level, _ in backend_findings(label_studio)] == [Level.OK]
    assert label_studio.writes == []


@pytest.mark.parametrize("backends", [[], [a_backend(state="DI", readable_state="Disconnected")]])
def test_an_address_that_label_studio_forbids_is_found_out(backends: list[Any]) -> None:
    """Asked in a way that could make nothing: basic auth without credentials."""
    label_studio = a_label_studio()
    label_studio.backends, label_studio.refusal = backends, SSRF

    findings = backend_findings(label_studio)

    assert [level for level, _ in findings] == [Level.ERROR, Level.ERROR]
    assert "firstpass connect" in findings[0][1]
    assert "ML_BLOCK_LOCAL_IP" in findings[1][1]
    ((_, _, body),) = label_studio.writes
    assert body == {"project": PROJECT, "url": OURS.url, "auth_method": "BASIC_AUTH"}


def test_other_refusals_of_that_question_are_no_finding() -> None:
    """It was asked so that it would be refused."""
    label_studio = a_label_studio()
    label_studio.refusal = 400, {"detail": "Authentication username and password is required"}

    assert len(backend_findings(label_studio)) == 1


def test_a_backend_before_ours_is_an_error() -> None:
    label_studio = a_label_studio()
    label_studio.backends = [a_backend(id=1, url="http://other", title="Other"), a_backend()]

    assert [level for level, _ in backend_findings(label_studio)] == [Level.OK, Level.ERROR]


@pytest.mark.parametrize(
    ("project", "backend", "level"),
    [
        ({}, {}, Level.OK),
        ({"model_version": OLD}, {}, Level.ERROR),
        ({"model_version": None}, {}, Level.ERROR),
        ({"show_collab_predictions": False}, {}, Level.ERROR),
        ({}, {"title": "Florence"}, Level.ERROR),
        ({}, {"url": "http://other"}, Level.SKIPPED),
    ],
)
def test_name_rows_and_what_the_project_shows_must_be_one_version(
    project: dict[str, Any], backend: dict[str, Any], level: Level
) -> None:
    found = check_versions(OURS, the_project(**project), [the_backend(**backend)], VERSION)

    assert found.level is level


def test_the_webhook_must_be_there_with_our_secret() -> None:
    assert check_webhook(OURS, [the_webhook()], PROJECT).level is Level.OK
    assert check_webhook(OURS, [], PROJECT).level is Level.WARNING
    assert check_webhook(OURS, [the_webhook(headers={})], PROJECT).level is Level.WARNING
    bare = replace(OURS, webhook_secret=None)
    assert "FIRSTPASS_WEBHOOK_SECRET" in str(check_webhook(bare, [the_webhook()], PROJECT).fix)
