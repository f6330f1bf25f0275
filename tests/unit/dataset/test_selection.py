"""Which tasks are meant."""

from __future__ import annotations

import pytest

from backend.dataset.selection import MAX_IDS, Selection, parse_filters, parse_ids, reservoir
from backend.errors import BadRequest
from backend.label_studio.records import TaskRow

ABOVE = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": 5}
BELOW = {"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": 3}


def test_ids_and_ranges_are_read_in_order_and_once() -> None:
    assert parse_ids("9, 1-3,2,12-12") == (1, 2, 3, 9, 12)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "as in 1,2,5-9"),
        ("1,,2", "as in 1,2,5-9"),
        ("1-", "as in 1,2,5-9"),
        ("-3", "as in 1,2,5-9"),
        ("٣", "as in 1,2,5-9"),
        ("9-5", "ascends"),
        ("1-999999999999", "at most"),
        (f"1-{MAX_IDS},{MAX_IDS + 5}", "at most"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(text: str, reason: str) -> None:
    """Also one that would fill the memory."""
    with pytest.raises(BadRequest, match=reason):
        parse_ids(text)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"items": []}', '{"conjunction": "xor", "items": []}',
     '{"conjunction": "and", "items": [{"filter": "filter:tasks:id"}]}'],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="--filter"):
        parse_filters(text)


def test_tasks_without_annotations_are_asked_for_beside_a_filter() -> None:
    chosen = Selection(filters={"conjunction": "and", "items": [ABOVE]})

    asked = chosen.asked_filters

    assert asked is not None
    assert asked["items"][0] == ABOVE
    assert asked["items"][1]["filter"] == "filter:tasks:total_annotations"
    assert chosen.is_asked_exactly


@pytest.mark.parametrize(
    "chosen",
    [Selection(view=4), Selection(filters={"conjunction": "or", "items": [ABOVE, BELOW]})],
)
def test_where_label_studio_cannot_be_asked_for_both_the_rest_is_sorted_out_here(
    chosen: Selection,
) -> None:
    assert chosen.asked_filters == chosen.filters
    assert not chosen.is_asked_exactly
    assert chosen.admits(TaskRow(id=1, total_annotations=0))
    assert not chosen.admits(TaskRow(id=1, total_annotations=2))


def test_one_alternative_alone_is_no_alternative() -> None:
    chosen = Selection(filters={"conjunction": "or", "items": [ABOVE]})

    assert chosen.is_asked_exactly


def test_all_asks_for_no_less_than_the_filter() -> None:
    chosen = Selection(labeled=True)

    assert chosen.asked_filters is None
    assert chosen.admits(TaskRow(id=1, total_annotations=2))


def test_another_selection_is_another_run() -> None:
    keys = [
        Selection().key,
        Selection(view=1).key,
        Selection(ids=(1, 2)).key,
        Selection(labeled=True).key,
        Selection(limit=5).key,
        Selection(sample=5).key,
        Selection(sample=5, seed=1).key,
        Selection(filters={"conjunction": "and", "items": [ABOVE]}).key,
    ]

    assert len(set(keys)) == len(keys)
    assert Selection(seed=1).key == Selection().key


def test_every_item_of_a_sample_is_as_likely_as_any_other() -> None:
    """Each of ten in about 30 % of the samples of three."""
    counts = dict.fromkeys(range(10), 0)
    for seed in range(2000):
        for item in reservoir(range(10), 3, seed):
            counts[item] += 1

    assert min(counts.values()) > 500
    assert max(counts.values()) < 700


def test_a_sample_larger_than_all_is_all() -> None:
    assert reservoir("abc", 10, 0) == ["a", "b", "c"]
