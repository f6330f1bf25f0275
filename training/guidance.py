"""The losses of the language stage: of answers, and of where single attention heads look.

Cross-entropy of answers alone does not bind phrases to places in so small a model. So one head each of
some layers is supervised; the others stay free::

    encoder, first layer   a phrase's tokens look at each other: "red" with "circle"
    encoder, last layer    an object's cells look at the phrase that names it, or at the end mark;
                           a phrase's tokens look at the cells of its objects, or at the end mark
    decoder, second layer  what is to be written looks at its object, and at its phrase in the prompt;
                           what was just written looks at its phrase there, too
    decoder, last layer    that phrase known, looks at its next object, or at the end mark if it has
                           no more

Besides, a bilinear form over the encoder's output has to say of every cell which phrase names it, if
any. It makes cells know which phrase they match and not only that they do. It is dropped afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.boxes import BINS
from training.attention import AttentionWatch
from training.batches import Batch
from training.vocabulary import EOS, PAD

__all__ = ["Binding", "LanguageLosses"]

_FAR = -1e9
_PAIR_WIDTH = 64
_ANOTHER_WEIGHT = 1.0


class Binding(nn.Module):
    """Log-probability, for every cell, of each phrase and (last) of none."""

    def __init__(self, width: int) -> None:
        """Takes the width of the encoder's output."""
        super().__init__()
        self.cells = nn.Linear(width, _PAIR_WIDTH)
        self.phrases = nn.Linear(width, _PAIR_WIDTH)
        self.none = nn.Parameter(torch.zeros(_PAIR_WIDTH))

    def forward(self, cells: Tensor, phrases: Tensor, there: Tensor) -> Tensor:
        """Takes (g, cells, width), (g, phrases, width) and which phrases are `there` (g, phrases)."""
        keys = self.phrases(phrases)
        none = self.none.expand(len(keys), 1, -1)
        scores = self.cells(cells) @ torch.cat([keys, none], 1).transpose(1, 2) * _PAIR_WIDTH**-0.5
        missing = torch.cat([~there, torch.zeros_like(there[:, :1])], 1)
        masked: Tensor = scores.masked_fill(missing[:, None], _FAR)
        return masked.log_softmax(-1)


