"""Decoding against `generate` of transformers, and the batch against the single row."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from transformers import (
    Florence2Config,
    Florence2ForConditionalGeneration,
    NoRepeatNGramLogitsProcessor,
)
from transformers.modeling_outputs import BaseModelOutput

from models.catalogue import REGISTRY, TINY_FOLDER
from models.checkpoint import load_model
from models.florence2.decoding import DecodeRules, Repeats, decode_greedily
from models.florence2.parsing import WIDTHS, Answer
from models.florence2.rules import _PLACES
from models.prompts import AnswerKind

RULES = DecodeRules(prefix=(2, 0), stop=2, first_location=591, max_new_tokens=40)
PROMPT = [0, 456, 449, 435, 320, 286, 323, 17, 2]


@pytest.fixture(scope="module")
def model() -> Any:
    entry = REGISTRY["tiny-florence2"]
    folder, cpu = TINY_FOLDER / "florence2", torch.device("cpu")
    return load_model(
        Florence2ForConditionalGeneration, entry, folder, device=cpu, dtype="float32"
    ).eval()


@pytest.fixture(scope="module")
def embedded(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Four rows of image tokens and prompts of unlike lengths, with their mask."""
    torch.manual_seed(0)
    with torch.inference_mode():
        images = model.get_image_features(torch.randn(4, 3, 160, 160)).pooler_output
        ids = torch.full((4, len(PROMPT)), 1)
        mask = torch.zeros(4, images.shape[1] + len(PROMPT), dtype=torch.long)
        for row, length in enumerate((9, 5, 7, 3)):
            ids[row, :length] = torch.tensor([*PROMPT[: length - 1], 2])
            mask[row, : images.shape[1] + length] = 1
        return torch.cat([images, model.get_input_embeddings()(ids)], 1), mask


def encode(model: Any, embeds: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        encoder = model.model.language_model.get_encoder()
        hidden: torch.Tensor = encoder(inputs_embeds=embeds, attention_mask=mask).last_hidden_state
        return hidden


def test_greedy_tokens_and_scores_are_those_of_generate(
    model: Any, embedded: tuple[torch.Tensor, torch.Tensor]
) -> None:
    embeds, mask = embedded
    hidden = encode(model, embeds, mask)
    theirs = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
        attention_mask=mask,
        max_new_tokens=41,
        output_scores=True,
        return_dict_in_generate=True,
    )
    likelihoods = model.compute_transition_scores(
        theirs.sequences, theirs.scores, normalize_logits=True
    )

    ours = decode_greedily(model, hidden, mask, RULES)

    for row, answer in enumerate(ours):
        tokens = theirs.sequences[row, 2 : 2 + len(answer.tokens)].tolist()
        assert list(answer.tokens) == tokens
        after = theirs.sequences[row, 2 + len(tokens) :].tolist()
        assert answer.truncated == (not after)
        scores = likelihoods[row, 1 : 1 + len(tokens)].tolist()
        assert list(answer.token_log_probs) == pytest.approx(scores, abs=1e-4)


def test_a_row_answers_in_a_batch_as_alone(
    model: Any, embedded: tuple[torch.Tensor, torch.Tensor]
) -> None:
    embeds, mask = embedded
    together = decode_greedily(model, encode(model, embeds, mask), mask, RULES)

    for row, answer in enumerate(together):
        length = int(mask[row].sum())
        one, shown = embeds[row : row + 1, :length], mask[row : row + 1, :length]
        (alone,) = decode_greedily(model, encode(model, one, shown), shown, RULES)
        _same(alone, answer)


def test_what_is_kept_of_a_location_grows_with_the_distance(
    model: Any, embedded: tuple[torch.Tensor, torch.Tensor]
) -> None:
    embeds, mask = embedded

    for answer in decode_greedily(model, encode(model, embeds, mask), mask, RULES):
        for token, near in zip(answer.tokens, answer.near, strict=True):
            assert len(near) == (len(WIDTHS) if 591 <= token < 1591 else 0)
            assert list(near) == pytest.approx(sorted(near), abs=1e-4)


class _Scripted:
    """Writes the same distribution at every step; stands in for a model with 20 words and 1000 places."""

    def __init__(self, likely: dict[int, float]) -> None:
        self.logits = torch.full((1020,), -40.0)
        for token, probability in likely.items():
            self.logits[token] = math.log(probability)

    def __call__(self, *, decoder_input_ids: torch.Tensor, **_: Any) -> Any:
        rows = decoder_input_ids.shape[0]
        return type("Output", (), {"logits": self.logits.expand(rows, 1, 1020)})


def scripted(likely: dict[int, float], **rules: Any) -> Answer:
    given = DecodeRules(prefix=(0,), stop=2, first_location=20, max_new_tokens=6, **rules)
    (answer,) = decode_greedily(_Scripted(likely), torch.zeros(1, 1, 4), torch.ones(1, 1), given)
    return answer


def test_an_answer_that_never_stops_is_marked_truncated() -> None:
    assert scripted({5: 0.9, 2: 0.1}).truncated
    assert not scripted({2: 0.9, 5: 0.1}).truncated


