"""Vectors of what candidates and neutral texts say, kept for as long as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from models.answering import Neutral
from models.clip.prompts import filled
from models.devices import with_smaller_batches
from models.feature_cache import FeatureCache
from models.protocols import PhraseRefused

__all__ = ["TextVectors"]


class TextVectors:
    """The text side of a CLIP or SigLIP."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        kind: Literal["clip", "siglip"],
        templates: Sequence[str],
        neutral: Neutral,
        batch: int,
        cache_bytes: int,
    ) -> None:
        """`batch`: texts read at once, each candidate put into all `templates`."""
        self._model = model
        self._tokenizer = tokenizer
        self._kind = kind
        self._templates = tuple(templates)
        self._neutral = neutral
        self._batch = batch
        self._cache = FeatureCache(cache_bytes)

    def of(self, candidates: Sequence[str]) -> Tensor:
        """Gives a float32 vector of length 1 for each candidate, shape (candidates, width).

        That is the normalised mean of the normalised vectors of its templates.

        Raises `PhraseRefused` for a candidate longer than the model can read.
        """
        return self._vectors([filled(name, self._templates) for name in candidates])

    def as_they_stand(self, texts: Sequence[str]) -> Tensor:
        """Gives the same for texts that are put into no template. Raises as `of`."""
        return self._vectors([(text,) for text in texts])

    def _vectors(self, groups: Sequence[tuple[str, ...]]) -> Tensor:
        """Gives a vector for each group of texts that mean the same; all groups have one length."""
        vectors = self._cache.features(
            {group: group for group in groups},
            lambda some: with_smaller_batches(some, self._encode),
            at_once=max(1, self._batch // len(groups[0])),
        )
        return torch.stack([vectors[group] for group in groups])

    def reads(self, candidate: str) -> bool:
        """Says whether a candidate is short enough."""
        try:
            self.of((candidate,))
        except PhraseRefused:
            return False
        return True

    @cached_property
    def neutral(self) -> Tensor:
        """Vectors of length 1 of the neutral texts, shape (classes, width): one class, or one for each."""
        rules = self._neutral
        if not rules.templated:
            return torch.stack(self._encode([(text,) for text in rules.texts]))
        said = [text for word in rules.texts for text in filled(word, self._templates)]
        return torch.stack(self._encode([tuple(said)]))

    @torch.inference_mode()
    def _encode(self, groups: Sequence[tuple[str, ...]]) -> list[Tensor]:
        """Gives one vector for each group of texts that mean the same."""
        texts = [text for group in groups for text in group]
        encoded = self._model.get_text_features(**self._tokens(texts)).pooler_output
        vectors = torch.nn.functional.normalize(encoded.float(), dim=-1)
        means = vectors.view(len(groups), len(groups[0]), -1).mean(1)
        return [row.clone() for row in torch.nn.functional.normalize(means, dim=-1)]

    def _tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
        if self._kind == "siglip":
            # Its texts were in lower case in training, and its tokenizer does not always see to that.
            texts = [text.lower() for text in texts]
        room = self._model.config.text_config.max_position_embeddings
        for text, ids in zip(texts, self._tokenizer(list(texts)).input_ids, strict=True):
            if len(ids) > room:
                raise PhraseRefused(
                    f"expected a candidate of at most {room} tokens, got {len(ids)} for "
                    f"{text[:60]!r}; use a shorter one"
                )
        # SigLIP was trained on texts padded to full length.
        padding: dict[str, Any] = {"padding": True}
        if self._kind == "siglip":
            padding = {"padding": "max_length", "max_length": room}
        tokens = self._tokenizer(list(texts), return_tensors="pt", **padding)
        names = ("input_ids", "attention_mask") if self._kind == "clip" else ("input_ids",)
        return {name: tokens[name].to(self._model.device) for name in names}
