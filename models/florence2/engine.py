"""Florence-2 on a device: each image is encoded once, its prompts are decoded in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from PIL import Image
from torch import Tensor
from transformers import Florence2ForConditionalGeneration
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.answering import Answering
from models.catalogue import Entry
from models.checkpoint import (
    check_location_tokens,
    load_image_processor,
    load_model,
    load_tokenizer,
)
from models.devices import check_finite, fused_attention_is_slow, in_batches, with_smaller_batches
from models.feature_cache import FeatureCache
from models.florence2.beams import decode_with_beams
from models.florence2.decoding import decode_greedily
from models.florence2.parsing import Answer, Vocabulary
from models.florence2.rules import beams_of, rules_of
from models.pixels import PixelReader
from models.prompts import AnswerKind, Prompt
from models.protocols import PhraseRefused

__all__ = ["Ask", "FlorenceEngine", "FlorenceOptions", "placed"]

#: Rows decoded at once. A step of decoding takes a GPU about as long for 300 rows as for 30; on a CPU it
#: takes longer with every row. `docs/gpu.md` has the figures; one row of the large model takes 28 MB.
CPU_ROWS = 32
GPU_ROWS = 320
#: Image tokens, shape (tokens, width), and prompt ids.
_Row: TypeAlias = tuple[Tensor, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class FlorenceOptions:
    """Bounds on memory and on answers."""

    #: Images in one pass of the vision tower. A CPU takes images through the tower, and prompts through the
    #: encoder, one by one: what one of them needs stays in its caches.
    image_batch: int = 8
    #: Rows in one decoded batch, one for each prompt and beam; `None`: `CPU_ROWS` or `GPU_ROWS`.
    row_batch: int | None = None
    #: Above 0 every answer has at least so many: for benchmarks.
    min_new_tokens: int = 0
    cache_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt about one upright RGB image; `content_key` names its pixels."""

    image: Image.Image = field(compare=False)
    content_key: str
    prompt: Prompt
    #: Most tokens of this answer; `None`: as many as any may have.
    max_new_tokens: int | None = None


