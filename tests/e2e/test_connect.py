"""`connect` and `follow` with the real Label Studio: fresh, again, after meddling, and refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from backend.cli.main import app
from backend.cli.status import open_redis
from backend.delivery.card import read_card
from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import Running, repository
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend, Project, Webhook
from backend.prediction.model_version import is_model_version
from backend.processes.stack import settings_environment
from backend.processes.supervisor import Supervisor
from backend.projects.connect import Connector
from backend.projects.finding import Finding, Level
from backend.projects.follow import Followed, follow
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from backend.settings import SECRET_HEADER, Settings
from tests.e2e.killing import stopped

SECRET = "open-sesame"


@pytest.fixture
def settings(both: Running) -> Settings:
    """Those that Firstpass runs with, and a secret for webhooks."""
    return both.settings.model_copy(update={"webhook_secret": SecretStr(SECRET)})


@pytest.fixture
def api(settings: Settings) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(settings) as made:
        yield made


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """Two uploaded images, and no backend."""
    made = client.create_project(request.node.name[:50], demo_config)
    client.upload(made, {image.name: image.png for image in demo_images(2)})
    return made


def connect(settings: Settings, project: int, **changes: Any) -> list[Finding]:
    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        ours = OurBackend.from_settings(settings)
        connector = Connector(api, web, dataclasses.replace(ours, **changes))
        return list(connector.connect(project))


def courier_pid(settings: Settings) -> int:
    with open_redis(settings) as connection:
        card = read_card(connection)
    assert card is not None
    return card.pid


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level.value for finding in findings]


def state(api: LabelStudioApi, project: int) -> tuple[Project, Backend, Webhook]:
    """The project, its one backend, its one webhook."""
    (backend,), (webhook,) = api.backends(project), api.webhooks(project)
    return api.project(project), backend, webhook


def webhooks_whole(api: LabelStudioApi, project: int) -> object:
    """The webhooks with all that Label Studio tells of them."""
    return api._connection.get("/api/webhooks/", object, {"project": project})


def check(api: LabelStudioApi, project: int) -> None:
    """All is as it should be."""
    found, backend, webhook = state(api, project)
    assert is_model_version(backend.title)
    assert backend.title == backend.model_version == found.model_version
    assert backend.state == "CO"
    assert backend.is_interactive
    assert found.show_collab_predictions
    assert webhook.headers == {SECRET_HEADER: SECRET}


def test_a_fresh_project_is_connected_and_a_prediction_arrives(
    api: LabelStudioApi, settings: Settings, project: int
):
    """And all that makes scores show is in place."""
    findings = connect(settings, project)

    assert levels(findings)[3:] == ["done", "already so", "repaired", "ok"]
    assert "was opened and came with a prediction" in findings[-1].what
    check(api, project)
    assert sum(api.model_versions(project).values()) == 1


def test_connecting_again_changes_nothing(api: LabelStudioApi, settings: Settings, project: int):
    """Not even the times at which things were changed."""
    connect(settings, project)
    before = webhooks_whole(api, project)

    findings = connect(settings, project)

    assert levels(findings)[3:] == ["already so", "already so", "already so", "ok"]
    assert webhooks_whole(api, project) == before
    check(api, project)


def test_what_somebody_changed_is_repaired(
    api: LabelStudioApi, settings: Settings, both: Running, project: int
):
    """Name and mode of the backend, the version shown, the webhook."""
    connect(settings, project)
    _, backend, webhook = state(api, project)
    fields = OurBackend.from_settings(settings).fields("My model")
    api.update_backend(backend.id, project=project, **{**fields, "is_interactive": False})
    api.update_project(project, show_collab_predictions=False)
    api.delete_webhook(webhook.id)
    for _ in range(2):
        api.create_webhook(project, url=webhook.url, headers={SECRET_HEADER: "old", "X": "y"})

    findings = connect(settings, project)

    assert levels(findings)[3:] == ["repaired", "repaired", "repaired", "ok"]
    assert "its name was 'My model', it was not interactive" in findings[3].what
    assert "there were several" in findings[5].what
    found, backend, webhook = state(api, project)
    assert webhook.headers == {SECRET_HEADER: SECRET, "X": "y"}
    assert backend.title == found.model_version == backend.model_version


def test_the_version_is_put_back_after_predictions_were_deleted(
    api: LabelStudioApi, settings: Settings, project: int
):
    """Label Studio empties it then, and its label stream asks nobody any more."""
    with stopped(courier_pid(settings)):  # which would put it back as well, sooner or later
        connect(settings, project)
        version = api.project(project).model_version
        api.delete_model_version(project, version)
        assert api.project(project).model_version == ""

    connect(settings, project)

    check(api, project)


def test_a_backend_before_ours_is_warned_of(
    api: LabelStudioApi, settings: Settings, both: Running, project: int
):
    """Label Studio asks the first alone; ours is connected, and no trial is made."""
    other = OurBackend.from_settings(settings).fields("Another")
    other["url"] = both.settings.local_url.replace("127.0.0.1", "localhost")
    api.create_backend(project, **other)

    findings = connect(settings, project)

    assert next(f.what for f in findings if f.level is Level.WARNING).count("'Another'") == 1
    assert len(api.backends(project)) == 2
    assert api.model_versions(project).get("Another", 0) == 0
    assert sum(api.model_versions(project).values()) == 0


def test_an_empty_project_is_connected_without_a_trial(
    client: LabelStudioClient, api: LabelStudioApi, settings: Settings, demo_config: str
):
    """There is nothing to open."""
    project = client.create_project("Empty", demo_config)

    findings = connect(settings, project)

    assert findings[-1].level is Level.WARNING
    assert "no tasks" in findings[-1].what
    check(api, project)


def test_an_image_that_cannot_be_read_is_given_as_the_reason(
    client: LabelStudioClient, settings: Settings, demo_config: str
):
    project = client.create_project("Broken", demo_config)
    client.upload(project, {"broken.png": b"\x89PNG\r\n\x1a\n, and then nothing of use"})

    last = connect(settings, project)[-1]

    assert last.level is Level.ERROR
    assert "ImageUnreadable" in last.what


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("<View/>", "nothing in the label config can be pre-annotated"),
        (
            '<View><Text name="t" value="$t"/><TextArea name="a" toName="t"/></View>',
            "nothing in the label config can be pre-annotated",
        ),
    ],
)
def test_a_config_that_cannot_be_served_changes_nothing(
    client: LabelStudioClient, api: LabelStudioApi, settings: Settings, config: str, words: str
):
    """It is said why."""
    project = client.create_project("Unserved", config)

    findings = connect(settings, project)

    assert findings[-1].level is Level.ERROR
    assert words in findings[-1].what
    assert (api.backends(project), api.webhooks(project)) == ([], [])


def test_an_unknown_project_and_a_wrong_token_are_said_in_a_sentence(settings: Settings):
    """Nothing is changed; the exit code is 1."""
    wrong = settings.model_copy(update={"label_studio_api_key": SecretStr("0" * 40)})

    assert "no project 999999" in connect(settings, 999_999)[-1].what
    assert "make a new personal access token" in connect(wrong, 1)[-1].what

    environment = settings_environment(wrong)
    result = CliRunner().invoke(app, ["connect", "--project", "1"], env=environment)
    assert result.exit_code == 1
    assert "401" in result.output
    assert "0" * 40 not in result.output


def test_another_web_process_than_ours_is_noticed(settings: Settings, project: int):
    """One that wants other credentials, or is none of ours."""
    wrong = settings.model_copy(update={"basic_auth_pass": SecretStr("wrong")})
    label_studio = settings.model_copy(update={"public_url": settings.label_studio_url})

    assert "wants other credentials" in connect(wrong, project)[-1].what
    assert "is this Firstpass?" in connect(label_studio, project)[-1].what


# ---- a Label Studio that protects inside addresses ----


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"ML_BLOCK_LOCAL_IP": "true"}, id="as-it-comes"),
        pytest.param({"ML_BLOCK_LOCAL_IP": "false"}, id="half-made"),
    ],
)
def test_a_refused_address_is_explained_and_leaves_nothing(
    environment: Mapping[str, str],
    settings: Settings,
    label_studio_bin: Path,
    demo_config: str,
    tmp_path: Path,
):
    """Also where Label Studio has stored the backend before it looks at the webhook's address."""
    with Supervisor() as supervisor:
        guarded = start_label_studio(
            label_studio_bin,
            supervisor,
            cache=repository() / ".cache" / "demo",
            folder=tmp_path,
            env={"SSRF_PROTECTION_ENABLED": "true", **environment},
        )
        with LabelStudioClient(guarded) as client:
            project = client.create_project("Guarded", demo_config)
            token = SecretStr(client.personal_access_token())
            theirs = {"label_studio_url": guarded.url, "label_studio_api_key": token}
            findings = connect(settings.model_copy(update=theirs), project)

            assert findings[-1].level is Level.ERROR
            assert "SSRF_PROTECTION_ENABLED=false" in findings[-1].what
            with LabelStudioApi.from_settings(settings.model_copy(update=theirs)) as api:
                assert (api.backends(project), api.webhooks(project)) == ([], [])


