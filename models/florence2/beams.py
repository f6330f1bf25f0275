"""Beam search by transformers, with the scores that greedy decoding has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.modeling_outputs import BaseModelOutput

from models.florence2.decoding import DecodeRules, allowed, answer_of
from models.florence2.parsing import Answer

__all__ = ["NeverWritten", "decode_with_beams"]


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
    written = sequences[:, len(rules.prefix) :].tolist()
    answers = []
    for number, tokens in enumerate(written):
        if rules.stop in tokens:
            tokens = tokens[: tokens.index(rules.stop)]
        tokens = tokens[: rules.max_new_tokens]
        row = slice(number, number + 1)
        log_probs = _log_probs(model, encoded[row], mask[row], rules, tokens, never)
        truncated = len(tokens) == rules.max_new_tokens
        answers.append(answer_of(tokens, log_probs, rules, truncated=truncated))
    return answers


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
    tokens: list[int],
    never: Tensor,
) -> Tensor:
    """Gives one distribution for the place of each token, shape (tokens, vocabulary).

    Read in one pass over the finished answer, row by row: what `generate` would keep of every step
    of every beam is a vocabulary's worth of numbers each.
    """
    logits = model(
        decoder_input_ids=torch.tensor([[*rules.prefix, *tokens]], device=encoded.device),
        encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
        attention_mask=mask,
        use_cache=False,
    ).logits[0, len(rules.prefix) - 1 : -1]
    return allowed(logits, never)
