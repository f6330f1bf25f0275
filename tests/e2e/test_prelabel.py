"""`firstpass prelabel`, as a person runs it, with the real Label Studio."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from PIL import Image

from backend.bulk.online import AGAIN_S
from backend.cli.status import open_redis
from backend.delivery.keys import writer_key
from backend.delivery.turn import Turn
from backend.delivery.writer import CHUNK
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.processes.stack import settings_environment
from backend.queue.keys import BULK_QUEUE
from backend.status.reading import read_overview
from tests import forks
from tests.e2e.killing import PATIENCE_S, stopped, wait_until
from tests.e2e.pictures import BOXES, import_pictures, picture, rows_per_task
from tests.forks import Forked
from tests.real_label_studio import NewProject

DONE, NOT_DONE, SOME_FAILED, STOPPED = 0, 2, 3, 130


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where ledgers are kept: those of this test alone."""
    return tmp_path / "home"


class Prelabel:
    """Starts the command; its ledgers are this test's, its Redis and Label Studio are everybody's."""

    def __init__(self, both: Running, home: Path) -> None:
        self._said = home.parent
        self._started = 0
        self._environment = settings_environment(both.settings) | {
            "FIRSTPASS_HOME": str(home),
            "FIRSTPASS_REDIS_URL": (both.settings.home / "redis" / "url").read_text(),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }

    def start(self, *arguments: object, **environment: str) -> Forked:
        self._started += 1
        out, err = (self._said / f"prelabel-{self._started}.{name}" for name in ("out", "err"))
        given = self._environment | environment
        return forks.start("prelabel", *arguments, env=given, out=out, err=err)

    def run(self, *arguments: object, expect: int = DONE, **environment: str) -> str:
        """All that it says, on one line."""
        done = forks.run(
            *("prelabel", *arguments), env=self._environment | environment, timeout_s=PATIENCE_S
        )
        return words(done.returncode, done.stdout, done.stderr, expect)


