"""`value` of a tag -> what the task's data holds there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.label_config.value_expressions import MISSING, is_expression, placed, value_of

DATA: dict[str, Any] = {
    "image": "a.png",
    "photos": [{"src": "b.png"}, {"src": "c.png", "sizes": [{"w": 1}, "d.png"]}],
    "meta": {"front": {"url": "e.png"}, "count": 3},
    "a.b": "dotted.png",
    "a": {"b": "nested.png"},
    "my-key": "dash.png",
    "none": None,
    "rows": [["f.png", "g.png"]],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$image", "a.png"),
        ("$photos[0].src", "b.png"),
        ("$photos[1].src", "c.png"),
        ("$photos[1].sizes[1]", "d.png"),
        ("$photos.1.src", "c.png"),
        ("$meta.front.url", "e.png"),
        ("$rows[0][1]", "g.png"),
        ("$a.b", "dotted.png"),
        ("$my-key", "dash.png"),
        ("$photos", DATA["photos"]),
        ("$none", None),
        ("https://host/$image", "https://host/a.png"),
        ("/data/local-files/?d=x/$image", "/data/local-files/?d=x/a.png"),
        ("$image?n=$meta.count", "a.png?n=3"),
    ],
)
def test_as_the_editor_reads_it(expression: str, value: object) -> None:
    """A key before a path of the same spelling; a text with keys in it is put together."""
    assert value_of(expression, DATA) == value


@pytest.mark.parametrize(
    "expression",
    [
        "$photos[2].src",
        "$photos[0].source",
        "$photos[-1].src",
        "$photos[00].src",
        "$image.src",
        "$meta.front.url.host",
        "$nothing",
        "$none.url",
        "https://host/$nothing",
        "https://host/$photos",
        "$photos[99999999999999999999].src",
        "$photos[²].src",
    ],
)
def test_what_is_not_there_is_missing(expression: str) -> None:
    assert value_of(expression, DATA) is MISSING


@pytest.mark.parametrize("text", ["", "$", "a.png", "https://host/a.png", "10 $"])
def test_a_text_without_a_key_points_to_nothing(text: str) -> None:
    assert not is_expression(text)


@pytest.mark.parametrize("path", ["image", "photos[0].src", "a.b.c", "rows[2][1]", "my-key"])
def test_what_is_placed_is_found_again(path: str) -> None:
    data = placed(path, "x.png")

    assert data is not None
    assert value_of(f"${path}", data) == "x.png"


@pytest.mark.parametrize("path", ["photos[1000000000].src", "[]", "."])
def test_what_cannot_be_placed_is_not(path: str) -> None:
    assert placed(path, "x.png") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "a.b", "0", "é"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.text(st.sampled_from("$ab.[]{}01-é "), max_size=12),
    st.dictionaries(st.sampled_from(["a", "b", "a.b", "a[0]"]), JSON, max_size=4),
)
def test_whatever_is_written_is_found_or_missing(expression: str, data: dict[str, Any]) -> None:
    """Of a text with keys in it comes a text; what is found lies in the data."""
    found = value_of(expression, data)

    assert found is MISSING or isinstance(found, str) or expression.startswith("$")


@given(
    st.lists(
        st.sampled_from(["photos", "src", "a_b", "X9"]) | st.integers(0, 20).map("[{}]".format),
        min_size=1,
        max_size=5,
    )
)
def test_every_path_that_can_be_placed_leads_back(parts: list[str]) -> None:
    path = ".".join(parts).replace(".[", "[")
    data = placed(path, "x.png")

    assert data is None or value_of(f"${path}", data) == "x.png"
