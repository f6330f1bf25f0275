"""Phrases -> vectors to be compared with those of images, asked of whoever answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.delivery.pipeline import TICK_S, WindowLike
from backend.errors import BadRequest, Failure
from backend.learning.evidence import FloatArray
from backend.prediction.engine import Engine
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, request_id
from models.clip.prompts import filled
from models.queries import MAX_PHRASE_CHARS, MAX_PHRASES, EmbedTexts
from models.registry import asked_of
from models.types import Vectors

__all__ = ["mean_vector", "phrase_vectors"]


def phrase_vectors(
    phrases: Sequence[str], engine: Engine, window: WindowLike
) -> dict[str, FloatArray]:
    """A vector of length 1 for each phrase, as the classifier makes them: the mean of its templates.

    Raises `BadRequest` where a phrase cannot be read.
    """
    entry = next(one for one in asked_of(engine.entries, None) if EmbedTexts in one.queries)
    put = {phrase: _put(phrase, entry.templates) for phrase in phrases}
    vectors = _vectors(
        list(dict.fromkeys(text for texts in put.values() for text in texts)),
        window,
        engine.fingerprint,
    )
    return {phrase: mean_vector([vectors[text] for text in texts]) for phrase, texts in put.items()}


def mean_vector(vectors: Sequence[FloatArray]) -> FloatArray:
    """The mean of vectors made 1 long each, made 1 long."""
    mean = np.mean([one / max(float(np.linalg.norm(one)), 1e-9) for one in vectors], axis=0)
    found: FloatArray = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    return found


def _put(phrase: str, templates: Sequence[str]) -> list[str]:
    """The texts that a phrase becomes, as far as they may be asked."""
    texts = [text for text in filled(phrase, templates) if len(text) <= MAX_PHRASE_CHARS]
    return texts or [phrase]


def _vectors(texts: list[str], window: WindowLike, fingerprint: str) -> dict[str, FloatArray]:
    chunks = [texts[start : start + MAX_PHRASES] for start in range(0, len(texts), MAX_PHRASES)]
    requests = [ModelRequest(None, (EmbedTexts(tuple(chunk)),)) for chunk in chunks]
    jobs = {
        request_id(request, fingerprint): chunk
        for request, chunk in zip(requests, chunks, strict=True)
    }
    window.add({request_id(request, fingerprint): request for request in requests})
    found: dict[str, FloatArray] = {}
    while jobs:
        for job, outcome in window.collect(TICK_S).items():
            if not isinstance(outcome, Answer) or not isinstance(outcome.outputs[0], Vectors):
                said = outcome.message if isinstance(outcome, Failure) else "no vectors came"
                raise BadRequest(f"the texts cannot be compared with images: {said}")
            chunk = jobs.pop(job)
            for text, vector in zip(chunk, outcome.outputs[0].items, strict=True):
                found[text] = np.array(vector.values, np.float32)
    return found