class FlorenceEngine:
    """Answers prompts; holds the weights and the features of recent images."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        options: FlorenceOptions,
        answering: Answering | None = None,
    ) -> None:
        """Takes loaded transformers objects; `load` is the usual way in."""
        self.answering = answering or Answering()
        self._model = model
        self._tokenizer = tokenizer
        self._image_processor = image_processor
        self._pixels = PixelReader(image_processor, model.device, model.dtype)
        self._options = options
        self._cache = FeatureCache(options.cache_bytes)
        self.vocabulary = _vocabulary(tokenizer)
        self.images_encoded = 0

    @classmethod
    def load(
        cls,
        entry: Entry,
        folder: Path,
        *,
        device: torch.device,
        dtype: str = "auto",
        options: FlorenceOptions | None = None,
    ) -> FlorenceEngine:
        """Loads a checkpoint folder onto a device, without network.

        Raises `ModelNotAvailable` when the folder is not what the entry says.
        """
        model = load_model(
            Florence2ForConditionalGeneration, entry, folder, device=device, dtype=dtype
        )
        tokenizer = load_tokenizer(entry, folder)
        check_location_tokens(entry, tokenizer.get_vocab())
        processor = load_image_processor(CLIPImageProcessorPil, entry, folder)
        model = placed(model, device, model.dtype)
        return cls(model, tokenizer, processor, options or FlorenceOptions(), entry.answering)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self._model.dtype  # type: ignore[no-any-return]

    @property
    def _on_cpu(self) -> bool:
        return bool(self._model.device.type == "cpu")

    def ask(self, asks: Sequence[Ask], answering: Answering | None = None) -> list[Answer]:
        """Gives one answer for each ask, in order; equal asks are decoded once.

        `answering`: by which rules, if not the checkpoint's. Raises `PhraseRefused` for a prompt longer
        than the model can read.
        """
        unique = dict.fromkeys(asks)
        ids = {ask.prompt: self._prompt_ids(ask.prompt) for ask in unique}
        features = self._features(list(unique))
        answers: dict[Ask, Answer] = {}
        for manner in dict.fromkeys((ask.prompt.answer, ask.max_new_tokens) for ask in unique):
            alike = [ask for ask in unique if (ask.prompt.answer, ask.max_new_tokens) == manner]
            # Prompts of like length share a batch, so that little of it is padding.
            alike.sort(key=lambda ask: len(ids[ask.prompt]))
            decode = self._decoder(answering or self.answering, *manner)
            for batch in in_batches(alike, self._prompts_at_once(answering or self.answering)):
                rows = [(features[ask.content_key], ids[ask.prompt]) for ask in batch]
                answers.update(zip(batch, with_smaller_batches(rows, decode), strict=True))
        return [answers[ask] for ask in asks]

    def _prompts_at_once(self, answering: Answering) -> int:
        rows = self._options.row_batch or (CPU_ROWS if self._on_cpu else GPU_ROWS)
        return max(1, rows // beams_of(self._model, answering))

    def _prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        config = self._model.config
        ids = self._tokenizer(prompt.text, add_special_tokens=False).input_ids
        text = config.text_config
        room = text.max_position_embeddings - self._image_processor.image_seq_length - 2
        if len(ids) > room:
            raise PhraseRefused(
                f"expected a prompt of at most {room} tokens, got {len(ids)} for "
                f"{prompt.text[:60]!r}; use a shorter phrase"
            )
        return (text.bos_token_id, *ids, text.eos_token_id)

    def _features(self, asks: Sequence[Ask]) -> dict[str, Tensor]:
        """Gives the image tokens of each content key, shape (image tokens, width)."""
        return self._cache.features(
            {ask.content_key: ask.image for ask in asks},
            lambda images: with_smaller_batches(images, self._encode),
            at_once=1 if self._on_cpu else self._options.image_batch,
        )

    @torch.inference_mode()
    def _encode(self, images: Sequence[Image.Image]) -> list[Tensor]:
        """Gives the image tokens of each image, shape (image tokens, width)."""
        pixels = self._pixels.read(images)
        if self._on_cpu:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        encoded = self._model.get_image_features(pixels).pooler_output
        check_finite(encoded)
        self.images_encoded += len(images)
        # Copies, so that one cached image does not keep its whole batch alive.
        return [row.clone() for row in encoded]

    def _decoder(
        self, answering: Answering, kind: AnswerKind, limit: int | None
    ) -> Callable[[Sequence[_Row]], list[Answer]]:
        """Gives what decodes rows whose answers are all of one kind and bounded alike."""
        rules = rules_of(
            self._model,
            self.vocabulary,
            answering,
            kind,
            limit=limit,
            min_new_tokens=self._options.min_new_tokens,
        )
        beams = beams_of(self._model, answering)

        def decode(rows: Sequence[_Row]) -> list[Answer]:
            encoded, mask = self._encode_rows(rows)
            if beams > 1:
                return decode_with_beams(self._model, encoded, mask, rules, beams=beams)
            return decode_greedily(self._model, encoded, mask, rules)

        return decode

    @torch.inference_mode()
    def _encode_rows(self, rows: Sequence[_Row]) -> tuple[Tensor, Tensor]:
        """Gives the encoder's output for each row, shape (rows, tokens, width), and the mask."""
        embedded, mask = self._embed(rows)
        encoder = self._model.model.language_model.get_encoder()
        at_once = 1 if self._on_cpu else len(rows)
        parts = [slice(start, start + at_once) for start in range(0, len(rows), at_once)]
        encoded = [
            encoder(inputs_embeds=embedded[part], attention_mask=mask[part]).last_hidden_state
            for part in parts
        ]
        return torch.cat(encoded), mask

    def _embed(self, rows: Sequence[_Row]) -> tuple[Tensor, Tensor]:
        """Gives image tokens and prompt side by side, padded on the right, and the mask."""
        device = self._model.device
        longest = max(len(ids) for _, ids in rows)
        pad = self._model.config.text_config.pad_token_id
        padded = [[*ids, *[pad] * (longest - len(ids))] for _, ids in rows]
        counts = [[1] * len(ids) + [0] * (longest - len(ids)) for _, ids in rows]
        images = torch.stack([features for features, _ in rows])
        texts = self._model.get_input_embeddings()(torch.tensor(padded, device=device))
        shown = torch.ones(images.shape[:2], dtype=torch.long, device=device)
        mask = torch.cat([shown, torch.tensor(counts, device=device)], 1)
        return torch.cat([images, texts], 1), mask


def placed(model: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Gives the model itself, moved to a device and set up to answer as fast as it can there."""
    model = model.to(device=device, dtype=dtype).eval()
    if device.type == "cpu":
        # The tower goes to and fro between maps and tokens: so laid out, neither is a copy.
        model.model.vision_tower.to(memory_format=torch.channels_last)
    if fused_attention_is_slow(device, dtype):
        model.set_attn_implementation("eager")
    return model


def _vocabulary(tokenizer: Any) -> Vocabulary:
    first = tokenizer.convert_tokens_to_ids("<loc_0>")
    places = range(first, first + 1000)
    marks = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    named = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
    return Vocabulary(
        first_location=first,
        special=frozenset(marks.difference(places)),
        decode=lambda ids: str(tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)),
        poly_start=named.get("<poly>"),
        poly_end=named.get("</poly>"),
        separator=named.get("<sep>"),
        and_=named.get("<and>"),
        size=len(tokenizer),
    )
