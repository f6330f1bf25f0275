"""What crosses Redis comes back as it was, and nothing else is accepted."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from backend.errors import Failure, ImageRefused, InternalError
from backend.images.reference import parse_image_ref
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome, encode_query, request_id
from backend.queue.payload import decode_outcome, decode_request, encode_outcome, encode_request
from models.queries import (
    Ask,
    Caption,
    Classify,
    Contour,
    DenseCaption,
    Detect,
    Embed,
    EmbedTexts,
    Ground,
    InBox,
    Judge,
    Look,
    PerBox,
    ProposeRegions,
    Query,
    ReadText,
    SearchIndex,
    Segment,
    Tiling,
)
from models.types import (
    Appearance,
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    Hits,
    ImageSize,
    IndexHit,
    Judgement,
    ModelOutput,
    ScoreParts,
    Texts,
    Vector,
    Vectors,
)

phrases = st.text(min_size=1, max_size=20).filter(str.strip)
scores = st.floats(0, 1)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *[st.floats(0, 5000)] * 2,
    *[st.floats(0.5, 5000)] * 2,
)
tilings = st.none() | st.builds(Tiling, st.none() | st.integers(64, 5000), st.floats(0, 0.5))
models = st.none() | phrases
several = st.lists(phrases, min_size=1, max_size=5).map(tuple)
grounds = st.builds(
    Ground, several, st.sampled_from(["per_phrase", "joined"]), tilings, model=models
)
asks = st.builds(Classify, several, st.booleans()) | st.sampled_from(
    [
        "category",
        "description",
        "text",
        "outline",
        Embed(),
        Contour(),
        Judge("0" * 32, 1),
        Look(128),
    ]
)
queries: st.SearchStrategy[Query] = st.one_of(
    grounds,
    st.builds(Detect, tilings, model=models),
    st.builds(Classify, several, st.booleans(), model=models),
    st.builds(Caption, st.sampled_from(["short", "detailed", "more_detailed"]), model=models),
    st.builds(ReadText, model=models),
    st.sampled_from([DenseCaption(), ProposeRegions()]),
    st.builds(Ask, phrases, model=models),
    st.builds(Embed, model=models),
    st.builds(Contour, st.integers(64, 1024), model=models),
    st.builds(Judge, phrases, st.integers(0, 9), model=models),
    st.builds(Segment, phrases, model=models),
    st.builds(Look, st.integers(16, 512), model=models),
    st.builds(InBox, boxes, asks, model=models),
    st.builds(
        PerBox,
        grounds | st.sampled_from([ReadText(), Detect(), Detect(Tiling(None))]),
        asks,
        st.integers(1, 99),
        scores,
        model=models,
    ),
)
detections = st.builds(
    Detection,
    boxes,
    phrases,
    st.none() | scores,
    st.builds(ScoreParts, st.none() | scores, st.none() | scores, st.none() | scores),
    st.none() | st.lists(st.tuples(scores, scores), min_size=3, max_size=5).map(tuple),
)
vectors = st.builds(Vector, st.lists(st.floats(-1, 1), max_size=3).map(tuple))
one_each = st.one_of(
    st.builds(Detections, st.lists(detections, max_size=4).map(tuple), st.booleans()),
    st.just(Classification(("a", "b"), (0.25, 0.75))),
    st.builds(Texts, st.lists(phrases, max_size=3).map(tuple), st.none() | scores),
    vectors,
    st.builds(Judgement, st.just(("a", "b")), st.tuples(scores, scores), scores),
    st.builds(
        Appearance,
        phrases,
        st.integers(0, 2**64 - 1),
        st.just(7),
        *[scores] * 4,
        st.just("/9j/4AAQ"),
    ),
)
hits = st.builds(
    IndexHit, st.integers(1), st.sampled_from(["images", "regions"]), scores, scores, scores
)
per_box = st.lists(st.builds(BoxOutput, detections, one_each), max_size=3).map(tuple)
outputs = (
    one_each
    | st.builds(BoxOutputs, per_box, st.integers(0, 99))
    | st.builds(Vectors, st.lists(vectors, max_size=3).map(tuple))
    | st.builds(Hits, st.lists(hits, max_size=3).map(tuple), st.integers(0, 10**7))
)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(
        Answer,
        st.none() | st.builds(ImageSize, st.integers(1, 9999), st.integers(1, 9999)),
        st.lists(outputs, max_size=4).map(tuple),
        st.just("ab" * 32),
    ),
    st.builds(Failure, phrases, phrases, st.booleans()),
)


def request(*asked: Query, url: str = "http://images.example/1.png") -> ModelRequest:
    return ModelRequest(parse_image_ref(url, task_id=7, label_studio_url=None), asked)


@given(st.lists(queries, min_size=1, max_size=4))
def test_requests_come_back_as_they_were(asked: list[Query]) -> None:
    """Through real JSON text, every kind of query."""
    sent = request(*asked)

    assert decode_request(json.loads(json.dumps(encode_request(sent)))) == sent


searches = st.builds(
    SearchIndex,
    phrases,
    phrases,
    phrases | st.integers(1),
    st.sampled_from(["images", "regions", "any"]),
    phrases | st.just(""),
    st.integers(1, 500),
    model=models,
)


@given(several, models, searches)
def test_requests_about_no_image_come_back_as_they_were(
    texts: tuple[str, ...], model: Any, search: SearchIndex
) -> None:
    sent = ModelRequest(None, (EmbedTexts(texts, model=model), search))

    assert decode_request(json.loads(json.dumps(encode_request(sent)))) == sent


def test_every_kind_of_query_and_output_crosses_redis() -> None:
    """By the strategies above: what is missing there is missing in the tests."""
    kinds = st.one_of(queries, st.builds(EmbedTexts, several), searches)

    for kind in get_args(Query):
        assert isinstance(first(kinds, kind), kind)
    for kind in get_args(ModelOutput):
        assert isinstance(first(outputs, kind), kind)


def first(strategy: st.SearchStrategy[Any], kind: type) -> object:
    """One of this type that the strategy makes, as it comes: to look for the least one takes long."""
    return find(
        strategy,
        lambda each: type(each) is kind,
        settings=settings(max_examples=2000, phases=[Phase.generate], deadline=None),
    )


@given(outcomes)
def test_outcomes_come_back_as_they_were(outcome: Outcome) -> None:
    """Answers with all their scores and parts, and failures with their reasons."""
    assert decode_outcome(encode_outcome(outcome)) == outcome


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"image": {}, "queries": []},
        {"queries": [{"type": "EmbedTexts", "texts": ["a"]}]},
        {"image": None, "queries": [{"type": "Detect"}]},
        {"image": None, "queries": [{"type": "EmbedTexts", "texts": []}]},
        {"image": "x", "queries": [{"type": "Detect"}]},
        {"image": {"kind": "file", "location": "/etc/passwd"}, "queries": [{"type": "Detect"}]},
        {
            "image": encode_request(request(Detect()))["image"],
            "queries": [{"type": "os.system"}],
        },
        {"image": encode_request(request(Detect()))["image"], "queries": ["Detect"]},
        {
            "image": encode_request(request(Detect()))["image"],
            "queries": [{"type": "Ground", "phrases": []}],
        },
        {
            "image": encode_request(request(Detect()))["image"],
            "queries": [{"type": "Detect", "tiling": {"side_px": 1}}],
        },
        {
            "image": encode_request(request(Detect()))["image"],
            "queries": [
                {
                    "type": "InBox",
                    "box": {"x_min": 0, "y_min": 0, "x_max": 9, "y_max": 9},
                    "ask": {"candidates": ["a"], "model": "tiny-clip"},
                }
            ],
        },
    ],
)
def test_a_forged_job_is_refused(payload: Any) -> None:
    """Whoever can write to the queue can ask queries of images, and nothing more."""
    with pytest.raises((InternalError, ImageRefused)):
        decode_request(payload)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"failure": {"kind": "x"}}'])
def test_a_damaged_result_is_an_error(text: str) -> None:
    """It is never taken for an empty answer."""
    with pytest.raises(InternalError):
        decode_outcome(text)


def test_the_id_of_what_is_about_no_image_is_its_own() -> None:
    one = request_id(ModelRequest(None, (EmbedTexts(("a", "b")),)), "e")

    assert one != request_id(ModelRequest(None, (EmbedTexts(("b", "a")),)), "e")
    assert one == request_id(ModelRequest(None, (EmbedTexts(("a", "b")),)), "e")


def test_the_id_names_the_work() -> None:
    """Equal work, equal id; another image, query or engine, another id."""
    one = request_id(request(Ground(("cat",))), "engine")

    assert one == request_id(request(Ground(("cat",))), "engine")
    others = {
        request_id(request(Ground(("dog",))), "engine"),
        request_id(request(Ground(("cat",), mode="joined")), "engine"),
        request_id(request(Ground(("cat",), tiling=Tiling(512))), "engine"),
        request_id(request(Ground(("cat",)), url="http://images.example/2.png"), "engine"),
        request_id(request(Ground(("cat",))), "other engine"),
        request_id(request(Ground(("cat",), model="florence-2-large")), "engine"),
    }
    assert one not in others
    assert len(others) == 6


def test_the_id_without_a_named_model_is_what_it_was() -> None:
    """Work that is queued or answered when several models become possible keeps its name."""
    boxes = Ground(("cat",), tiling=Tiling())
    asked = request(
        boxes,
        Classify(("a", "b")),
        PerBox(boxes, "outline"),
        ReadText(),
        Caption(),
        InBox(Box(0, 0, 9, 9), "text"),
    )

    assert (
        request_id(asked, "engine")
        == "6f9bb4179c8e305d09ec747e238885ff810871f9c5b359aac8974af1f7ab2b0f"
    )
    assert encode_query(PerBox(boxes, "outline")) == (
        '{"ask": "outline", "boxes": {"phrases": ["cat"], "tiling": {}}, "type": "PerBox"}'
    )


def test_outputs_of_two_models_are_kept_apart() -> None:
    """The text of the query names the output in the cache."""
    assert encode_query(Caption(model="florence-2-large")) != encode_query(Caption())


def test_a_request_from_before_tiling_is_still_read() -> None:
    """Jobs that wait in the queue outlive an upgrade."""
    image = encode_request(request(Detect()))["image"]
    old = {"image": image, "queries": [{"type": "Ground", "phrases": ["cat"], "mode": "joined"}]}

    assert decode_request(old).queries == (Ground(("cat",), mode="joined"),)


def test_the_id_ignores_a_signature() -> None:
    """A re-signed URL is the same image."""
    ids = {
        request_id(
            request(Detect(), url=f"https://images.example/1.png?X-Amz-Signature={signature}"), "e"
        )
        for signature in ("a", "b")
    }

    assert len(ids) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"type": "Ground", "phrases": ["cat"], "later": 1},
        {"type": "Ground", "phrases": ["cat"], "tiling": {"later": 1}},
        {
            "type": "PerBox",
            "boxes": {"type": "Ground", "phrases": ["a"], "later": 1},
            "ask": "text",
        },
        {"type": "Later", "phrases": ["cat"]},
    ],
)
def test_what_a_later_version_asks_is_refused_and_not_half_understood(query: Any) -> None:
    """A field left out would be answered otherwise, under the name of what was asked."""
    image = encode_request(ModelRequest(parse_image_ref("http://h/a.png", task_id=1), (Detect(),)))[
        "image"
    ]

    with pytest.raises(InternalError, match="the same version of Firstpass"):
        decode_request({"image": image, "queries": [query]})
