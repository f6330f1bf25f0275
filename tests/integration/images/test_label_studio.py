"""Label Studio's files come with its token, and the token goes nowhere else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.errors import FirstpassError, ImageNotFound, ImageRefused, ImageUnreachable
from backend.images.reference import parse_image_ref
from backend.label_studio.credential import LabelStudioCredential
from tests.integration.images.conftest import MakeFetcher
from tests.integration.images.servers import LocalServer, answer, as_json, png, redirect

LEGACY = "0123456789abcdef0123456789abcdef01234567"
TOKEN = f"Token {LEGACY}"


@pytest.fixture
def credential(label_studio: LocalServer) -> LabelStudioCredential:
    return LabelStudioCredential(label_studio.url, SecretStr(LEGACY))


def tokens(server: LocalServer) -> list[str | None]:
    return [seen.token for seen in server.seen]


@pytest.mark.parametrize(
    "value",
    [
        "/data/upload/1/a%20b.png",
        "/data/local-files/?d=imgs/a%20b.png",
        "/storage-data/uploaded/?filepath=upload/1/a.png",
        "/tasks/5/resolve/?fileuri=eA==",
    ],
)
def test_label_studios_files_come_with_its_token(
    value: str,
    label_studio: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    label_studio.routes[value.partition("?")[0]] = answer(png())
    for spelling in (value, label_studio.url + value):
        ref = parse_image_ref(spelling, task_id=5, label_studio_url=label_studio.url)
        assert make_fetcher(credential).fetch(ref).data == png()
    assert [seen.path for seen in label_studio.seen] == [value, value]
    assert tokens(label_studio) == [TOKEN, TOKEN]


def test_cloud_uris_are_resolved_for_their_task(
    label_studio: LocalServer, make_fetcher: MakeFetcher, credential: LabelStudioCredential
) -> None:
    label_studio.routes["/tasks/7/resolve/"] = answer(png())
    uri = "s3://bucket/a b/ü?.png"
    make_fetcher(credential).fetch(parse_image_ref(uri, task_id=7))
    (seen,) = label_studio.seen
    encoded = seen.path.partition("?fileuri=")[2]
    assert base64.urlsafe_b64decode(encoded).decode() == uri
    assert seen.token == TOKEN


def test_a_presigned_address_does_not_get_the_token(
    label_studio: LocalServer,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    label_studio.routes["/tasks/7/resolve/"] = redirect(f"{outside.url}/a.png?sig=1", 303)
    fetched = make_fetcher(credential).fetch(parse_image_ref("s3://b/k", task_id=7))
    assert fetched.data == png()
    assert tokens(label_studio) == [TOKEN]
    assert tokens(outside) == [None]


def test_a_foreign_server_gets_no_token(
    outside: LocalServer, make_fetcher: MakeFetcher, credential: LabelStudioCredential
) -> None:
    make_fetcher(credential).fetch(parse_image_ref(f"{outside.url}/a.png", task_id=1))
    assert tokens(outside) == [None]


def test_a_foreign_server_cannot_borrow_the_token(
    label_studio: LocalServer,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    outside.routes["/x"] = redirect(f"{label_studio.url}/data/upload/1/a.png")
    make_fetcher(credential).fetch(parse_image_ref(f"{outside.url}/x", task_id=1))
    assert tokens(label_studio) == [None]


def test_the_token_does_not_come_back_after_a_detour(
    label_studio: LocalServer,
    outside: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    label_studio.routes["/data/upload/1/x"] = redirect(f"{outside.url}/x")
    outside.routes["/x"] = redirect(f"{label_studio.url}/data/upload/1/a.png")
    make_fetcher(credential).fetch(parse_image_ref("/data/upload/1/x", task_id=1))
    assert tokens(label_studio) == [TOKEN, None]
    assert tokens(outside) == [None]


@pytest.mark.parametrize("path", ["/api/users/", "/static/a.png", "/", "/api/data/upload/1"])
def test_other_routes_of_label_studio_get_no_token(
    path: str,
    label_studio: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    label_studio.routes[path] = answer(png())
    home = label_studio.url
    ref = parse_image_ref(f"{home}{path}", task_id=1, label_studio_url=home)
    make_fetcher(credential).fetch(ref)
    label_studio.routes["/data/upload/1/x"] = redirect(path)
    make_fetcher(credential).fetch(parse_image_ref("/data/upload/1/x", task_id=1))
    assert tokens(label_studio) == [None, TOKEN, None]


def test_another_port_of_label_studios_host_is_another_origin(
    label_studio: LocalServer, make_fetcher: MakeFetcher, credential: LabelStudioCredential
) -> None:
    with LocalServer("label-studio.test") as twin:
        twin.routes["/data/upload/1/a.png"] = answer(png())
        label_studio.routes["/data/upload/1/x"] = redirect(f"{twin.url}/data/upload/1/a.png")
        fetcher = make_fetcher(credential, image_allow=(twin.address,))
        fetcher.fetch(parse_image_ref("/data/upload/1/x", task_id=1))
        assert tokens(twin) == [None]


def test_under_a_path_prefix_the_token_goes_along(
    label_studio: LocalServer, make_fetcher: MakeFetcher, credential: LabelStudioCredential
) -> None:
    label_studio.routes["/ls/data/upload/1/a.png"] = answer(png())
    home = f"{label_studio.url}/ls"
    ref = parse_image_ref("/ls/data/upload/1/a.png", task_id=1, label_studio_url=home)
    assert make_fetcher(credential, label_studio_url=home).fetch(ref).data == png()
    assert tokens(label_studio) == [TOKEN]


NONE_TYPE = {"detail": "'NoneType' object has no attribute 'has_permission'"}


@pytest.mark.parametrize(
    ("value", "status", "body", "kind", "words"),
    [
        ("/data/upload/1/a.png", 500, NONE_TYPE, ImageNotFound, "no longer has the upload"),
        ("/data/upload/1/a.png", 500, {}, ImageUnreachable, "500"),
        ("/data/upload/1/a.png", 401, {}, ImageNotFound, "refuses the token"),
        ("/data/upload/1/a.png", 403, {}, ImageNotFound, "may not see"),
        ("/data/upload/1/a.png", 404, {}, ImageNotFound, "does not have this file"),
        ("/data/local-files/?d=a", 403, {}, ImageNotFound, "LOCAL_FILES_SERVING_ENABLED"),
        ("/data/local-files/?d=a", 404, {}, ImageNotFound, "LOCAL_FILES_DOCUMENT_ROOT"),
        ("s3://b/k", 404, {}, ImageNotFound, "no storage of the task's project"),
    ],
)
def test_what_to_mend_is_said(
    value: str,
    status: int,
    body: object,
    kind: type[FirstpassError],
    words: str,
    label_studio: LocalServer,
    make_fetcher: MakeFetcher,
    credential: LabelStudioCredential,
) -> None:
    for path in ("/data/upload/1/a.png", "/data/local-files/", "/tasks/7/resolve/"):
        label_studio.routes[path] = as_json(body, status)
    with pytest.raises(kind, match=words) as caught:
        make_fetcher(credential).fetch(parse_image_ref(value, task_id=7))
    assert LEGACY not in str(caught.value)


def test_without_a_token_the_variable_is_named(
    label_studio: LocalServer, make_fetcher: MakeFetcher
) -> None:
    label_studio.routes["/data/upload/1/a.png"] = answer(b"", 401)
    with pytest.raises(ImageNotFound, match="set FIRSTPASS_LABEL_STUDIO_API_KEY"):
        make_fetcher().fetch(parse_image_ref("/data/upload/1/a.png", task_id=1))
    assert tokens(label_studio) == [None]


@pytest.mark.parametrize("value", ["/data/upload/1/a.png", "/data/local-files/?d=a", "s3://b/k"])
def test_without_its_address_the_variable_is_named(value: str, make_fetcher: MakeFetcher) -> None:
    with pytest.raises(ImageRefused, match="FIRSTPASS_LABEL_STUDIO_URL"):
        make_fetcher(label_studio_url=None).fetch(parse_image_ref(value, task_id=1))


def test_with_a_root_local_files_are_read_here(
    tmp_path: Path, label_studio: LocalServer, make_fetcher: MakeFetcher
) -> None:
    (tmp_path / "root" / "im gs").mkdir(parents=True)
    (tmp_path / "root" / "im gs" / "ü+.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    (tmp_path / "root" / "out.png").symlink_to(tmp_path / "secret.png")
    fetcher = make_fetcher(local_files_root=tmp_path / "root")
    good = parse_image_ref("/data/local-files/?d=im%20gs/%C3%BC%2B.png", task_id=1)
    assert fetcher.fetch(good).data == png()
    with pytest.raises(ImageRefused, match="outside"):
        fetcher.fetch(parse_image_ref("/data/local-files/?d=out.png", task_id=1))
    with pytest.raises(ImageNotFound, match="FIRSTPASS_LOCAL_FILES_ROOT"):
        fetcher.fetch(parse_image_ref("/data/local-files/?d=nope.png", task_id=1))
    assert label_studio.seen == []


def test_a_local_file_above_the_limit_is_refused(tmp_path: Path, make_fetcher: MakeFetcher) -> None:
    (tmp_path / "big.png").write_bytes(b"x" * 2000)
    fetcher = make_fetcher(local_files_root=tmp_path, image_max_bytes=1999)
    with pytest.raises(ImageRefused, match="1999 bytes"):
        fetcher.fetch(parse_image_ref("/data/local-files/?d=big.png", task_id=1))
