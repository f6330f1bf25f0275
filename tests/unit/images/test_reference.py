"""Task data becomes one canonical reference, or a sentence that says why not."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import CallerError, ImageRefused, SettingsError, TaskError
from backend.images.reference import ImageRef, is_file_route, parse_image_ref, stored_prefix

HOME = "http://ls.local:8080"
PNG = base64.b64encode(b"\x89PNG").decode()


def ref(value: object, task_id: int | None = 7, home: str | None = HOME) -> ImageRef:
    return parse_image_ref(value, task_id=task_id, label_studio_url=home)


@pytest.mark.parametrize(
    ("value", "kind", "location"),
    [
        ("/data/upload/4/a b.jpg", "upload", "/data/upload/4/a%20b.jpg"),
        ("/data/upload/4/%C3%BC.jpg", "upload", "/data/upload/4/%C3%BC.jpg"),
        ("/data/upload/4/ü.jpg", "upload", "/data/upload/4/%C3%BC.jpg"),
        (f"{HOME}/data/upload/4/a.jpg", "upload", "/data/upload/4/a.jpg"),
        ("HTTP://LS.local:8080/data/upload/4/a.jpg", "upload", "/data/upload/4/a.jpg"),
        ("/data/local-files/?d=a/b%20c.jpg", "local_file", "/data/local-files/?d=a/b%20c.jpg"),
        ("/data/local-files?d=a/ü.jpg", "local_file", "/data/local-files/?d=a/%C3%BC.jpg"),
        (f"{HOME}/data/local-files/?d=a.jpg", "local_file", "/data/local-files/?d=a.jpg"),
        ("/static/samples/a.jpg", "label_studio", "/static/samples/a.jpg"),
        (f"{HOME}/tasks/5/resolve/?fileuri=eA==", "label_studio", "/tasks/5/resolve/?fileuri=eA=="),
        (
            "/storage-data/uploaded/?filepath=upload/4/a.jpg",
            "label_studio",
            "/storage-data/uploaded/?filepath=upload/4/a.jpg",
        ),
        (f"{HOME}/api/users/", "http", f"{HOME}/api/users/"),
        ("http://ls.local/data/upload/4/a.jpg", "http", "http://ls.local/data/upload/4/a.jpg"),
        ("https://a.de/x.jpg?b=1#c", "http", "https://a.de/x.jpg?b=1"),
        ("  https://a.de/x.jpg ", "http", "https://a.de/x.jpg"),
        ("s3://bucket/a/b c.jpg", "cloud", "s3://bucket/a/b c.jpg"),
        ("GS://bucket/ü?x#y.jpg", "cloud", "gs://bucket/ü?x#y.jpg"),
        ("azure-blob://box/a.jpg", "cloud", "azure-blob://box/a.jpg"),
        (f"data:image/png;base64,{PNG}", "data", f"data:image/png;base64,{PNG}"),
        ("DATA:image/png,%89PNG", "data", f"data:image/png;base64,{PNG}"),
    ],
)
def test_kinds_and_canonical_locations(value: str, kind: str, location: str) -> None:
    found = ref(value)
    assert (found.kind, found.location) == (kind, location)


def test_under_a_path_prefix_both_spellings_are_the_same_upload() -> None:
    home = "https://a.de/ls"
    spellings = ("/data/upload/1/x", "/ls/data/upload/1/x", "https://a.de/ls/data/upload/1/x")
    assert {ref(one, home=home).location for one in spellings} == {"/data/upload/1/x"}
    assert ref("https://a.de/data/upload/1/x", home=home).kind == "http"


@pytest.mark.parametrize(
    "prefix", ["/tools", "/a/b", "/ls", "/label-studio/v1", "/data", "/tasks/5"]
)
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/upload/1/x.png", "upload"),
        ("/data/local-files/?d=a/x.png", "local_file"),
        ("/storage-data/uploaded/?filepath=upload/1/x.png", "label_studio"),
        ("/tasks/12/resolve/?fileuri=eA==", "label_studio"),
        ("/projects/3/presign/?fileuri=eA==", "label_studio"),
        ("/static/samples/x.png", "label_studio"),
    ],
)
@pytest.mark.parametrize("home", [HOME, "http://ls.local:8080/inside"])
def test_a_sub_path_that_our_address_lacks_is_dropped(
    prefix: str, path: str, kind: str, home: str
) -> None:
    """Label Studio stores it by the address that people use; from inside it is reached without."""
    found = ref(f"{prefix}{path}", home=home)

    assert (found.kind, found.location) == (kind, path)
    assert stored_prefix(f"{prefix}{path}", home) == prefix
    assert stored_prefix(path, home) is None
    assert stored_prefix(f"{prefix}{path}", f"http://ls.local{prefix}") is None


@pytest.mark.parametrize(
    "value",
    [
        "/tools/api/users/",
        "/tools/data/uploads/x",
        "/tools/../data/upload/1/x",
        "/tools/%2e%2e/data/upload/1/x",
    ],
)
def test_no_other_path_comes_in_by_a_prefix(value: str) -> None:
    with pytest.raises(ImageRefused):
        ref(value)


@pytest.mark.parametrize(
    "value", [None, 5, True, 1.5, [], ["/data/upload/1/x"], {}, b"x", "", "   "]
)
def test_no_text_is_the_tasks_error(value: object) -> None:
    with pytest.raises(TaskError):
        ref(value)


@pytest.mark.parametrize("task_id", [None, -1, True, "7"])
def test_a_cloud_uri_needs_the_tasks_id(task_id: object) -> None:
    with pytest.raises(TaskError, match="no id"):
        parse_image_ref("s3://b/k", task_id=task_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "gopher://a.de/x",
        "ftp://a.de/x",
        "javascript:alert(1)",
        "s3:bucket/key",
        "s3://bucket",
        "s3:///key",
        "s3://bucket/",
        "a.jpg",
        "./a.jpg",
        "images/a.jpg",
        "C:\\a.jpg",
        "\\\\host\\share\\a.jpg",
        "//a.de/x.jpg",
        "/etc/passwd",
        "/data/",
        "/data/upload/",
        "/data/uploads/a.jpg",
        "/api/users/",
        "/data/upload/../../api/users/",
        "/data/upload/%2e%2e/x",
        "/data/upload/%252e%252e/x",
        "/data/upload/a/..%2f..%2fb",
        "/data/upload/a/..%5cb",
        "/data/upload/a\\..\\b",
        f"{HOME}/data/upload/%2e%2e/%2e%2e/api/users/",
        "/data/local-files/",
        "/data/local-files/?d=",
        "/data/local-files/?d=/",
        "/data/local-files/?d=a&d=b",
        "/data/local-files/?d=../../etc/passwd",
        "/data/local-files/?d=a/%2e%2e/b",
        "/data/local-files/?d=a%00.jpg",
        "/data/local-files/?x=a",
        "http://user:pw@a.de/x",
        "http://a.de/\tx",
        "http://a.de/\x00",
        "https:/a.de/x",
        "http://127.1/",
        "data:",
        "data:image/png;base64",
        "data:text/html,<b>",
        "data:;base64,AAAA",
        "data:image/png;base64,*",
        "data:image/png;base64,A",
        "data:image/\npng,x",
        "blob:https://a.de/1",
        "undefined",
        "$image",
    ],
)
def test_everything_else_is_refused(value: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        ref(value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("path", "words"),
    [("a/../b.png", "has `..` in it"), ("..", "has `..` in it"), ("a%0Ab.png", "rename it")],
)
def test_a_refused_local_path_says_which_fault_it_has(path: str, words: str) -> None:
    with pytest.raises(ImageRefused, match=words):
        parse_image_ref(f"/data/local-files/?d={path}", task_id=1, label_studio_url=None)


def test_a_bad_label_studio_address_is_the_operators_mistake() -> None:
    with pytest.raises(SettingsError):
        ref("/data/upload/1/x", home="http://u:p@a.de")


def test_two_signings_of_one_file_have_one_identity() -> None:
    one, other = (
        ref(f"https://b.s3.amazonaws.com/k.jpg?X-Amz-Date={day}&X-Amz-Signature={day}&versionId=3")
        for day in (1, 2)
    )
    assert one.identity == other.identity == "http:https://b.s3.amazonaws.com/k.jpg?versionId=3"
    assert one != other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.de/x?id=1", "https://a.de/x?id=2"),
        ("https://a.de/x?se=1", "https://a.de/x?se=2"),
        ("https://a.de/x?signature=1", "https://a.de/x?signature=2"),
        ("https://a.de/x", "http://a.de/x"),
        ("https://a.de/x", "https://a.de:444/x"),
        ("https://a.de/x", "https://a.de/X"),
        ("s3://b/k", "gs://b/k"),
        ("data:image/png,a", "data:image/png,b"),
        ("/data/upload/1/x", "/data/local-files/?d=x"),
    ],
)
def test_different_images_have_different_identities(one: str, other: str) -> None:
    assert ref(one).identity != ref(other).identity


def test_the_task_is_part_of_the_identity_for_cloud_uris_alone() -> None:
    for value in (
        "/data/upload/1/x",
        "https://a.de/x",
        "/data/local-files/?d=x",
        "data:image/png,a",
    ):
        assert ref(value, task_id=1) == ref(value, task_id=2)
    assert ref("s3://b/k", task_id=1).identity != ref("s3://b/k", task_id=2).identity


def test_identity_of_a_long_data_uri_is_short() -> None:
    assert len(ref(f"data:image/png,{'x' * 100_000}").identity) < 100


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://a.de/x.jpg?X-Amz-Signature=secret", "https://a.de/x.jpg"),
        ("/data/upload/4/a.jpg?token=secret", "/data/upload/4/a.jpg"),
        ("/data/local-files/?d=a/b.jpg", "/data/local-files/?d=a/b.jpg"),
        ("s3://b/a b.jpg", "s3://b/a b.jpg"),
        ("s3://b/\u202eü.jpg", "s3://b/%E2%80%AE%C3%BC.jpg"),
        (f"data:image/png;base64,{PNG}", "data:image/png;base64,... (6 bytes)"),
    ],
)
def test_display_is_safe_for_logs(value: str, shown: str) -> None:
    assert ref(value).display == shown
    assert "secret" not in repr(ref(value))


def test_display_is_short() -> None:
    assert len(ref(f"https://a.de/{'x' * 9000}").display) <= 160


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/data/upload/1/x.jpg", True),
        ("/data/local-files/", True),
        ("/tasks/12/resolve/", True),
        ("/projects/3/presign", True),
        ("/storage-data/uploaded/", True),
        ("/static/x.png", False),
        ("/api/users/", False),
        ("/api/data/upload/1", False),
        ("/tasks/12/resolve/x", False),
        ("/tasks/x/resolve/", False),
        ("/data/upload/%2e%2e/api", False),
        ("/", False),
    ],
)
def test_the_token_goes_to_file_routes_alone(path: str, answer: bool) -> None:
    assert is_file_route(path) is answer


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "x",
        {},
        {"kind": "file", "location": "/etc/passwd"},
        {"kind": "upload", "location": "/etc/passwd"},
        {"kind": "upload", "location": "http://a.de/x"},
        {"kind": "http", "location": "/data/upload/1/x"},
        {"kind": "http", "location": "HTTP://a.de/x"},
        {"kind": "http", "location": "http://a.de/x", "task_id": 5},
        {"kind": "http", "location": "http://a.de/x", "extra": 5},
        {"kind": "cloud", "location": "s3://b/k"},
        {"kind": "cloud", "location": "s3://b/k", "task_id": "../5"},
        {"kind": "local_file", "location": "/data/local-files/?d=../x"},
        {"kind": "data", "location": 5},
        {"kind": ["http"], "location": "http://a.de/x"},
    ],
)
def test_a_stored_reference_is_checked_anew(stored: object) -> None:
    with pytest.raises(ImageRefused):
        ImageRef.from_json(stored)


names = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\\"), min_size=1
)
values = st.one_of(
    st.builds(lambda name: f"/data/upload/4/{name}", names),
    st.builds(lambda name: f"/data/local-files/?d={name}", names),
    st.builds(lambda name, query: f"https://a.de/{name}?{query}", names, names),
    st.builds(lambda name: f"s3://bucket/{name}", names),
    st.builds(lambda data: f"data:image/png;base64,{base64.b64encode(data).decode()}", st.binary()),
    st.builds(lambda text: f"data:image/gif,{text}", names),
    st.text(),
)


@given(values, st.integers(0, 2**40))
def test_round_trip_through_json(value: str, task_id: int) -> None:
    try:
        found = ref(value, task_id)
    except CallerError:
        return
    assert ImageRef.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert parse_image_ref(found.location, task_id=task_id) == found
    assert found.identity == ImageRef.from_json(found.to_json()).identity
    assert found.display.isprintable()
    assert len(found.display) <= 200


@pytest.mark.parametrize("letter", ["x", " ", "é", "%", "\U0001f600", "#", "?", "&", "'", '"'])
@pytest.mark.parametrize(
    "beginning",
    [
        "http://a.example/",
        "http://a.example/?q=",
        "/data/upload/4/",
        "/data/local-files/?d=",
        f"{HOME}/data/upload/4/",
        f"{HOME}/data/local-files/?d=",
        "/tasks/7/resolve/?fileuri=",
        "s3://bucket/",
    ],
)
@pytest.mark.parametrize("length", [100, 5_000, 16_360, 16_384, 20_000])
def test_what_is_taken_has_a_name_and_comes_back_from_the_queue(
    beginning: str, letter: str, length: int
) -> None:
    """However long, and however much longer in its normal form: refused at the door, or good for ever."""
    try:
        taken = ref(beginning.ljust(length, letter))
    except CallerError:
        return

    assert taken.identity
    assert ImageRef.from_json(json.loads(json.dumps(taken.to_json()))) == taken
