"""The file that Label Studio imports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.bulk.task_file import Addresses, OutputUnwritable, write_tasks
from backend.label_config.control_tags import ObjectTag

IMAGE = ObjectTag("img", "image")
PREDICTION = '{"result":[],"score":null,"model_version":"tiny-1"}'


def test_each_image_is_a_task_with_its_prediction(tmp_path: Path) -> None:
    out = tmp_path / "out.json"

    written = write_tasks(
        out,
        ObjectTag("img", "photo"),
        Addresses("https://x/"),
        [("a.jpg", PREDICTION), ("b ä.jpg", PREDICTION)],
    )

    prediction: dict[str, object] = {"result": [], "score": None, "model_version": "tiny-1"}
    assert written == 2
    assert json.loads(out.read_text()) == [
        {"data": {"photo": "https://x/a.jpg"}, "predictions": [prediction]},
        {"data": {"photo": "https://x/b%20%C3%A4.jpg"}, "predictions": [prediction]},
    ]


@pytest.mark.parametrize(
    ("image", "data"),
    [
        (ObjectTag("img", "photos[0].src"), {"photos": [{"src": "x/a.jpg"}]}),
        (ObjectTag("img", "pages", is_list=True), {"pages": ["x/a.jpg"]}),
    ],
)
def test_a_task_has_its_image_where_the_label_config_reads_it(
    tmp_path: Path, image: ObjectTag, data: dict[str, object]
) -> None:
    write_tasks(tmp_path / "out.json", image, Addresses("x/"), [("a.jpg", PREDICTION)])

    (task,) = json.loads((tmp_path / "out.json").read_text())
    assert task["data"] == data


def test_no_image_gives_an_empty_list(tmp_path: Path) -> None:
    write_tasks(tmp_path / "out.json", IMAGE, Addresses(""), [])

    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_a_file_that_does_not_become_whole_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing beside it."""
    out = tmp_path / "out.json"
    out.write_text("old")

    def rows() -> Iterator[tuple[str, str]]:
        yield "a.jpg", PREDICTION
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tasks(out, IMAGE, Addresses(""), rows())

    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert out.read_text() == "old"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="No such file"):
        write_tasks(tmp_path / "nowhere" / "out.json", IMAGE, Addresses(""), [])


@pytest.mark.parametrize(
    ("prefix", "path", "address"),
    [
        (
            "/data/local-files/?d=",
            "a b/ä+&#%.jpg",
            "/data/local-files/?d=a%20b/%C3%A4%2B%26%23%25.jpg",
        ),
        ("https://example.com/x/", "a b.jpg", "https://example.com/x/a%20b.jpg"),
        ("s3://bucket/", "a b/ä.jpg", "s3://bucket/a b/ä.jpg"),
        ("gs://bucket/", "a b.jpg", "gs://bucket/a b.jpg"),
    ],
)
def test_paths_are_encoded_where_label_studio_decodes_them(
    prefix: str, path: str, address: str
) -> None:
    """It takes cloud keys as they are."""
    assert Addresses(prefix).of(path) == address


def test_local_files_are_named_from_the_document_root(tmp_path: Path) -> None:
    """Where the root is not known, or the folder lies elsewhere, the folder itself counts as it."""
    folder = tmp_path / "root" / "scans 1"
    folder.mkdir(parents=True)
    plain = "/data/local-files/?d=a.jpg"

    assert Addresses.local_files(folder, tmp_path / "root").of("a.jpg") == (
        "/data/local-files/?d=scans%201/a.jpg"
    )
    assert Addresses.local_files(folder, folder).of("a.jpg") == plain
    assert Addresses.local_files(folder, None).of("a.jpg") == plain
    assert Addresses.local_files(folder, tmp_path / "other").of("a.jpg") == plain
