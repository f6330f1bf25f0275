"""Every way in which Label Studio asks for predictions, against the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.evaluation import compare
from backend.demo.images import demo_images
from backend.demo.run import predict_all, task_ids_by_file
from backend.errors import LabelStudioUnavailable
from backend.plain import Json
from tests.e2e.killing import wait_until
from tests.real_label_studio import NewProject

#: What each of our rectangles and choices must carry for the editor and the exporters.
REGION_KEYS = {"id", "from_name", "to_name", "type", "value", "score"}

SEVERAL_TAGS = """
<View>
  <Image name="picture" value="$image"/>
  <Rectangle name="where" toName="picture"/>
  <Labels name="what" toName="picture">
    <Label value="Round" alias="R" predicted_values="circle,ring"/>
    <Label value="Pointed" predicted_values="star,triangle"/>
  </Labels>
  <RectangleLabels name="other" toName="picture" model_score_threshold="0.5">
    <Label value="heart"/>
    <Label value="cross"/>
    <Label value="by hand" model_skip="true"/>
  </RectangleLabels>
  <Choices name="ground" toName="picture" choice="single-radio">
    <Choice value="Earth" predicted_values="grass,desert"/>
    <Choice value="Cold" predicted_values="snow,water"/>
    <Choice value="Else" predicted_values="night,bricks"/>
  </Choices>
  <Choices name="seen" toName="picture" choice="multiple">
    <Choice value="grass"/>
    <Choice value="snow" alias="white"/>
    <Choice value="water"/>
    <Choice value="night"/>
    <Choice value="desert"/>
    <Choice value="bricks"/>
  </Choices>
  <TextArea name="remark" toName="picture"/>
</View>
"""


def upload(client: LabelStudioClient, project: int, count: int) -> list[int]:
    return client.upload(project, {image.name: image.png for image in demo_images(count)})


def test_opening_a_task_brings_its_prediction(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """A task that nobody predicted is predicted when it is opened, with boxes and a choice."""
    project = new_project(demo_config)
    opened, untouched = upload(client, project, 2)

    (prediction,) = client.task(opened)["predictions"]

    assert prediction["model_version"] == client.project(project)["model_version"]
    assert {region["type"] for region in prediction["result"]} == {"rectanglelabels", "choices"}
    assert all(region.keys() >= REGION_KEYS for region in prediction["result"])
    assert 0 < prediction["score"] <= 1
    assert {row["task"] for row in client.predictions(project)} == {opened}
    assert untouched != opened


def test_opening_a_task_again_adds_no_second_prediction(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """Label Studio recognises what it stored, because both versions are the same string."""
    project = new_project(demo_config)
    (task,) = upload(client, project, 1)
    for _ in range(3):
        client.task(task)
        client.retrieve_predictions(project)

    assert len(client.predictions(project)) == 1


def test_the_action_on_all_tasks_predicts_every_one(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """One stored row per task, accepted by strict validation, and right about the images."""
    project = new_project(demo_config)
    images = demo_images(12)
    upload(client, project, len(images))

    found = predict_all(client, project, len(images), deadline_s=600)

    assert len(client.predictions(project)) == len(images)
    task_ids = task_ids_by_file(client.tasks(project))
    tally = compare((image.truth, found.get(task_ids[image.name])) for image in images)
    assert tally.predicted_tasks == len(images)
    assert tally.boxes.f1 > 0.85
    assert tally.tag_accuracy > 0.9


def test_the_label_stream_brings_a_prediction(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """The next task of the stream arrives pre-filled."""
    project = new_project(demo_config)
    upload(client, project, 1)

    (prediction,) = client.next_task(project)["predictions"]

    assert prediction["result"]


def test_bad_images_keep_their_trouble_to_themselves(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """Tasks whose image cannot be had stay without a prediction; the others get theirs."""
    project = new_project(demo_config)
    good = upload(client, project, 3)
    bad = client.upload(project, {"broken.png": b"\x89PNG\r\n\x1a\n, and then nothing of use"})
    bad += client.import_tasks(
        project,
        [
            {"image": "http://nowhere.invalid/picture.png"},
            {"image": "http://127.0.0.1:9/picture.png"},
            {"image": "file:///etc/passwd"},
            {"image": "/data/upload/1/never-uploaded.png"},
            {"image": ""},
        ],
    )

    client.retrieve_predictions(project)
    wait_until(lambda: len(client.predictions(project)) >= len(good))

    assert sorted(row["task"] for row in client.predictions(project)) == sorted(good)
    assert all(client.task(task)["predictions"] == [] for task in bad[:1])


def test_local_files_are_read_through_label_studio(
    client: LabelStudioClient, new_project: NewProject, demo_config: str, served_files: Path
):
    """A synchronised folder is predicted with our token; a file that went missing stays without."""
    project = new_project(demo_config)
    folder = served_files / "scenes ä"
    folder.mkdir()
    for image in demo_images(3):
        (folder / image.name).write_bytes(image.png)
    storage = client.post(
        "/api/storages/localfiles",
        {"project": project, "path": str(folder), "regex_filter": ".*png", "use_blob_urls": True},
    )
    client.post(f"/api/storages/localfiles/{storage['id']}/sync")
    tasks = {task["data"]["image"]: task["id"] for task in client.tasks(project)}
    assert len(tasks) == 3
    gone = demo_images(1)[0].name
    (folder / gone).unlink()

    client.retrieve_predictions(project)
    wait_until(lambda: len(client.predictions(project)) >= 2)

    predicted = {row["task"] for row in client.predictions(project)}
    assert predicted == {task for path, task in tasks.items() if gone not in path}


def test_several_control_tags_are_filled_at_once(
    client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """Another project of the same backend, with other tags, gets what its own config asks for."""
    first, second = new_project(demo_config), new_project(SEVERAL_TAGS)
    assert client.project(first)["model_version"] != client.project(second)["model_version"]
    upload(client, second, 8)

    found = predict_all(client, second, 8, deadline_s=600)

    assert len(found) == 8
    labels = [label for row in found.values() for label in labels_of(row)]
    assert {name for name, _ in labels} == {"where", "what", "other", "ground", "seen", "remark"}
    assert {value for name, value in labels if name == "what"} <= {"R", "Round", "Pointed"}
    assert {value for name, value in labels if name == "other"} <= {"heart", "cross"}
    for row in found.values():
        assert [name for name, _ in labels_of(row)].count("ground") == 1


def labels_of(prediction: Json) -> list[tuple[str, str]]:
    """Pairs of control tag and value, `""` for a bare rectangle."""
    pairs = []
    for region in prediction["result"]:
        values = next((v for v in region["value"].values() if isinstance(v, list)), [""])
        pairs += [(region["from_name"], value) for value in values]
    return pairs


@pytest.mark.parametrize("password", ["wrong", None])
def test_wrong_credentials_do_not_connect(
    client: LabelStudioClient, both: Running, demo_config: str, password: str | None
):
    """Label Studio reports that the backend wants other credentials."""
    project = client.create_project("Wrong credentials", demo_config)
    body = {"url": both.backend.url, "project": project, "title": "wrong"}
    if password is not None:
        body |= {"auth_method": "BASIC_AUTH", "basic_auth_user": "u", "basic_auth_pass": password}

    with pytest.raises(LabelStudioUnavailable, match="authentication parameters"):
        client.post("/api/ml", body)
