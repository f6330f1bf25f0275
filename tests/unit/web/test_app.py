"""The HTTP face over the real service, with a stand-in queue."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.errors import Failure, QueueUnavailable
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.web.app import create_app
from backend.web.monitor import QueueMonitor
from tests.standin.queue import Answers, StandInQueue, answered, failing

CONFIG = (
    '<View><Image name="img" value="$image"/>'
    '<RectangleLabels name="box" toName="img"><Label value="cat"/></RectangleLabels>'
    '<Choices name="scene" toName="img"><Choice value="in"/><Choice value="out"/></Choices></View>'
)
Client = Callable[..., TestClient]


@pytest.fixture
def client() -> Iterator[Client]:
    """Makes clients of an application with the given answers and settings; Redis is down."""
    with ExitStack() as stack:

        def make(answers: Answers = answered, **overrides: Any) -> TestClient:
            service = PredictionService(
                queue=StandInQueue(answers),
                predictors=PredictorSettings(engine_for("tiny"), 0.3, "http://label-studio:8080"),
                waits=WaitLimits(8, 1, 1),
            )
            running = RunningService(service, start=lambda: None, close=lambda: None)
            monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
            app = create_app(load_settings(**overrides), running, monitor)
            # What Label Studio sends with each body, however a test makes it.
            sent = {"Content-Type": "application/json"}
            return stack.enter_context(TestClient(app, raise_server_exceptions=False, headers=sent))

        yield make


def body(*images: object, config: str = CONFIG, **more: Any) -> dict[str, Any]:
    tasks = [{"id": i, "data": {"image": image}} for i, image in enumerate(images, start=1)]
    return {"tasks": tasks, "label_config": config, "project": "1.1", "params": {}, **more}


def test_one_entry_per_task_in_order(client: Client) -> None:
    """Each task gets its prediction with boxes and choice, under the version that /setup announced."""
    http = client()
    version = http.post("/setup", json={"schema": CONFIG, "project": "1.1"}).json()["model_version"]

    reply = http.post("/predict", json=body("http://a.example/1.png", "http://a.example/2.png"))

    results = reply.json()["results"]
    assert [entry["model_version"] for entry in results] == [version] * 2
    assert [region["from_name"] for region in results[0]["result"]] == ["box", "scene"]
    assert results[0]["score"] == pytest.approx(0.85)


def test_a_failing_task_does_not_touch_the_others(client: Client) -> None:
    """Its slot is `[]`, its reason is told beside, and its neighbours are predicted."""
    refused = Failure("ImageUnreadable", "not an image", transient=False)
    http = client(failing(refused, where="bad"))

    reply = http.post(
        "/predict",
        json=body("http://a.example/1.png", "http://a.example/bad.png", "file:///etc/passwd", None),
    ).json()

    assert [bool(entry) for entry in reply["results"]] == [True, False, False, False]
    assert [(error["task"], error["kind"]) for error in reply["errors"]] == [
        (2, "ImageUnreadable"),
        (3, "ImageRefused"),
        (4, "TaskError"),
    ]


def test_what_is_not_ready_is_an_empty_slot_without_an_error(client: Client) -> None:
    """With no worker alive every task is answered `[]`: Label Studio stores nothing and asks again."""
    reply = (
        client(lambda request: None).post("/predict", json=body("http://a.example/1.png")).json()
    )

    assert reply == {"results": [[]], "errors": []}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"label_config": "<View/>"}', "tasks"),
        (b'{"tasks": [], "label_config": "<View/>"}', "at least 1"),
        (b'{"tasks": {}, "label_config": "<View/>"}', "tasks"),
        (b'{"tasks": [' + b"{}," * 100_000 + b'{}], "label_config": "<View/>"}', "at most 100000"),
        (b'{"tasks": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"tasks": [{"id": 1, "data": {}}], "label_config": "<Vi"}', "not well-formed"),
        (b'{"tasks": [{"id": 1, "data": {}}], "label_config": "<View/>"}', "no control tag"),
    ],
)
def test_a_bad_request_says_what_was_expected(client: Client, raw: bytes, reason: str) -> None:
    """400 with a sentence, never a traceback."""
    reply = client().post("/predict", content=raw)

    assert reply.status_code == 400
    assert reason in reply.json()["error"]["message"]


def test_setup_refuses_a_config_that_cannot_be_served(client: Client) -> None:
    """The reason names the tag."""
    reply = client().post(
        "/setup",
        json={"schema": '<View><Image name="i" value="$i"/><Video name="v" toName="i"/></View>'},
    )

    assert reply.status_code == 400
    assert "<Video name='v'>: this tag is not served yet" in reply.json()["error"]["message"]


def test_redis_down_is_503_on_predict_and_said_on_health(client: Client) -> None:
    """`/health` and `/setup` go on answering."""

    def down(request: ModelRequest) -> None:
        raise QueueUnavailable("Redis does not answer")

    http = client(down)

    assert http.post("/predict", json=body("http://a.example/1.png")).status_code == 503
    assert http.post("/setup", json={"schema": CONFIG}).status_code == 200
    health = http.get("/health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["redis"]) == ("UP", "DOWN")


def test_a_bug_is_answered_with_a_number_and_no_traceback(client: Client) -> None:
    """What went wrong is in the log under that number, not in the reply."""

    def broken(request: ModelRequest) -> None:
        raise ZeroDivisionError("secret detail")

    reply = client(broken).post("/predict", json=body("http://a.example/1.png"))

    assert reply.status_code == 500
    assert "secret detail" not in reply.text
    assert "number" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/health", "/setup", "/predict", "/webhook", "/versions", "/metrics"]
)
@pytest.mark.parametrize(
    "authorization",
    [None, "Basic", "Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"u:wrong").decode()],
)
def test_wrong_credentials_are_401_everywhere(
    client: Client, path: str, authorization: str | None
) -> None:
    """Label Studio tells the user that the credentials are wrong when `/health` says so."""
    http = client(basic_auth_user="u", basic_auth_pass="p")
    headers = {"Authorization": authorization} if authorization else {}

    method = "POST" if path in ("/setup", "/predict", "/webhook") else "GET"
    reply = http.request(method, path, headers=headers)

    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Basic")


def test_right_credentials_pass(client: Client) -> None:
    """Non-ASCII ones too."""
    http = client(basic_auth_user="u", basic_auth_pass="pä:ss")
    encoded = base64.b64encode("u:pä:ss".encode()).decode()

    assert http.get("/health", headers={"Authorization": f"Basic {encoded}"}).status_code == 200


@pytest.mark.parametrize(("secret", "status"), [("long-secret", 200), ("wrong", 401), ("", 401)])
def test_the_webhook_takes_its_secret_instead(client: Client, secret: str, status: int) -> None:
    """Label Studio's webhooks can carry a header, not basic auth; the header opens nothing else."""
    http = client(basic_auth_user="u", basic_auth_pass="p", webhook_secret="long-secret")
    headers = {"X-Firstpass-Secret": secret}

    reply = http.post("/webhook", json={"action": "ANNOTATION_CREATED"}, headers=headers)

    assert reply.status_code == status
    assert http.get("/health", headers=headers).status_code == 401


