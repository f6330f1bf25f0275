"""One image of each kind is tried."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from backend.images.fetch import ImageFetcher
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.plan import plan_label_config
from backend.projects.doctor.images import check_images
from backend.projects.finding import Finding, Level
from backend.settings import Settings
from tests.integration.images.servers import LocalServer, answer, png, redirect

CONFIG = (
    '<View><Image name="i" value="$image"/><Choices name="c" toName="i"><Choice value="snow"/>'
    '<Choice value="grass"/></Choices></View>'
)
SETTINGS = Settings(image_timeout_s=2)


def look(*values: Any, key: str = "image", settings: Settings = SETTINGS) -> list[Finding]:
    plan = plan_label_config(CONFIG, 0.3, engine_for("tiny"))
    tasks = [Task(id=number, data={key: value}) for number, value in enumerate(values)]
    with ImageFetcher(settings, None) as fetcher:
        return list(check_images(tasks, plan, fetcher, settings))


@pytest.fixture
def label_studio() -> Iterator[LocalServer]:
    """Every bucket is unknown to it, but for what a test says."""
    with LocalServer() as server:
        yield server


def inline(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def test_an_image_that_reads_is_given_with_its_size() -> None:
    (finding,) = look(inline(png(8, 6)), inline(b"not tried: the second of its kind"))

    assert finding.level is Level.OK
    assert finding.what.endswith("is an image of 8 x 6")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (inline(b"no image"), "damaged"),
        ("/data/upload/1/a.png", "open the task there"),
        ("/data/local-files/?d=a.png", "LOCAL_FILES_SERVING_ENABLED"),
        ("http://127.0.0.1:9/a.png", "FIRSTPASS_IMAGE_ALLOW"),
        ("file:///etc/passwd", "import the image as an upload"),
        (5, "where <Image value> or valueList points to"),
    ],
)
def test_what_cannot_be_read_has_its_fix(value: object, words: str) -> None:
    (finding,) = look(value)

    assert finding.level is Level.ERROR
    assert words in str(finding.fix)


def test_a_bucket_without_a_storage_wants_one(label_studio: LocalServer) -> None:
    """Label Studio answers 404."""
    settings = Settings(label_studio_url=label_studio.url)

    (finding,) = look("s3://bucket/a.png", settings=settings)

    assert finding.level is Level.ERROR
    assert "Cloud Storage" in str(finding.fix)


def test_a_bucket_on_an_inside_address_is_allowed_or_passed_on(label_studio: LocalServer) -> None:
    """The storage has pre-signed URLs on, so it is the bucket's own address that is refused."""
    label_studio.routes["/tasks/0/resolve/"] = redirect("http://127.0.0.1:9/bucket/a.png", 303)
    settings = Settings(label_studio_url=label_studio.url)

    (finding,) = look("s3://bucket/a.png", settings=settings)

    assert "127.0.0.1:9 is not a public address" in finding.what
    assert "switch pre-signed URLs off" in str(finding.fix)


def test_a_task_without_the_key_says_what_it_has() -> None:
    (finding,) = look("a.png", "b.png", key="picture")

    assert "from 'image', but the task's data has picture" in finding.what


def test_a_project_without_tasks_is_a_warning() -> None:
    assert [finding.level for finding in look()] == [Level.WARNING]


def test_a_sub_path_that_our_address_lacks_is_named(label_studio: LocalServer) -> None:
    """The image is read without it: Label Studio serves it so to who comes from inside."""
    label_studio.routes["/data/upload/1/a.png"] = answer(png(8, 6))
    settings = Settings(label_studio_url=label_studio.url, label_studio_api_key=SecretStr("x" * 40))

    mismatch, image = look("/tools/data/upload/1/a.png", settings=settings)

    assert mismatch.level is Level.WARNING
    assert "under /tools" in mismatch.what
    assert label_studio.url in mismatch.what
    assert image.what.endswith("is an image of 8 x 6")


def test_a_blank_image_beside_another_is_a_warning() -> None:
    """The task is predicted without it; one with nothing but blanks is not."""
    two = (
        '<View><Image name="i" value="$image"/><Image name="k" value="$back"/>'
        '<RectangleLabels name="a" toName="i"><Label value="x"/></RectangleLabels>'
        '<RectangleLabels name="b" toName="k"><Label value="x"/></RectangleLabels></View>'
    )
    plan = plan_label_config(two, 0.3, engine_for("tiny"))
    tasks = [
        Task(id=1, data={"image": inline(png(8, 6)), "back": ""}),
        Task(id=2, data={"image": None, "back": ""}),
    ]

    with ImageFetcher(SETTINGS, None) as fetcher:
        findings = list(check_images(tasks, plan, fetcher, SETTINGS))

    assert [finding.level for finding in findings] == [Level.OK, Level.WARNING, Level.ERROR]
    assert (
        "task 1: the label config reads the image 'k' from 'back', which is blank"
        in findings[1].what
    )
    assert findings[2].what.startswith("task 2: ")
