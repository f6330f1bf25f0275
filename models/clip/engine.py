"""CLIP or SigLIP on a device: image vectors against cached vectors of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, CLIPModel, SiglipModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from models.catalogue import Entry
from models.checkpoint import load_model
from models.clip.crops import middle
from models.clip.prompts import NEUTRAL_TEXTS, filled
from models.clip.shared_vectors import SharedVectors
from models.devices import pick_dtype, with_smaller_batches
from models.feature_cache import FeatureCache
from models.protocols import PhraseRefused, VectorStore
from models.queries import Classify
from models.registry import fingerprint
from models.types import Classification

__all__ = ["ClipEngine", "ClipOptions"]

#: Classes and image processors of each kind.
_CLASSES: dict[str, tuple[Any, Any]] = {
    "clip": (CLIPModel, CLIPImageProcessorPil),
    "siglip": (SiglipModel, SiglipImageProcessorPil),
}


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Bounds on memory."""

    image_batch: int = 16
    text_batch: int = 256
    image_cache_bytes: int = 32 * 1024 * 1024
    text_cache_bytes: int = 32 * 1024 * 1024


class ClipEngine:
    """Says how well candidates describe images; holds the weights and recent vectors."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        *,
        kind: Literal["clip", "siglip"],
        templates: Sequence[str],
        options: ClipOptions,
        vectors: SharedVectors | None = None,
    ) -> None:
        """Takes loaded transformers objects; `load` is the usual way in."""
        self._model = model
        self._tokenizer = tokenizer
        self._image_processor = image_processor
        self._kind = kind
        self._templates = tuple(templates)
        self._options = options
        self._shared = vectors
        self._images: FeatureCache[Tensor] = FeatureCache(options.image_cache_bytes)
        self._texts: FeatureCache[Tensor] = FeatureCache(options.text_cache_bytes)

    @classmethod
    def load(
        cls,
        entry: Entry,
        folder: Path,
        *,
        device: torch.device,
        dtype: str = "auto",
        options: ClipOptions | None = None,
        vectors: VectorStore | None = None,
    ) -> ClipEngine:
        """Loads a checkpoint folder onto a device, without network; `vectors` outlive the process.

        Raises `ModelNotAvailable` when the folder is not what the entry says.
        """
        model_class, processor_class = _CLASSES[entry.kind]
        model = load_model(model_class, entry, folder)
        number_format = pick_dtype(dtype, device, parameters=model.num_parameters())
        return cls(
            model.to(device=device, dtype=number_format).eval(),
            AutoTokenizer.from_pretrained(folder, local_files_only=True),
            processor_class.from_pretrained(folder, local_files_only=True),
            kind="siglip" if entry.kind == "siglip" else "clip",
            templates=entry.templates,
            options=options or ClipOptions(),
            vectors=SharedVectors(vectors, fingerprint([entry])) if vectors is not None else None,
        )

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self._model.dtype  # type: ignore[no-any-return]

    def embed_images(
        self, images: Sequence[Image.Image], content_keys: Sequence[str]
    ) -> list[tuple[float, ...]]:
        """Gives a vector of length 1 for each upright RGB image, for search and for training heads.

        `content_keys` name the images' pixels, one each; vectors are cached under them.
        """
        vectors = self._image_vectors(images, content_keys)
        return [tuple(vector.tolist()) for vector in vectors]

    def classify(self, asks: Sequence[tuple[Image.Image, str, Classify]]) -> list[Classification]:
        """Gives the answer for each image, content key and query, in order.

        One of many: softmax over the candidates. Any number of many: each candidate by itself,
        against texts that say nothing (CLIP), or by the model's own sigmoid (SigLIP).

        Raises `PhraseRefused` for a candidate longer than the model can read.
        """
        texts = {text: self._class_vectors(text) for text in {ask[2].candidates for ask in asks}}
        vectors = self._image_vectors([ask[0] for ask in asks], [ask[1] for ask in asks])
        return [
            Classification(query.candidates, self._probabilities(vector, query, texts))
            for vector, (_, _, query) in zip(vectors, asks, strict=True)
        ]

    @torch.inference_mode()
    def agreement(
        self,
        regions: Sequence[tuple[Image.Image, str]],
        phrases: Sequence[str],
    ) -> list[float | None]:
        """Gives how likely each region shows its phrase, among all phrases and neutral texts.

        `regions`: an upright RGB crop and one of `phrases`, each. `None` where the phrases are too
        long for the model to read.
        """
        names = tuple(dict.fromkeys(phrases))
        try:
            texts = self._class_vectors(names)
        except PhraseRefused:
            return [None] * len(regions)
        neutral = self._class_vectors(NEUTRAL_TEXTS, templates=("{}",))
        against = torch.cat([texts, neutral])
        scale = self._model.logit_scale.float().exp()
        likely: list[float | None] = []
        for start in range(0, len(regions), self._options.image_batch):
            batch = regions[start : start + self._options.image_batch]
            vectors = with_smaller_batches([image for image, _ in batch], self._encode_images)
            shares = (torch.stack(vectors) @ against.T * scale).softmax(-1)
            likely.extend(
                float(share[names.index(phrase)])
                for share, (_, phrase) in zip(shares, batch, strict=True)
            )
        return likely

    def _probabilities(
        self, image: Tensor, query: Classify, texts: dict[tuple[str, ...], Tensor]
    ) -> tuple[float, ...]:
        scale = self._model.logit_scale.float().exp()
        logits = texts[query.candidates] @ image * scale
        if not query.multi:
            return tuple(logits.softmax(-1).tolist())
        if self._kind == "siglip":
            return tuple((logits + self._model.logit_bias.float()).sigmoid().tolist())
        neutral = (self._class_vectors(NEUTRAL_TEXTS, templates=("{}",)) @ image * scale).logsumexp(
            0
        )
        return tuple((logits - neutral).sigmoid().tolist())

    def _image_vectors(self, images: Sequence[Image.Image], keys: Sequence[str]) -> list[Tensor]:
        """Gives a float32 vector of length 1 for each image."""
        wanted = dict(zip(keys, images, strict=True))
        vectors = {key: found for key in wanted if (found := self._images.get(key)) is not None}
        if self._shared is not None:
            shared = self._shared.get([key for key in wanted if key not in vectors])
            vectors |= {key: found.to(self._model.device) for key, found in shared.items()}
        missing = [(key, image) for key, image in wanted.items() if key not in vectors]
        fresh: dict[str, Tensor] = {}
        for start in range(0, len(missing), self._options.image_batch):
            batch = missing[start : start + self._options.image_batch]
            encoded = with_smaller_batches([image for _, image in batch], self._encode_images)
            fresh.update((key, vector) for (key, _), vector in zip(batch, encoded, strict=True))
        for key, vector in fresh.items():
            self._images.put(key, vector, vector.numel() * vector.element_size())
        if self._shared is not None:
            self._shared.put(fresh)
        vectors |= fresh
        return [vectors[key] for key in keys]

    @torch.inference_mode()
    def _encode_images(self, images: Sequence[Image.Image]) -> list[Tensor]:
        processor = self._image_processor
        if getattr(processor, "do_center_crop", False):
            # What the processor would cut off anyway; a sliver would grow to gigabytes before that.
            images = [middle(image, longest_ratio=2) for image in images]
        pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
        pixels = pixels.to(device=self._model.device, dtype=self.dtype)
        encoded = self._model.get_image_features(pixel_values=pixels).pooler_output
        return [row.clone() for row in torch.nn.functional.normalize(encoded.float(), dim=-1)]

    def _class_vectors(
        self, candidates: Sequence[str], templates: Sequence[str] | None = None
    ) -> Tensor:
        """Gives a float32 vector of length 1 for each candidate, shape (candidates, width).

        That is the normalised mean of the normalised vectors of its templates.
        """
        templates = self._templates if templates is None else tuple(templates)
        key = {candidate: f"{templates}{candidate}" for candidate in candidates}
        # Taken out at once: what is put below may push them out of the cache.
        vectors = {name: found for name in key if (found := self._texts.get(key[name])) is not None}
        missing = [name for name in key if name not in vectors]
        for start in range(0, len(missing), max(1, self._options.text_batch // len(templates))):
            batch = missing[start : start + max(1, self._options.text_batch // len(templates))]
            rows = with_smaller_batches(
                [filled(name, templates) for name in batch], self._encode_texts
            )
            for name, vector in zip(batch, rows, strict=True):
                vectors[name] = vector
                self._texts.put(key[name], vector, vector.numel() * vector.element_size())
        return torch.stack([vectors[name] for name in candidates])

    @torch.inference_mode()
    def _encode_texts(self, groups: Sequence[tuple[str, ...]]) -> list[Tensor]:
        """Gives one vector for each group of texts that mean the same."""
        texts = [text for group in groups for text in group]
        encoded = self._model.get_text_features(**self._tokens(texts)).pooler_output
        vectors = torch.nn.functional.normalize(encoded.float(), dim=-1)
        means = vectors.view(len(groups), len(groups[0]), -1).mean(1)
        return [row.clone() for row in torch.nn.functional.normalize(means, dim=-1)]

    def _tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
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