def test_a_body_over_the_limit_is_413(client: Client) -> None:
    """It is refused by its announced length, or while it is read."""
    http = client(max_body_bytes=1024)

    def stream() -> Iterator[bytes]:
        yield b"x" * 600
        yield b"x" * 600

    assert http.post("/predict", content=b"x" * 2000).status_code == 413
    assert http.post("/predict", content=stream()).status_code == 413


def test_versions_are_those_announced(client: Client) -> None:
    """The latest first."""
    http = client()
    announced = [
        http.post("/setup", json={"schema": config, "project": project}).json()["model_version"]
        for project, config in (("1", CONFIG), ("2", CONFIG.replace("cat", "dog")))
    ]

    assert http.get("/versions").json() == {"versions": announced[::-1]}


def test_start_training_is_answered_at_once(client: Client) -> None:
    """Label Studio sends it to `/webhook` from within the annotator's Submit."""
    reply = client().post("/webhook", json={"action": "START_TRAINING", "project": {"id": 3}})

    assert reply.status_code == 200


def test_metrics_count_requests_and_tasks(client: Client) -> None:
    """In Prometheus's text format."""
    http = client(failing(Failure("ImageNotFound", "gone", False), where="gone"))
    http.post("/predict", json=body("http://a.example/1.png", "http://a.example/gone.png"))

    text = http.get("/metrics").text

    assert 'firstpass_tasks_total{outcome="predicted"} 1.0' in text
    assert 'firstpass_tasks_total{outcome="ImageNotFound"} 1.0' in text
    assert 'firstpass_requests_total{route="/predict",status="200"} 1.0' in text
    assert "firstpass_redis_up 0.0" in text