def test_stopping_needs_the_majority_where_places_share_theirs() -> None:
    likely = {2: 0.4, 5: 0.3, 6: 0.3}

    assert scripted(likely).tokens == ()
    assert scripted(likely, stop_by_majority=True).tokens == (5,) * 6
    assert scripted({2: 0.6, 5: 0.4}, stop_by_majority=True).tokens == ()


def test_places_together_outweigh_a_word_that_is_likelier_than_each() -> None:
    likely = {5: 0.4, 24: 0.2, 25: 0.25, 26: 0.15}

    assert scripted(likely).tokens[0] == 5
    assert scripted(likely, stop_by_majority=True).tokens[0] == 25
    assert scripted({5: 0.6, 25: 0.4}, stop_by_majority=True).tokens[0] == 5


def test_no_run_of_tokens_is_written_twice_where_that_is_the_rule() -> None:
    answer = scripted({5: 0.6, 6: 0.3, 7: 0.1}, no_repeat_ngram=2)

    pairs = list(zip(answer.tokens, answer.tokens[1:], strict=False))
    assert len(pairs) == len(set(pairs))


def test_a_box_written_again_and_again_ends_the_answer() -> None:
    rules = DecodeRules(
        prefix=(0,), stop=2, first_location=20, max_new_tokens=60, repeats=Repeats(4, 4)
    )
    (answer,) = decode_greedily(_Scripted({25: 1.0}), torch.zeros(1, 1, 4), torch.ones(1, 1), rules)

    assert len(answer.tokens) == 12
    assert not answer.truncated


START, STOP = 0, 2


@pytest.mark.parametrize("kind", list(AnswerKind))
def test_a_mark_that_the_model_would_write_for_ever_is_never_written(kind: AnswerKind) -> None:
    """Florence-2-large writes `<s>` wherever it may; what is left is decided by the others' shares."""
    likely = {START: 0.97, 5: 0.01, 25: 0.02}

    answer = scripted(likely, never=(START,), repeats=_PLACES[kind])

    assert START not in answer.tokens
    assert answer.tokens
    assert answer.token_log_probs[0] == pytest.approx(math.log(2 / 3), abs=1e-3)


def test_a_model_that_prefers_a_mark_to_stopping_stops() -> None:
    assert scripted({START: 0.97, STOP: 0.02, 5: 0.01}, never=(START,)).tokens == ()


def test_the_ban_of_repeats_counts_the_prefix_as_transformers_does() -> None:
    """After `</s> <s>` the model may write `<s> <s>` at most; ours writes none, theirs that."""
    model = _Scripted({START: 0.9, 5: 0.1})
    rules = DecodeRules((2, START), STOP, 20, max_new_tokens=6, no_repeat_ngram=3)

    (answer,) = decode_greedily(model, torch.zeros(1, 1, 4), torch.ones(1, 1), rules)

    ids, scores = torch.tensor([[2, START]]), model.logits[None].log_softmax(-1)
    theirs = NoRepeatNGramLogitsProcessor(3)
    for _ in range(6):
        chosen = theirs(ids, scores.clone()).argmax(-1, keepdim=True)
        ids = torch.cat([ids, chosen], 1)
    assert list(answer.tokens) == ids[0, 2:].tolist()
    assert answer.tokens[:2] == (START, START)


@pytest.mark.parametrize(
    ("kind", "most"), [(AnswerKind.BOXES, 12), (AnswerKind.QUADS, 24), (AnswerKind.POLYGONS, 10)]
)
def test_an_answer_that_writes_one_place_for_ever_ends(kind: AnswerKind, most: int) -> None:
    rules = DecodeRules((0,), STOP, 20, max_new_tokens=900, repeats=_PLACES[kind])
    (answer,) = decode_greedily(_Scripted({25: 1.0}), torch.zeros(1, 1, 4), torch.ones(1, 1), rules)

    assert len(answer.tokens) == most
    assert not answer.truncated


@pytest.mark.weights
def test_a_row_answers_in_a_batch_as_alone_at_the_real_size() -> None:
    """Random numbers in a model of Florence-2-base's size; slow, so out of the default run."""
    torch.manual_seed(0)
    model: Any = Florence2ForConditionalGeneration(Florence2Config()).eval()
    text = model.config.text_config
    rules = DecodeRules((2, 0), text.eos_token_id, text.vocab_size - 1001, max_new_tokens=6)
    with torch.inference_mode():
        images = model.get_image_features(torch.randn(2, 3, 768, 768)).pooler_output
        texts = model.get_input_embeddings()(torch.randint(3, 1000, (2, 8)))
    embeds = torch.cat([images, texts], 1)
    mask = torch.ones(embeds.shape[:2], dtype=torch.long)
    mask[1, -4:] = 0
    together = decode_greedily(model, encode(model, embeds, mask), mask, rules)

    short = embeds[1:, :-4]
    (alone,) = decode_greedily(model, encode(model, short, mask[1:, :-4]), mask[1:, :-4], rules)
    _same(alone, together[1])


def _same(alone: Answer, in_batch: Answer) -> None:
    assert alone.tokens == in_batch.tokens
    assert alone.truncated == in_batch.truncated
    assert list(alone.token_log_probs) == pytest.approx(in_batch.token_log_probs, abs=1e-3)
    assert list(alone.stop_log_probs) == pytest.approx(in_batch.stop_log_probs, abs=1e-2)
