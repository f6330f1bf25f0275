"""Queries about each box that another query finds: which boxes, and the answers put together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.clip.crops import large_enough
from models.outlines import fitting
from models.queries import InBox, PerBox, Query
from models.types import (
    BoxOutput,
    BoxOutputs,
    Detection,
    Detections,
    Hits,
    ModelOutput,
    Vectors,
)

__all__ = ["asked_first", "boxes_asked", "collected", "questions"]


def asked_first(queries: Sequence[Query]) -> tuple[Query, ...]:
    """Gives the queries that stand by themselves, once each: a `PerBox` stands on its boxes.

    >>> from models.queries import Ground
    >>> asked_first([PerBox(Ground(("car",)), "text"), Ground(("car",))])
    (Ground(model=None, phrases=('car',), mode='per_phrase', tiling=None),)
    """
    return tuple(
        dict.fromkeys(query.boxes if isinstance(query, PerBox) else query for query in queries)
    )


def questions(boxes: Mapping[PerBox, Detections]) -> tuple[InBox, ...]:
    """Gives what to ask of each box, once; `boxes` are the tidy outputs of each query's own boxes."""
    asked = (
        query.question(detection.box)
        for query, found in boxes.items()
        for detection in boxes_asked(query, found)
    )
    return tuple(dict.fromkeys(asked))


def boxes_asked(query: PerBox, found: Detections) -> list[Detection]:
    """Gives the detections that are asked about, best first.

    To CLIP a box of a few pixels shows nothing, so the smallest are left out where CLIP is asked.
    """
    return [
        detection
        for detection in _sure_enough(query, found)[: query.limit]
        if isinstance(query.ask, str) or large_enough(detection.box)
    ]


def collected(query: PerBox, found: Detections, answers: Mapping[Query, ModelOutput]) -> BoxOutputs:
    """Gives the answers to `questions` beside their boxes. Outlines that fit no box are left empty."""
    items = []
    for detection in boxes_asked(query, found):
        output = answers[query.question(detection.box)]
        if isinstance(output, BoxOutputs | Vectors | Hits):
            raise TypeError("expected an answer about one box, got one about several")
        if isinstance(output, Detections):
            output = fitting(detection.box, output)
        items.append(BoxOutput(detection, output))
    return BoxOutputs(tuple(items), max(0, len(_sure_enough(query, found)) - query.limit))


def _sure_enough(query: PerBox, found: Detections) -> list[Detection]:
    return [each for each in found.items if (each.score or 0.0) >= query.least_score]