SMART = (
    '<View><Image name="img" value="$image"/>'
    '<RectangleLabels name="box" toName="img" smart="true"><Label value="cat"/></RectangleLabels></View>'
)


def drawn(**value: float) -> dict[str, Any]:
    """A rectangle with a smart tool, in percent."""
    region = {"id": "a", "from_name": "box", "to_name": "img", "type": "rectangle", "value": value}
    return {"context": {"result": [region]}}


def test_what_is_drawn_is_answered_with_suggestions(client: Client) -> None:
    """One entry, with the version of every prediction; nothing drawn is nothing suggested."""
    http = client()
    version = http.post("/setup", json={"schema": SMART, "project": "1.1"}).json()["model_version"]

    def results(params: dict[str, Any]) -> Any:
        asked = body("http://a.example/1.png", config=SMART, params=params)
        return http.post("/predict", json=asked).json()["results"]

    (suggested,) = results(drawn(x=1, y=2, width=3, height=5))
    (nothing,) = results({"context": {"result": []}})

    assert suggested["model_version"] == nothing["model_version"] == version
    assert [region["value"]["rectanglelabels"] for region in suggested["result"]] == [["cat"]]
    assert nothing["result"] == []


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ("a box", "params.context"),
        ({}, "list of regions under result"),
        ({"result": [7]}, "regions with a value"),
        (drawn(x=1, y=2, width=0, height=5)["context"], "with an area"),
        (drawn(x=110, y=2, width=5, height=5)["context"], "outside"),
    ],
)
def test_a_context_that_cannot_be_served_says_why(
    client: Client, context: object, reason: str
) -> None:
    asked = body("http://a.example/1.png", config=SMART, params={"context": context})

    reply = client().post("/predict", json=asked)

    assert reply.status_code == 400
    assert reason in reply.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/predict", "/setup", "/webhook"])
def test_a_web_page_may_not_use_us(client: Client, path: str) -> None:
    """Without credentials a foreign host, page or form is refused with a sentence that helps."""
    http = client()
    for headers, status, named in (
        ({"Host": "evil.example:9090"}, 403, "FIRSTPASS_ALLOWED_HOSTS"),
        ({"Origin": "http://evil.example"}, 403, "evil.example"),
        ({"Content-Type": "text/plain"}, 415, "application/json"),
        ({"Host": "["}, 403, "FIRSTPASS_PUBLIC_URL"),
        ({"Host": "\x1b[2J\u00e9" * 500}, 403, "\ufffd"),
    ):
        given = {name.encode(): value.encode() for name, value in headers.items()}
        reply = http.post(path, content=b"{}", headers=given)
        assert reply.status_code == status, headers
        message = reply.json()["error"]["message"]
        assert named in message
        assert len(message) < 500
        assert "\x1b" not in message


def test_with_credentials_the_caller_is_known_by_them(client: Client) -> None:
    """Then a reverse proxy may pass on whatever name it is known by."""
    http = client(basic_auth_user="ls", basic_auth_pass="secret")
    given = {"Host": "proxy.example", "Origin": "http://proxy.example"}
    assert http.get("/health", headers=given).status_code == 401
    assert http.get("/health", headers=given, auth=("ls", "secret")).status_code == 200


def test_a_secret_beyond_ascii_is_the_same_bytes(client: Client) -> None:
    """As a client sends it in UTF-8."""
    http = client(basic_auth_user="ls", basic_auth_pass="secret", webhook_secret="gr\u00fcn")
    event = {"action": "PROJECT_UPDATED", "project": {"id": 1}}
    given = {b"X-Firstpass-Secret": "gr\u00fcn".encode()}
    assert http.post("/webhook", json=event, headers=given).status_code == 200


def test_a_bug_is_told_whatever_the_host_header_holds(client: Client) -> None:
    """The log of an error reads no more of the request than it must."""

    def broken(requests: dict[str, ModelRequest]) -> Any:
        raise KeyError("ours")

    http = client(broken, basic_auth_user="ls", basic_auth_pass="secret")
    reply = http.post(
        "/predict", json=body("http://e/a.png"), headers={"Host": "[::1"}, auth=("ls", "secret")
    )
    assert reply.status_code == 500
    assert "its log has number" in reply.json()["error"]["message"]