# ---- the version follows ----


def test_title_version_and_scores_follow_a_changed_label_config(
    api: LabelStudioApi,
    client: LabelStudioClient,
    settings: Settings,
    project: int,
    demo_config: str,
):
    """The rows of before stay; the score column shows the new version's."""
    connect(settings, project)
    before = api.project(project).model_version
    changed = demo_config.replace('name="box"', 'name="box" model_score_threshold="0.99"')
    api.update_project(project, label_config=changed)
    with OurWeb.from_settings(settings) as web:
        version = web.version(changed)
    assert version != before

    # The courier, which hears of the new version as Label Studio is asked, may be quicker.
    assert follow(api, project, version, settings) in (Followed(before, version), None)

    found, backend, _ = state(api, project)
    assert backend.title == found.model_version == version
    assert before in api.model_versions(project)
    (task,) = next(api.pages(project, page_size=1))
    api.create_prediction({"task": task.id, "result": [], "score": 0.5, "model_version": version})
    assert score_of(client, project, task.id) == 0.5
    assert follow(api, project, version, settings) is None


def score_of(client: LabelStudioClient, project: int, task: int) -> object:
    """What the Data Manager's column "Prediction score" shows."""
    listed = client._object("/api/tasks", {"project": project, "fields": "all"})
    return next(one["predictions_score"] for one in listed["tasks"] if one["id"] == task)
