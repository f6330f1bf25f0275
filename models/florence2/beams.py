"""Beam search by transformers, with the scores that greedy decoding has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.modeling_outputs import BaseModelOutput

from models.florence2.decoding import DecodeRules, allowed, answer_of
from models.florence2.parsing import Answer

__all__ = ["NeverWritten", "decode_with_beams"]

#: Tokens read again at once: each holds a vocabulary of numbers.
_TOKENS_AT_ONCE = 2048


@torch.inference_mode()
def decode_with_beams(
    model: Any, encoded: Tensor, mask: Tensor, rules: DecodeRules, *, beams: int
) -> list[Answer]:
    """Gives one answer for each row of an encoder's output: the best of so many beams.

    `encoded` and `mask` as for `decode_greedily`. Of the rules, stopping by majority does not hold: beams stop
    where the whole answer is likeliest. What repeats is cut off only when it is written.
    """
    never = torch.tensor(rules.never, dtype=torch.long, device=encoded.device)
    sequences = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
        attention_mask=mask,
        decoder_input_ids=torch.tensor([rules.prefix] * len(encoded), device=encoded.device),
        generation_config=_settings(model, rules, beams),
        logits_processor=LogitsProcessorList([NeverWritten(never)]),
    )
    written = [_cut(tokens, rules) for tokens in sequences[:, len(rules.prefix) :].tolist()]
    return [
        answer_of(tokens, log_probs, rules, truncated=len(tokens) == rules.max_new_tokens)
        for tokens, log_probs in zip(
            written, _log_probs(model, encoded, mask, rules, written, never), strict=True
        )
    ]


def _cut(tokens: list[int], rules: DecodeRules) -> list[int]:
    """Gives what was written before the end, and no more than may be."""
    if rules.stop in tokens:
        tokens = tokens[: tokens.index(rules.stop)]
    return tokens[: rules.max_new_tokens]


class NeverWritten(LogitsProcessor):
    """Leaves the ids out that no answer holds, as greedy decoding does: the others share what they had."""

    def __init__(self, never: Tensor) -> None:
        self._never = never

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return allowed(scores, self._never)


def _settings(model: Any, rules: DecodeRules, beams: int) -> GenerationConfig:
    return GenerationConfig(  # type: ignore[no-untyped-call]
        num_beams=beams,
        do_sample=False,
        early_stopping=True,
        # One more than an answer may have: checkpoints that force a stop at the very end would
        # otherwise hide that an answer is truncated.
        max_new_tokens=rules.max_new_tokens + 1,
        min_new_tokens=rules.min_new_tokens or None,
        no_repeat_ngram_size=rules.no_repeat_ngram,
        eos_token_id=rules.stop,
        pad_token_id=model.config.text_config.pad_token_id,
    )


def _log_probs(
    model: Any,
    encoded: Tensor,
    mask: Tensor,
    rules: DecodeRules,
    written: Sequence[Sequence[int]],
    never: Tensor,
) -> Iterator[Tensor]:
    """Gives, row by row, one distribution for the place of each token, shape (tokens, vocabulary).

    Read in one pass over finished answers: what `generate` would keep of every step of every beam is
    a vocabulary's worth of numbers each. Some rows at a time, for the same reason.
    """
    pad = model.config.text_config.pad_token_id
    longest = max(map(len, written), default=0) + len(rules.prefix)
    at_once = max(1, _TOKENS_AT_ONCE // longest)
    for start in range(0, len(written), at_once):
        some = slice(start, start + at_once)
        rows = [[*rules.prefix, *tokens] for tokens in written[some]]
        # What comes after a token has no part in what is thought of it.
        padded = [[*row, *[pad] * (longest - len(row))] for row in rows]
        logits = model(
            decoder_input_ids=torch.tensor(padded, device=encoded.device),
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded[some]),
            attention_mask=mask[some],
            use_cache=False,
        ).logits
        for row, its_logits in zip(rows, logits, strict=True):
            yield allowed(its_logits[len(rules.prefix) - 1 : len(row) - 1], never)