def ended(process: Forked, expect: int) -> str:
    """What a command that was started says in all, on one line."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return words(process.wait(), out, err, expect)


def words(code: int, out: str, err: str, expect: int) -> str:
    assert code == expect, f"{code}\n{out}\n{err}"
    assert "Traceback" not in out + err
    return " ".join((out + err).split())


@pytest.fixture
def prelabel(both: Running, home: Path) -> Prelabel:
    return Prelabel(both, home)


@contextmanager
def nobody_writes(both: Running) -> Iterator[None]:
    """Within, the turn to write is ours: a run stays where it has its first rows in hand."""
    with LabelStudioApi.from_settings(both.settings) as api:
        key = writer_key(api.url)
    with open_redis(both.settings) as connection, Turn(connection, key, urgent=True).held():
        yield


def worker_pid(connection: redis.Redis) -> int:
    (worker,) = read_overview(connection).workers
    return worker.pid


def has_rows_in_hand(home: Path) -> bool:
    """Whether a run has handed rows to its writer, and has not heard of them yet."""
    return any(_in_hand(ledger) for ledger in home.glob("prelabel/*.sqlite"))


def _in_hand(ledger: Path) -> int:
    with closing(sqlite3.connect(ledger, timeout=60)) as database:
        try:
            count = database.execute("SELECT COUNT(*) FROM tasks WHERE state = 'writing'")
        except sqlite3.OperationalError:  # not made yet
            return 0
        return int(count.fetchone()[0])


def get(both: Running, path: str) -> httpx.Response:
    """As our user; raises for an answer that is an error."""
    credential = LabelStudioCredential.from_settings(both.settings)
    assert credential is not None
    headers = credential.headers()
    return httpx.get(both.label_studio.url + path, headers=headers, timeout=30).raise_for_status()


def test_a_file_made_offline_is_imported_and_shows_its_predictions(
    both: Running,
    client: LabelStudioClient,
    prelabel: Prelabel,
    served_files: Path,
    tmp_path: Path,
    demo_config: str,
) -> None:
    """Label Studio, validating strictly, takes it whole, finds the images, and sorts by the scores."""
    folder = served_files / "offline ä&b"
    (folder / "sub+folder").mkdir(parents=True)
    images = demo_images(6)
    for number, image in enumerate(images):
        (folder / ("sub+folder" if number % 2 else ".") / image.name).write_bytes(image.png)
    config, out = tmp_path / "config.xml", tmp_path / "tasks.json"
    config.write_text(demo_config)
    project = client.create_project("Offline", demo_config)
    client.post("/api/storages/localfiles", {"project": project, "path": str(folder)})

    prelabel.run(
        *("folder", folder, "--config", config, "--out", out),
        FIRSTPASS_LOCAL_FILES_ROOT=str(served_files),
    )
    client.post(f"/api/projects/{project}/import?return_task_ids=1", json.loads(out.read_text()))

    tasks = client.tasks(project)
    assert len(tasks) == len(images)
    assert set(rows_per_task(client, project).values()) == {1}
    for task in tasks:
        (shown,) = client.task(task["id"])["predictions"]
        assert shown["result"]
        assert 0 < shown["score"] <= 1
        assert shown["model_version"] == client.project(project)["model_version"]
    by_name = {image.name: image.png for image in images}
    for task in tasks:
        address = task["data"]["image"]
        assert get(both, address).content == by_name[address.rpartition("/")[2]]


def test_a_project_is_predicted_and_reported_and_a_second_start_repeats_nothing(
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    demo_config: str,
    tmp_path: Path,
) -> None:
    """Images that cannot be read are named, each with its reason; the others have one row each."""
    project = new_project(demo_config)
    good = client.upload(project, {image.name: image.png for image in demo_images(20)})
    (broken,) = client.upload(project, {"broken.png": b"\x89PNG\r\n\x1a\n, and nothing of use"})
    (refused,) = client.import_tasks(project, [{"image": "file:///etc/passwd"}])
    report = tmp_path / "report.json"

    said = prelabel.run("project", project, "--report", report, expect=SOME_FAILED)

    rows = client.predictions(project)
    assert Counter(row["task"] for row in rows) == dict.fromkeys(good, 1)
    body = json.loads(report.read_text())
    assert (body["predicted"], body["failed"], body["left"]) == (20, 2, 0)
    assert {example["task"] for kind in body["failures"] for example in kind["examples"]} == {
        broken,
        refused,
    }
    assert "ImageUnreadable" in said

    began = time.monotonic()
    prelabel.run("project", project, "--report", report, expect=SOME_FAILED)
    assert time.monotonic() - began < sum(AGAIN_S)
    assert json.loads(report.read_text())["predicted"] == 20
    assert client.predictions(project) == rows


def test_only_what_was_chosen_is_predicted(
    both: Running, client: LabelStudioClient, new_project: NewProject, prelabel: Prelabel
) -> None:
    """By ids, by a filter, by a view or its address; the first, and a sample that is the same again."""
    project = new_project(BOXES, title="Chosen ones")
    tasks = import_pictures(client, project, 30)

    def predicted() -> list[int]:
        return sorted(rows_per_task(client, project))

    prelabel.run("project", project, "--ids", f"{tasks[0]},{tasks[2]}-{tasks[4]}")
    assert predicted() == [tasks[0], *tasks[2:5]]

    above = {
        "conjunction": "and",
        "items": [
            {
                "filter": "filter:tasks:id",
                "operator": "greater",
                "type": "Number",
                "value": tasks[26],
            }
        ],
    }
    prelabel.run("project", project, "--filter", json.dumps(above))
    assert predicted() == [tasks[0], *tasks[2:5], *tasks[27:]]

    named = {"filter": "filter:tasks:data.name", "operator": "contains", "type": "String"}
    (other,) = client.import_tasks(project, [{"image": picture(1), "name": "camera-2/7.jpg"}])
    by_data = {"conjunction": "and", "items": [{**named, "value": "camera-2/"}]}
    prelabel.run("project", project, "--filter", json.dumps(by_data))
    assert predicted() == [tasks[0], *tasks[2:5], *tasks[27:], other]

    view = client.post("/api/dm/views", {"project": project, "data": {"filters": above}})
    address = f"{both.settings.label_studio_url}/projects/{project}/data?tab={view['id']}"
    said = prelabel.run("project", address, "--limit", 1, "--all")
    assert f"only what tab {view['id']} shows, as its address says; all of it: {project}" in said
    prelabel.run("project", project, "--view", view["id"])
    assert predicted() == [tasks[0], *tasks[2:5], *tasks[27:], other]
    prelabel.run("project", "chosen ones", "--limit", 3)
    assert predicted() == [*tasks[:5], *tasks[27:], other]

    prelabel.run("project", project, "--ids", f"{tasks[5]}-{tasks[26]}", "--sample", 4)
    sampled = set(predicted()) & set(tasks[5:27])
    assert len(sampled) == 4
    prelabel.run("project", project, "--ids", f"{tasks[5]}-{tasks[26]}", "--sample", 4)
    assert set(predicted()) & set(tasks[5:27]) == sampled
    assert set(rows_per_task(client, project).values()) == {1}


def test_annotated_tasks_are_left_alone_unless_asked_for(
    client: LabelStudioClient, new_project: NewProject, prelabel: Prelabel
) -> None:
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 4)
    client.post(f"/api/tasks/{tasks[1]}/annotations/", {"result": []})

    prelabel.run("project", project)
    assert sorted(rows_per_task(client, project)) == [tasks[0], *tasks[2:]]

    prelabel.run("project", project, "--all")
    assert sorted(rows_per_task(client, project)) == tasks


def test_a_dry_run_writes_a_contact_sheet_and_nothing_else(
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    home: Path,
    demo_config: str,
    tmp_path: Path,
) -> None:
    project = new_project(demo_config)
    client.upload(project, {image.name: image.png for image in demo_images(6)})
    sheet = tmp_path / "sheet.png"

    said = prelabel.run("project", project, "--dry-run", "--sample", 4, "--sheet", sheet)

    assert client.predictions(project) == []
    assert not home.exists()
    assert "images predicted" in said
    with Image.open(sheet) as image:
        assert len(image.getcolors(10_000_000) or ()) > 1000  # the pictures are on it


def test_a_project_that_nobody_connected_shows_what_was_written(
    client: LabelStudioClient, prelabel: Prelabel
) -> None:
    """Without a version named in the project, Label Studio shows no scores and no rows in its stream."""
    project = client.create_project("Not connected", BOXES)
    tasks = import_pictures(client, project, 3)

    prelabel.run("project", project)

    (version,) = {row["model_version"] for row in client.predictions(project)}
    assert client.project(project)["model_version"] == version
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("project", "987654"), "there is no project 987654"),
        (("project", "No such title"), "no project that is titled 'No such title'"),
        (("project", "http://localhost:1/projects/3"), "give the project's id: 3"),
        (("project", "@", "--ids", "987654"), "matches --ids"),
        (("project", "@", "--filter", '{"conjunction":"and","items":[{"filter":"filter:tasks:id","operator":"less","type":"Number","value":0}]}'), "matches --ids"),
        (("project", "@", "--view", "987654"), "expected a view"),
        (("project", "@", "--filter", "[]"), "expected --filter"),
        (("project", "@", "--ids", "1,x"), "expected --ids"),
        (("project", "@", "--model", "tiny-florence2"), "holds tiny"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_sentence_and_nothing_is_written(
    client: LabelStudioClient, prelabel: Prelabel, arguments: tuple[str, ...], reason: str
) -> None:
    project = client.create_project("Bad input", BOXES)
    import_pictures(client, project, 2)

    said = prelabel.run(
        *(str(project) if one == "@" else one for one in arguments), expect=NOT_DONE
    )

    # Where a setting differs from that of the Firstpass that runs, a line says so before.
    before, _, sentence = said.rpartition("firstpass: ")
    assert bool(before) == ("--model" in arguments)
    assert reason in sentence
    assert client.predictions(project) == []


def test_an_empty_project_and_one_without_a_servable_tag_are_told_so(
    client: LabelStudioClient, prelabel: Prelabel
) -> None:
    empty = client.create_project("Empty", BOXES)
    unserved = client.create_project(
        "Unserved",
        '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="x"/></Choices></View>',
    )
    annotated = client.create_project("Annotated", BOXES)
    (task,) = import_pictures(client, annotated, 1)
    client.post(f"/api/tasks/{task}/annotations/", {"result": []})

    assert "has no tasks" in prelabel.run("project", empty, expect=NOT_DONE)
    assert "nothing in the label config" in prelabel.run("project", unserved, expect=NOT_DONE)
    assert "--all predicts these" in prelabel.run("project", annotated, expect=NOT_DONE)


def test_a_wrong_token_is_told_so(client: LabelStudioClient, prelabel: Prelabel) -> None:
    project = client.create_project("Wrong token", BOXES)

    said = prelabel.run(
        "project", project, expect=NOT_DONE, FIRSTPASS_LABEL_STUDIO_API_KEY="0" * 40
    )

    assert "personal access token" in said
    assert "0" * 40 not in said


def test_a_token_that_is_revoked_in_the_middle_stops_the_run_and_another_goes_on(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
) -> None:
    """With the remedy in a sentence; what is written stays, the rest is written once by the next start."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 100)
    prelabel.run("project", project)
    tasks += import_pictures(client, project, 100, first=40_000)  # that no worker knows
    kinds = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    client.post("/api/jwt/settings", kinds)
    try:
        token = get(both, "/api/current-user/token").json()["token"]
        with open_redis(both.settings) as connection, stopped(worker_pid(connection)):
            running = prelabel.start("project", project, FIRSTPASS_LABEL_STUDIO_API_KEY=token)
            wait_until(lambda: bool(connection.llen(f"rq:queue:{BULK_QUEUE}")))
            client.post("/api/current-user/reset-token")
        said = ended(running, NOT_DONE)
    finally:
        client.post("/api/jwt/settings", kinds | {"legacy_api_tokens_enabled": False})

    assert "FIRSTPASS_LABEL_STUDIO_API_KEY" in said
    assert token not in said
    assert len(rows_per_task(client, project)) == 100

    prelabel.run("project", project)
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)


