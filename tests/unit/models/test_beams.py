"""Beam search as an option of the engine, and answers of one forced length."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import GenerationConfig
from transformers.modeling_outputs import BaseModelOutput

from models.answering import Overrides
from models.florence2.beams import decode_with_beams
from models.florence2.decoding import DecodeRules, decode_greedily
from models.florence2.engine import Ask, FlorenceEngine, FlorenceOptions
from models.florence2.parsing import Answer
from models.prompts import AnswerKind, Prompt
from models.registry import REGISTRY, asked_otherwise
from models.runtime import LoadedRuntime
from models.tiny.scenes import Scene
from tests.engines import florence_of

PROMPTS = (
    Prompt("Locate the objects with category name in the image.", AnswerKind.BOXES),
    Prompt("What does the image describe?", AnswerKind.TEXT),
)


def engine(
    tiny: LoadedRuntime, *, min_new_tokens: int = 0, overrides: Overrides | None = None
) -> FlorenceEngine:
    """The bundled model, asked otherwise."""
    loaded = florence_of(tiny)
    return FlorenceEngine(
        loaded._model,
        loaded._tokenizer,
        loaded._image_processor,
        FlorenceOptions(min_new_tokens=min_new_tokens),
        asked_otherwise(REGISTRY["tiny-florence2"], overrides).answering,
    )


def answers(asked: FlorenceEngine, scenes: tuple[Scene, ...]) -> list[Answer]:
    asks = [Ask(scene.image, str(scene), prompt) for scene in scenes for prompt in PROMPTS]
    return asked.ask(asks)


def encoded(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> tuple[Any, torch.Tensor, torch.Tensor, DecodeRules]:
    """The model, what its encoder made of two prompts about a scene, their mask, and plain rules."""
    asked = engine(tiny)
    model: Any = asked._model
    asks = [Ask(scenes[0].image, "one", prompt) for prompt in PROMPTS]
    features = asked._features(asks)["one"]
    with torch.inference_mode():
        rows = [(features, asked._prompt_ids(prompt)) for prompt in PROMPTS]
        embeds, mask = asked._embed(rows)
        encoder = model.model.language_model.get_encoder()
        hidden = encoder(inputs_embeds=embeds, attention_mask=mask).last_hidden_state
    first = asked.vocabulary.first_location
    return model, hidden, mask, DecodeRules((2, 0), 2, first, max_new_tokens=40)


def test_beams_give_the_tokens_and_scores_of_generate(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    model, hidden, mask, rules = encoded(tiny, scenes)
    theirs = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
        attention_mask=mask,
        decoder_input_ids=torch.tensor([rules.prefix] * 2),
        max_new_tokens=41,
        num_beams=3,
        early_stopping=True,
        output_scores=True,
        return_dict_in_generate=True,
    )
    scores = model.compute_transition_scores(
        theirs.sequences, theirs.scores, theirs.beam_indices, normalize_logits=False
    )

    for row, answer in enumerate(decode_with_beams(model, hidden, mask, rules, beams=3)):
        count = len(answer.tokens)
        assert count == len(answer.stop_log_probs) == len(answer.near) > 0
        assert theirs.sequences[row, 2 : 2 + count].tolist() == list(answer.tokens)
        assert list(answer.token_log_probs) == pytest.approx(scores[row, :count].tolist(), abs=1e-3)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("length_penalty", [1.0, 2.0])
def test_repeats_are_banned_and_answers_weighed_as_the_reference_does(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], beams: int, length_penalty: float
) -> None:
    """A head that loves six places; the reference is `generate` with the hub's generation config."""
    model, hidden, mask, rules = encoded(tiny, scenes)
    bias = torch.zeros(model.config.text_config.vocab_size)
    bias[rules.first_location + torch.arange(100, 700, 100)] = 12.0
    bias[rules.stop] = -2.0
    own = model.generation_config
    model.generation_config = GenerationConfig(
        bos_token_id=0, decoder_start_token_id=2, eos_token_id=2, forced_bos_token_id=0, pad_token_id=1,
        num_beams=beams, no_repeat_ngram_size=3, early_stopping=beams > 1, length_penalty=length_penalty,
    )  # fmt: skip
    hook = model.lm_head.register_forward_hook(lambda module, given, logits: logits / 4 + bias)
    try:
        theirs = model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
            attention_mask=mask,
            max_new_tokens=32,
        )
        ours = decode_with_beams(
            model, hidden, mask, replace(rules, max_new_tokens=30, no_repeat_ngram=3), beams=beams
        )
    finally:
        hook.remove()
        model.generation_config = own

    written = [[token for token in row[2:32] if token not in (1, 2)] for row in theirs.tolist()]
    assert [list(answer.tokens) for answer in ours] == written
    assert any(len(row) > 10 for row in written)


def test_one_beam_answers_as_greedy_decoding(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    model, hidden, mask, rules = encoded(tiny, scenes)

    greedy = decode_greedily(model, hidden, mask, rules)
    for one, other in zip(
        greedy, decode_with_beams(model, hidden, mask, rules, beams=1), strict=True
    ):
        assert one.tokens == other.tokens
        assert one.truncated == other.truncated
        assert list(one.stop_log_probs) == pytest.approx(other.stop_log_probs, abs=1e-3)


def test_three_beams_are_no_less_likely_than_one(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    one, three = (
        answers(engine(tiny), scenes[:2]),
        answers(engine(tiny, overrides=Overrides(num_beams=3)), scenes[:2]),
    )

    captions = zip(one[1::2], three[1::2], strict=True)
    for greedy, beam in captions:
        assert sum(beam.token_log_probs) >= sum(greedy.token_log_probs) - 0.05


def test_answers_can_be_given_one_length(tiny: LoadedRuntime, scenes: tuple[Scene, ...]) -> None:
    for beams in (1, 2):
        asked = engine(tiny, min_new_tokens=19, overrides=Overrides(beams, max_new_tokens=19))
        for answer in answers(asked, scenes[:2]):
            assert len(answer.tokens) == 19
            assert answer.truncated


def test_a_beam_that_does_not_end_is_truncated(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    model, hidden, mask, rules = encoded(tiny, scenes)
    for answer in decode_with_beams(model, hidden, mask, replace(rules, max_new_tokens=2), beams=2):
        assert answer.truncated == (len(answer.tokens) == 2)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_model_that_would_write_a_mark_for_ever_answers_as_if_it_had_none(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], beams: int
) -> None:
    """Florence-2-large puts nearly all on `<s>` wherever it may; boxes and scores are the others' shares."""
    plainly = answers(engine(tiny, overrides=Overrides(beams)), scenes[:2])
    head = florence_of(tiny)._model.lm_head

    def prefer_the_mark(module: Any, given: Any, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_fill(-1, torch.tensor([0]), 50.0)

    hook = head.register_forward_hook(prefer_the_mark)
    try:
        marked = answers(engine(tiny, overrides=Overrides(beams)), scenes[:2])
    finally:
        hook.remove()

    assert [answer.tokens for answer in marked] == [answer.tokens for answer in plainly]
    for one, other in zip(marked, plainly, strict=True):
        assert list(one.token_log_probs) == pytest.approx(other.token_log_probs, abs=1e-3)
        assert list(one.stop_log_probs) == pytest.approx(other.stop_log_probs, abs=1e-2)
