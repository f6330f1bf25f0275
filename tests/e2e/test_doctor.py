"""`firstpass doctor` with the real Label Studio: healthy, and with the troubles that people have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from backend.cli.main import app
from backend.cli.status import open_redis
from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import Running, repository
from backend.demo.images import demo_images
from backend.label_config.named_heads import with_head
from backend.label_studio.api import LabelStudioApi
from backend.processes.stack import settings_environment
from backend.processes.supervisor import Supervisor
from backend.projects.connect import Connector
from backend.projects.doctor.run import Doctor
from backend.projects.finding import Finding, Level
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from backend.settings import Settings


@pytest.fixture
def settings(both: Running) -> Settings:
    """Those that Firstpass runs with, and a secret for webhooks."""
    return both.settings.model_copy(update={"webhook_secret": SecretStr("open-sesame")})


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """One uploaded image, and no backend."""
    made = client.create_project(request.node.name[:50], demo_config)
    client.upload(made, {image.name: image.png for image in demo_images(1)})
    return made


def connect(settings: Settings, project: int) -> None:
    with LabelStudioApi.from_settings(settings) as api, OurWeb.from_settings(settings) as web:
        ours = OurBackend.from_settings(settings)
        found = list(Connector(api, web, ours).connect(project))
        assert all(finding.level is not Level.ERROR for finding in found), found


def look(settings: Settings, project: int | None = None) -> list[Finding]:
    return list(
        Doctor(settings, lambda: open_redis(settings)).look(
            None if project is None else str(project)
        )
    )


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level is Level.ERROR]


def test_all_is_ok_for_a_connected_project(settings: Settings, project: int):
    """As JSON too, with exit code 0; no secret is in it."""
    connect(settings, project)

    findings = look(settings, project)

    assert {finding.level for finding in findings} == {Level.OK}, findings
    environment = settings_environment(settings)
    printed = CliRunner().invoke(
        app, ["doctor", "--project", str(project), "--json"], env=environment
    )
    assert printed.exit_code == 0
    assert json.loads(printed.output)["ok"] is True
    for secret in (
        settings.label_studio_api_key,
        settings.basic_auth_pass,
        settings.webhook_secret,
    ):
        assert secret is not None
        assert secret.get_secret_value() not in printed.output


def test_without_a_project_they_are_listed(settings: Settings, project: int):
    assert any(f"project {project}: " in finding.what for finding in look(settings))


def test_a_project_that_is_not_connected_is_an_error_and_stays_so(settings: Settings, project: int):
    """Looking changes nothing, though Label Studio is asked what it thinks of our address."""
    (error,) = errors(look(settings, project))

    assert f"`firstpass connect --project {project}`" in str(error.fix)
    with LabelStudioApi.from_settings(settings) as api:
        assert (api.backends(project), api.webhooks(project)) == ([], [])


def test_what_came_apart_is_named(settings: Settings, project: int):
    """The backend's name and password, the webhook's secret."""
    connect(settings, project)
    with LabelStudioApi.from_settings(settings) as api:
        (backend,), (webhook,) = api.backends(project), api.webhooks(project)
        fields = OurBackend.from_settings(settings).fields("My model")
        api.update_backend(backend.id, project=project, **fields)
        api.update_webhook(webhook.id, headers={})

    findings = look(settings, project)

    (error,) = errors(findings)
    assert "'My model'" in error.what
    (warning,) = [finding for finding in findings if finding.level is Level.WARNING]
    assert "it had not our secret" in warning.what


def test_a_wrong_token_is_an_error_and_ends_the_look_at_projects(settings: Settings, project: int):
    """Label Studio itself is there."""
    wrong = settings.model_copy(update={"label_studio_api_key": SecretStr("0" * 40)})

    findings = look(wrong, project)

    (error,) = errors(findings)
    assert "does not take our legacy token" in error.what
    assert "FIRSTPASS_LABEL_STUDIO_API_KEY" in str(error.fix)
    assert findings[-1].level is Level.SKIPPED


def test_a_config_of_which_nothing_is_served_is_an_error(
    client: LabelStudioClient, settings: Settings
):
    config = '<View><Text name="t" value="$t"/><TextArea name="a" toName="t"/></View>'
    project = client.create_project("Unserved", config)

    found = errors(look(settings, project))

    assert "nothing in the label config can be pre-annotated" in found[0].what


def test_tags_that_are_not_served_are_warned_of(client: LabelStudioClient, settings: Settings):
    config = (
        '<View><Image name="i" value="$image"/><KeyPoint name="b" toName="i"/>'
        '<Choices name="c" toName="i"><Choice value="snow"/><Choice value="grass"/></Choices></View>'
    )
    project = client.create_project("Partly served", config)

    warnings = [f.what for f in look(settings, project) if f.level is Level.WARNING]

    assert any("not served" in what and "'b'" in what for what in warnings)


def test_one_image_of_each_kind_is_tried(
    client: LabelStudioClient, settings: Settings, project: int
):
    """Each that cannot be read is named with its fix."""
    connect(settings, project)
    client.import_tasks(
        project,
        [
            {"image": "s3://no-such-bucket/a.png"},
            {"image": "/data/local-files/?d=none.png"},
            {"image": "http://127.0.0.1:9/a.png"},
            {"image": "http://127.0.0.1:9/b.png"},
            {"image": "file:///etc/passwd"},
        ],
    )

    findings = look(settings, project)

    assert any(finding.what.startswith("upload: ") for finding in findings)
    found = {finding.what.partition(":")[0]: str(finding.fix) for finding in errors(findings)}
    assert "Cloud Storage" in found["cloud"]
    assert "LOCAL_FILES_SERVING_ENABLED" in found["local file"]
    assert "FIRSTPASS_IMAGE_ALLOW" in found["http"]
    assert len(found) == 4


def test_an_address_that_label_studio_forbids_is_explained(
    settings: Settings, label_studio_bin: Path, demo_config: str, tmp_path: Path
):
    """With the variables to set on its side; nothing is left behind there."""
    with Supervisor() as supervisor:
        guarded = start_label_studio(
            label_studio_bin,
            supervisor,
            cache=repository() / ".cache" / "demo",
            folder=tmp_path,
            env={"SSRF_PROTECTION_ENABLED": "true", "ML_BLOCK_LOCAL_IP": "true"},
        )
        with LabelStudioClient(guarded) as client:
            project = client.create_project("Guarded", demo_config)
            token = SecretStr(client.personal_access_token())
            theirs = settings.model_copy(
                update={"label_studio_url": guarded.url, "label_studio_api_key": token}
            )

            findings = look(theirs, project)

            assert "ML_BLOCK_LOCAL_IP=false" in str(errors(findings)[-1].fix)
            with LabelStudioApi.from_settings(theirs) as api:
                assert (api.backends(project), api.webhooks(project)) == ([], [])


def test_without_redis_web_and_label_studio_each_is_said(settings: Settings, tmp_path: Path):
    """And what hangs on them is skipped."""
    nothing = settings.model_copy(
        update={"home": tmp_path, "port": 9, "label_studio_url": "http://127.0.0.1:9"}
    )

    findings = look(nothing, 1)

    assert len(errors(findings)) == 3
    assert [finding.level for finding in findings].count(Level.SKIPPED) == 2


@pytest.mark.parametrize("redis_url", [None, SecretStr("redis://127.0.0.1:9")])
def test_without_redis_a_project_with_something_learned_is_looked_at_all_the_same(
    client: LabelStudioClient,
    demo_config: str,
    project: int,
    settings: Settings,
    tmp_path: Path,
    redis_url: SecretStr | None,
):
    """Its images and tags too; only what was learned, and versions, are known to nobody."""
    named = with_head(demo_config, ["box"], "0" * 32)
    assert named != demo_config
    client.patch(f"/api/projects/{project}", {"label_config": named})
    away = settings.model_copy(update={"home": tmp_path, "redis_url": redis_url})

    findings = look(away, project)

    # One error says it; none is of what was learned.
    assert "REDIS" in errors(findings)[0].what.upper()
    assert not [finding for finding in errors(findings)[1:] if "redis" in finding.what.lower()]
    skipped = [finding.what for finding in findings if finding.level is Level.SKIPPED]
    assert any("model_head" in what for what in skipped)
    assert any("versions are not compared" in what for what in skipped)
    assert "is an image of" in findings[-1].what