class LanguageLosses:
    """The losses of one batch."""

    def __init__(self, model: Any, first_location: int) -> None:
        """Takes a `Florence2ForConditionalGeneration` and the id of `<loc_0>`."""
        self._model = model
        self._language = model.model.language_model
        self._watch = AttentionWatch(self._language)
        self._first_location = first_location
        self._bins = torch.arange(BINS).float()
        self._last_encoder = f"encoder {len(self._language.encoder.layers) - 1}"
        self._last_decoder = f"decoder {len(self._language.decoder.layers) - 1}"
        self.binding = Binding(self._language.config.d_model)

    def close(self) -> None:
        """Leaves the model as it was."""
        self._watch.close()

    def __call__(
        self, batch: Batch, progress: float, *, bind: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gives the loss and its parts. Unless `bind`, the bilinear form learns from the encoder but
        not the encoder from it, as while it is still untrained.
        """
        words = self._language.shared(batch.prompts)
        given = torch.full_like(batch.answers, PAD)
        given[:, 0] = EOS
        before = batch.answers[:, :-1]
        given[:, 1:] = torch.where(before < 0, PAD, before)
        output = self._model.model(
            inputs_embeds=torch.cat([batch.image_tokens, words], 1),
            attention_mask=batch.mask,
            decoder_input_ids=given,
            use_cache=False,
        )
        text, place, figures = self._answers(batch, output.last_hidden_state, progress)
        looks = self._decoder_attention(batch)
        pairs = {}
        if len(batch.grounded):
            looks |= self._encoder_attention(batch)
            encoded = output.encoder_last_hidden_state
            pairs = self._pairs(batch, encoded if bind else encoded.detach())
        weights = {"write": 0.3, "copy": 0.2, "amid": 0.2, "next or none": 0.4}
        weights |= {"cell to phrase": 0.3, "phrase to cell": 0.3, "compose": 0.15}
        guided = sum((weights[name] * value for name, value in looks.items()), text.new_zeros(()))
        fading = 1.0 if progress < 0.5 else max(0.4, 1 - 1.2 * (progress - 0.5))
        loss = 1.2 * text + 0.6 * place + fading * guided
        if pairs:
            loss = loss + 0.4 * fading * pairs["pair"]
        return loss, {"text": text, "place": place, **looks, **pairs, **figures}

    def _answers(
        self, batch: Batch, hidden: Tensor, progress: float
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Gives the loss of words and marks, of locations, and how often the answers are right.

        A location's target is a bell over its neighbours that narrows as training goes on. The first
        decision (stop or go on) counts twice, and a later stop little at first. To go on with another
        box is a decision as much as to stop, and is weighed with the words: among a box's four
        locations it would count for so little that the model stops at one box of several.
        """
        answers = batch.answers
        valid = answers >= 0
        valid[:, 0] = False
        weights = torch.ones(answers.shape)
        weights[:, 2:][answers[:, 2:] == EOS] = 0.5 if progress < 0.4 else 1.0
        weights[:, 1] = 2.0
        log_probs = self._model.lm_head(hidden[valid]).log_softmax(-1)
        targets, weights = answers[valid], weights[valid]
        located = targets >= self._first_location
        wanted = (targets[located] - self._first_location).float()[:, None]
        spread = 5 * (1 - progress) + 2.5 * progress
        bell = torch.exp(-0.5 * ((self._bins - wanted) / spread) ** 2)
        bell = bell / bell.sum(1, keepdim=True)
        locations = log_probs[located][:, self._first_location : self._first_location + BINS]
        spare = (bell * bell.clamp_min(1e-9).log()).sum(1)
        place = (spare - (bell * locations).sum(1)).sum() / max(1, len(locations))
        missed = functional.nll_loss(log_probs[~located], targets[~located], reduction="none")
        goes_on = batch.another[valid][located]
        stopped = -locations[goes_on].logsumexp(1)
        decided = torch.cat([missed, stopped])
        weights = torch.cat([weights[~located], torch.full_like(stopped, _ANOTHER_WEIGHT)])
        text = (decided * weights).sum() / weights.sum()
        best = log_probs.detach().argmax(1)
        rows = valid.nonzero()[:, 0]
        wrong_word = (best != targets) & ~located
        wrong_kind = located & (best < self._first_location)
        off = located & ((best - targets).abs() > 60)
        failed = torch.zeros(len(answers)).index_add(
            0, rows, (wrong_word | wrong_kind | off).float()
        )
        went_on = (~wrong_kind[located][goes_on]).float()
        return (
            text,
            place,
            {
                "another right": went_on.sum() / goes_on.sum().clamp_min(1),
                "word right": 1 - wrong_word.float().sum() / (~located).sum(),
                "place right": 1 - (off.float().sum() / located.sum().clamp_min(1)),
                "answer right": (failed == 0).float().mean(),
            },
        )

    def _decoder_attention(self, batch: Batch) -> dict[str, Tensor]:
        cells = slice(1, batch.image_tokens.shape[1])
        writing = self._watch.log_weights("decoder 1", 0, batch.mask)[batch.writing][:, cells]
        deciding = self._watch.log_weights(self._last_decoder, 3, batch.mask)[batch.deciding]
        losses = {
            "write": _mass(writing, batch.written_cells).mean(),
            "next or none": _mass(deciding, batch.deciding_looks).mean(),
        }
        if len(batch.copied_tokens):
            copying = self._watch.log_weights("decoder 1", 1, batch.mask)[batch.copying]
            amid = self._watch.log_weights("decoder 1", 2, batch.mask)[batch.amid]
            losses["copy"] = _mass(copying, batch.copied_tokens).mean()
            losses["amid"] = _mass(amid, batch.amid_tokens).mean()
        return losses

    def _encoder_attention(self, batch: Batch) -> dict[str, Tensor]:
        seen = batch.image_tokens.shape[1]
        mask = batch.mask
        from_cells = self._watch.log_weights(self._last_encoder, 0, mask)[batch.grounded, 1:seen]
        from_words = self._watch.log_weights(self._last_encoder, 1, mask)[batch.phrase_tokens]
        composed = self._watch.log_weights("encoder 0", 0, mask)[batch.phrase_tokens]
        return {
            "cell to phrase": _balanced(_mass(from_cells, batch.cell_tokens), batch),
            "phrase to cell": _mass(from_words, batch.phrase_cells).mean(),
            "compose": _mass(composed, batch.phrase_mates).mean(),
        }

    def _pairs(self, batch: Batch, encoded: Tensor) -> dict[str, Tensor]:
        encoded = encoded[batch.grounded]
        there = batch.phrase_means.any(-1)
        cells = encoded[:, 1 : batch.image_tokens.shape[1]]
        log_probs = self.binding(cells, batch.phrase_means @ encoded, there)
        right = batch.cell_phrases.gather(2, log_probs.argmax(-1, keepdim=True))[..., 0]
        named = batch.cell_weights * batch.cell_named
        return {
            "pair": _balanced(_mass(log_probs, batch.cell_phrases), batch),
            "pair right": (right * named).sum() / named.sum().clamp_min(1),
        }


def _mass(log_weights: Tensor, allowed: Tensor) -> Tensor:
    """Gives -log of the share that goes to what is allowed."""
    return -log_weights.masked_fill(~allowed, _FAR).logsumexp(-1)


def _balanced(losses: Tensor, batch: Batch) -> Tensor:
    """Gives the mean over cells, those that a phrase names and the others half each."""
    halves = []
    for cells in (batch.cell_named, ~batch.cell_named):
        weights = batch.cell_weights * cells
        halves.append((losses * weights).sum() / weights.sum().clamp_min(1))
    return (halves[0] + halves[1]) / 2
