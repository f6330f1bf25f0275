"""Greedy decoding that keeps what scores need and stops paying for answers that have ended.

`generate(output_scores=True)` would hold a vocabulary's worth of numbers for every token of every
row (20 GB for 100 rows of 1,000 tokens), and would carry the rows that have ended to the last step.
Here a dozen numbers are kept for each token, and ended rows leave the batch: most labels of a label set
are absent from an image and end at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from models.florence2.parsing import WIDTHS, Answer

__all__ = ["DecodeRules", "Repeats", "allowed", "answer_of", "decode_greedily"]


@dataclass(frozen=True, slots=True)
class Repeats:
    """When an answer goes round in circles: the same place, to the bin, is written `times` times."""

    #: Bins of a place, and how many bins on the next one may begin.
    bins: int
    stride: int
    times: int = 3


@dataclass(frozen=True, slots=True)
class DecodeRules:
    """Ids that steer decoding, and its limits."""

    #: What the decoder is given to begin with.
    prefix: tuple[int, ...]
    stop: int
    #: Id of `<loc_0>`; the other 999 follow it.
    first_location: int
    max_new_tokens: int
    #: No answer stops before so many, so that a benchmark can give all of them one length.
    min_new_tokens: int = 0
    #: Ids that are never written; what the model thinks likely is its opinion of the others.
    never: tuple[int, ...] = ()
    #: No run of so many tokens is written twice, the prefix counted; 0 for no such rule.
    no_repeat_ngram: int = 0
    #: Stop where stopping is likelier than all else together, not merely than any one token: a place
    #: is one of many near ones that share its probability. Likewise, of places and words the kind that
    #: is likelier as a whole: another box of this phrase, or the next phrase.
    stop_by_majority: bool = False
    #: End an answer that writes the same place again and again.
    repeats: Repeats | None = None


@dataclass(slots=True)
class _Row:
    tokens: list[int] = field(default_factory=list)
    token_log_probs: list[float] = field(default_factory=list)
    near: list[tuple[float, ...]] = field(default_factory=list)
    stop_log_probs: list[float] = field(default_factory=list)
    run_of_bins: list[int] = field(default_factory=list)
    places: Counter[tuple[int, ...]] = field(default_factory=Counter)
    #: What was written after each run of one token less than may not repeat.
    followed: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def add(self, token: int, figures: Sequence[float], rules: DecodeRules) -> bool:
        """Takes a token and its figures (see `_figures`); says whether to go on."""
        own, stop, *near = figures
        self.tokens.append(token)
        self.token_log_probs.append(own)
        self.stop_log_probs.append(stop)
        if not 0 <= token - rules.first_location < 1000:
            self.near.append(())
            self.run_of_bins = []
            return True
        self.near.append(tuple(near))
        self.run_of_bins.append(token)
        return rules.repeats is None or not self._repeats(rules.repeats)

    def _repeats(self, rule: Repeats) -> bool:
        after = len(self.run_of_bins) - rule.bins
        if after < 0 or after % rule.stride:
            return False
        place = tuple(self.run_of_bins[-rule.bins :])
        self.places[place] += 1
        return self.places[place] >= rule.times

    def banned(self, rules: DecodeRules) -> Sequence[int]:
        """Gives the tokens that would write a run of `no_repeat_ngram` tokens again.

        As transformers does it: the prefix counts.
        """
        length = rules.no_repeat_ngram
        if length < 2:
            return ()
        written = (
            [*rules.prefix, *self.tokens[-length:]] if len(self.tokens) < length else self.tokens
        )
        before, newest = tuple(written[-length:-1]), written[-1]
        if len(before) == length - 1:
            self.followed.setdefault(before, []).append(newest)
        return self.followed.get(tuple(written[1 - length :]), ())

    def answer(self, *, truncated: bool) -> Answer:
        return Answer(
            tuple(self.tokens),
            tuple(self.token_log_probs),
            tuple(self.stop_log_probs),
            tuple(self.near),
            truncated,
        )


@torch.inference_mode()
def decode_greedily(model: Any, encoded: Tensor, mask: Tensor, rules: DecodeRules) -> list[Answer]:
    """Gives one answer for each row of an encoder's output.

    `encoded`: shape (rows, tokens, width), in the model's dtype; `mask`: shape (rows, tokens), 1 where
    a token counts. A row still going after `rules.max_new_tokens` is marked truncated.
    """
    rows = [_Row() for _ in range(encoded.shape[0])]
    going = list(range(len(rows)))
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    tokens = torch.tensor([rules.prefix] * len(rows), device=encoded.device)
    never = torch.tensor(rules.never, dtype=torch.long, device=encoded.device)
    for step in range(rules.max_new_tokens):
        logits = model(
            decoder_input_ids=tokens,
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
        log_probs = allowed(logits, never)
        _forbid_repeats(log_probs, [rows[row].banned(rules) for row in going])
        likeliest = _likeliest(log_probs, rules, may_stop=step >= rules.min_new_tokens)
        # Ids are whole numbers that a float32 holds: one transfer for both.
        figures = _figures(log_probs, likeliest, rules)
        figures_and_ids = torch.cat([figures, likeliest[:, None].float()], -1).tolist()
        chosen = [int(row.pop()) for row in figures_and_ids]
        kept = [
            place
            for place, (row, token) in enumerate(zip(going, chosen, strict=True))
            if token != rules.stop and rows[row].add(token, figures_and_ids[place], rules)
        ]
        if not kept:
            going = []
            break
        tokens = torch.tensor([[chosen[place]] for place in kept], device=encoded.device)
        if len(kept) < len(going):
            going = [going[place] for place in kept]
            index = torch.tensor(kept, device=encoded.device)
            cache.batch_select_indices(index)
            encoded, mask = encoded[index], mask[index]
    unfinished = set(going)
    return [row.answer(truncated=number in unfinished) for number, row in enumerate(rows)]


def allowed(logits: Tensor, never: Tensor) -> Tensor:
    """Gives log-probabilities among the ids that may be written, float32, shape as the logits'.

    `never`: the ids that may not. A model that would write one of them all the time still says by the
    others' shares which it prefers.
    """
    return logits.float().index_fill(-1, never, float("-inf")).log_softmax(-1)


def answer_of(
    tokens: Sequence[int], log_probs: Tensor, rules: DecodeRules, *, truncated: bool
) -> Answer:
    """Gives the answer that given tokens are, with what the model thought of each.

    It ends where a place repeats, if that is a rule, and is then not truncated.

    `log_probs`: shape (tokens, vocabulary), float32, one distribution for the place of each token.
    """
    row = _Row()
    chosen = torch.tensor(tokens, dtype=torch.long, device=log_probs.device)
    figures = _figures(log_probs, chosen, rules).tolist()
    for token, its in zip(tokens, figures, strict=True):
        if not row.add(token, its, rules):
            return row.answer(truncated=False)
    return row.answer(truncated=truncated)


def _figures(log_probs: Tensor, chosen: Tensor, rules: DecodeRules) -> Tensor:
    """Gives the figures of each row's token, shape (rows, 2 + widths).

    Those are its own log-probability, that of stopping, and the probability of a location within
    each of `WIDTHS` bins of it (without meaning where the token is no location).
    """
    own = log_probs.gather(1, chosen[:, None])[:, 0]
    places = log_probs[:, rules.first_location : rules.first_location + 1000].exp()
    up_to = torch.cat([torch.zeros_like(places[:, :1]), places.cumsum(-1)], -1)
    place = (chosen - rules.first_location)[:, None]
    widths = torch.tensor(WIDTHS, device=chosen.device)[None]
    high = up_to.gather(1, (place + widths + 1).clamp(0, 1000))
    low = up_to.gather(1, (place - widths).clamp(0, 1000))
    return torch.cat([own[:, None], log_probs[:, rules.stop, None], high - low], -1)


def _likeliest(log_probs: Tensor, rules: DecodeRules, *, may_stop: bool) -> Tensor:
    """Gives each row's token: the likeliest, or what `stop_by_majority` says."""
    if may_stop and not rules.stop_by_majority:
        return log_probs.argmax(-1)
    going_on = log_probs.clone()
    going_on[:, rules.stop] = float("-inf")
    if not rules.stop_by_majority:
        return going_on.argmax(-1)
    stops = (log_probs[:, rules.stop] >= math.log(0.5)) & may_stop
    is_place = torch.zeros(log_probs.shape[1], dtype=torch.bool, device=log_probs.device)
    is_place[rules.first_location : rules.first_location + 1000] = True
    places = going_on.masked_fill(~is_place, float("-inf"))
    words = going_on.masked_fill(is_place, float("-inf"))
    is_box = places.logsumexp(-1) > words.logsumexp(-1)
    best = torch.where(is_box, places.argmax(-1), words.argmax(-1))
    return torch.where(stops, rules.stop, best)


def _forbid_repeats(log_probs: Tensor, banned: Sequence[Sequence[int]]) -> None:
    """Rules out, in place, the tokens that each row may not write next."""
    places = [(row, token) for row, tokens in enumerate(banned) for token in tokens]
    if places:
        rows, tokens = torch.tensor(places, device=log_probs.device).T
        log_probs[rows, tokens] = float("-inf")