def test_a_label_config_that_is_edited_in_the_middle_stops_the_run(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    home: Path,
) -> None:
    """With a clear word; rows of a version hold that version's content, and the next start begins anew."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, CHUNK + 200)
    another = '<Label value="square"/></RectangleLabels>'
    with nobody_writes(both):
        running = prelabel.start("project", project)
        wait_until(lambda: has_rows_in_hand(home))
        with LabelStudioApi.from_settings(both.settings) as api:
            api.update_project(project, label_config=BOXES.replace("</RectangleLabels>", another))

    said = ended(running, NOT_DONE)

    assert "was changed" in said
    before = rows_per_task(client, project)
    assert 0 < len(before) < len(tasks)
    assert set(before.values()) == {1}
    prelabel.run("project", project)
    rows = client.predictions(project)
    versions = Counter(row["model_version"] for row in rows)
    assert sorted(versions.values()) == [len(before), len(tasks)]


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    prelabel: Prelabel,
    home: Path,
) -> None:
    project = new_project(BOXES)
    tasks = import_pictures(client, project, CHUNK + 200)
    with nobody_writes(both):
        running = prelabel.start("project", project)
        wait_until(lambda: has_rows_in_hand(home))
        running.send_signal(signal.SIGINT)

    assert "same command goes on" in ended(running, STOPPED)
    stopped = len(rows_per_task(client, project))
    assert 0 < stopped < len(tasks)

    prelabel.run("project", project)
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)


def test_watching_predicts_what_is_added_later(
    client: LabelStudioClient, new_project: NewProject, prelabel: Prelabel
) -> None:
    project = new_project(BOXES)
    first = import_pictures(client, project, 3)
    running = prelabel.start("project", project, "--watch")
    wait_until(lambda: len(rows_per_task(client, project)) == 3)

    later = import_pictures(client, project, 2)

    wait_until(lambda: len(rows_per_task(client, project)) == 5)
    running.send_signal(signal.SIGTERM)
    ended(running, STOPPED)
    assert rows_per_task(client, project) == dict.fromkeys([*first, *later], 1)
