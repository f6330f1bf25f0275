"""A head says what it is for; whatever is not whole is refused, with the reason."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from models.clip.heads import FloatArray, Heads
from models.heads import (
    METADATA,
    MOST_BYTES,
    HeadUnusable,
    head_fingerprint,
    metadata_of,
    read_card,
)
from models.protocols import HeadMissing
from models.queries import Judge
from tests.unit.learning.heads import CLASSIFIER, a_head

NAME, DATA = a_head()


def test_a_head_says_what_it_is_for() -> None:
    card = read_card(DATA, NAME)

    (part,) = card.parts
    assert (card.classifier, card.width, part.tag) == (CLASSIFIER, 8, "box")
    assert part.judged == ("car",)
    assert [label for label, _ in part.unwanted] == ["car"]
    assert [label for label, _ in part.shifts] == ["dog"]


@given(st.integers(0, len(DATA) - 1))
def test_a_cut_or_changed_head_is_refused(at: int) -> None:
    """Under its own name, and under the name of what is left of it."""
    changed = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]

    for data in (DATA[:at], changed):
        with pytest.raises(HeadUnusable, match="not those that its name stands for"):
            read_card(data, NAME)
    with pytest.raises(HeadUnusable):
        read_card(DATA[:at], head_fingerprint(DATA[:at]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a safetensors file at all",
        save({"a": np.zeros(3, np.float32)}),
        save({"a": np.zeros(3, np.float32)}, {"firstpass_head": "[]"}),
        save({}, {"firstpass_head": '{"format": 2}'}),
    ],
)
def test_another_file_is_no_head(data: bytes) -> None:
    with pytest.raises(HeadUnusable):
        read_card(data, head_fingerprint(data))


def test_a_file_that_is_too_large_is_not_read() -> None:
    data = bytes(MOST_BYTES + 1)

    with pytest.raises(HeadUnusable, match="at most"):
        read_card(data, head_fingerprint(data))


def test_examples_judge_what_looks_like_them() -> None:
    heads = Heads({NAME: DATA}.get, CLASSIFIER)

    looks = {n: heads.judge(Judge(NAME), np.eye(8, dtype=np.float32)[n]) for n in (0, 5, 6)}

    assert looks[5].labels == ("car", "dog", "cat")
    assert looks[5].shares[1] > looks[5].shares[0]
    assert looks[0].shares[0] > 0.5
    assert looks[6].unwanted > 0.9 > 0.1 > looks[0].unwanted


@pytest.mark.parametrize(
    ("kept", "classifier", "why"),
    [
        ({}, CLASSIFIER, "is not there any more"),
        ({NAME: DATA[:-1]}, CLASSIFIER, "cannot be used"),
        ({NAME: DATA}, "another", "for vectors of another model"),
    ],
)
def test_a_worker_without_the_head_says_so(
    kept: dict[str, bytes], classifier: str, why: str
) -> None:
    """It gives no answer that would be taken for the head's."""
    with pytest.raises(HeadMissing, match=why):
        Heads(kept.get, classifier).judge(Judge(NAME), np.eye(8, dtype=np.float32)[0])


def altered(tensors: dict[str, FloatArray] | None = None, **changes: object) -> bytes:
    """A head whose card says something else; `changes` of the card, or of its part."""
    card = json.loads(metadata_of(CLASSIFIER, 8, read_card(DATA, NAME).parts)[METADATA])
    for name, value in changes.items():
        (card if name in card else card["parts"][0])[name] = value
    return save(tensors or load(DATA), {METADATA: json.dumps(card)})


def shift(**changes: float) -> list[list[object]]:
    return [["dog", {"x": 0, "y": 0, "wider": 1, "higher": 1, **changes}]]


@pytest.mark.parametrize(
    "data",
    [
        altered(width=math.inf),
        altered(width=math.nan),
        altered(alpha=math.inf),
        altered(alpha=10**400),
        altered(shifts=shift(x=2.1)),
        altered(shifts=shift(y=-2.1)),
        altered(shifts=shift(x=math.nan)),
        altered(shifts=shift(wider=4.1)),
        altered(shifts=shift(higher=0)),
        save(load(DATA), {METADATA: "[" * 200_000}),
    ],
)
def test_hostile_numbers_are_no_head(data: bytes) -> None:
    with pytest.raises(HeadUnusable):
        read_card(data, head_fingerprint(data))


def of_many(examples: int, labels: int) -> bytes:
    tensors: dict[str, FloatArray] = {
        "0.examples": np.zeros((examples, 8), np.float16),
        "0.labels": np.zeros(examples, np.int32),
        "0.texts": np.zeros((labels, 8), np.float16),
    }
    return altered(tensors, labels=[str(n) for n in range(labels)])


def test_a_head_takes_a_bounded_amount_of_memory() -> None:
    """A worker makes a number of each example for each label."""
    data = of_many(4000, 2000)
    assert len(read_card(data, head_fingerprint(data)).parts[0].labels) == 2000

    for data in (of_many(4001, 3), of_many(4000, 2100)):
        with pytest.raises(HeadUnusable, match="expected at most 4,000 examples"):
            read_card(data, head_fingerprint(data))


def test_vectors_of_another_width_are_not_judged() -> None:
    with pytest.raises(HeadMissing, match="for vectors of 8 numbers, got 9"):
        Heads({NAME: DATA}.get, CLASSIFIER).judge(Judge(NAME), np.ones(9, np.float32))
