"""Which rules an answer is decoded by: the checkpoint's own, as transformers reads them, but for those named."""

from __future__ import annotations

from typing import Any

from models.answering import Answering
from models.florence2.decoding import DecodeRules, Repeats
from models.florence2.parsing import Vocabulary
from models.prompts import AnswerKind

__all__ = ["beams_of", "rules_of"]

#: What counts as one place written again: a box, a quadrilateral, three points of an outline.
_PLACES = {
    AnswerKind.BOXES: Repeats(bins=4, stride=4),
    AnswerKind.QUADS: Repeats(bins=8, stride=8),
    AnswerKind.POLYGONS: Repeats(bins=6, stride=2),
    AnswerKind.TEXT: None,
}


def rules_of(
    model: Any,
    vocabulary: Vocabulary,
    answering: Answering,
    kind: AnswerKind,
    *,
    limit: int | None = None,
    min_new_tokens: int = 0,
) -> DecodeRules:
    """Gives the rules for an answer of some kind, of at most `limit` tokens.

    With `min_new_tokens`, for benchmarks, nothing else ends an answer.
    """
    text = model.config.text_config
    generation = model.generation_config
    begin = (text.decoder_start_token_id,)
    forced = getattr(generation, "forced_bos_token_id", None)
    prefix = begin if forced is None else (*begin, forced)
    most = min(answering.max_new_tokens, text.max_position_embeddings - len(prefix))
    ngram = getattr(generation, "no_repeat_ngram_size", None) or 0
    if kind is not AnswerKind.TEXT and answering.no_repeat_ngram_of_places is not None:
        ngram = answering.no_repeat_ngram_of_places
    return DecodeRules(
        prefix=prefix,
        stop=text.eos_token_id,
        first_location=vocabulary.first_location,
        max_new_tokens=most if limit is None else min(limit, most),
        min_new_tokens=min_new_tokens,
        never=_never(vocabulary, stop=text.eos_token_id, size=text.vocab_size),
        no_repeat_ngram=ngram,
        stop_by_majority=answering.stop_by_majority and kind is not AnswerKind.TEXT,
        repeats=None if min_new_tokens else _PLACES[kind],
    )


def beams_of(model: Any, answering: Answering) -> int:
    """Gives how many beams are searched; 1 is greedy decoding."""
    if answering.num_beams is not None:
        return answering.num_beams
    return getattr(model.generation_config, "num_beams", None) or 1


def _never(vocabulary: Vocabulary, *, stop: int, size: int) -> tuple[int, ...]:
    """Gives the ids that no answer holds: marks of beginnings, gaps and tasks, and rows without a token.

    Florence-2-large writes `<s>` again and again where it may, and what it has to say after that.
    """
    nameless = range(vocabulary.size or size, size)
    return tuple(sorted({*vocabulary.special, *nameless} - vocabulary.bounds - {stop}))
