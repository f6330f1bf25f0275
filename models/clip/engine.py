"""CLIP or SigLIP on a device: image vectors against cached vectors of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, SiglipModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from models.answering import Neutral
from models.catalogue import Entry
from models.checkpoint import load_image_processor, load_model, load_tokenizer
from models.clip.crops import middle
from models.clip.shared_vectors import SharedVectors
from models.clip.texts import TextVectors
from models.devices import check_finite, with_smaller_batches
from models.feature_cache import FeatureCache
from models.pixels import PixelReader
from models.protocols import PhraseRefused, VectorStore
from models.queries import Classify
from models.registry import fingerprint
from models.types import Classification

__all__ = ["ClipEngine", "ClipOptions", "Cut"]

#: Cuts a region out of an image when it is looked at: all crops of an image at once could fill the memory.
Cut: TypeAlias = Callable[[], Image.Image]

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
        neutral: Neutral,
        options: ClipOptions,
        vectors: SharedVectors | None = None,
    ) -> None:
        """Takes loaded transformers objects; `load` is the usual way in."""
        self._model = model
        self._image_processor = image_processor
        self._pixels = PixelReader(image_processor, model.device, model.dtype)
        self._kind = kind
        self._margin = neutral.margin
        self._least_fit = neutral.least_fit
        self._options = options
        self._shared = vectors
        self._images: FeatureCache[Tensor] = FeatureCache(options.image_cache_bytes)
        self._texts = TextVectors(
            model,
            tokenizer,
            kind=kind,
            templates=templates,
            neutral=neutral,
            batch=options.text_batch,
            cache_bytes=options.text_cache_bytes,
        )

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
        model = load_model(model_class, entry, folder, device=device, dtype=dtype)
        return cls(
            model.eval(),
            load_tokenizer(entry, folder),
            load_image_processor(processor_class, entry, folder),
            kind="siglip" if entry.kind == "siglip" else "clip",
            templates=entry.templates,
            neutral=entry.neutral,
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
        texts = {text: self._texts.of(text) for text in {ask[2].candidates for ask in asks}}
        vectors = self._image_vectors([ask[0] for ask in asks], [ask[1] for ask in asks])
        return [
            Classification(
                query.candidates,
                self._probabilities(vector, query, texts),
                self._none_fits(vector, query, texts),
            )
            for vector, (_, _, query) in zip(vectors, asks, strict=True)
        ]

    def agreement(
        self, regions: Sequence[tuple[Cut, str]], phrases: Sequence[str]
    ) -> list[float | None]:
        """Gives how likely each region shows its phrase, among all phrases and neutral texts.

        `regions`: what cuts out an upright RGB crop, and one of `phrases`, each. `None` where the region's
        phrase is too long for the model to read; such a phrase is no rival of the others.
        """
        return self._judged(regions, phrases, _share)

    def standing(
        self, regions: Sequence[tuple[Cut, str]], phrases: Sequence[str]
    ) -> list[float | None]:
        """Gives how each region's phrase stands beside its strongest rival: 1 where none is likelier.

        Rivals are the other phrases, one by one, so that several names for one thing do no harm, and
        the neutral texts, with their margin. Arguments and `None` as for `agreement`.
        """
        return self._judged(regions, phrases, partial(_standing, margin=self._margin))

    @torch.inference_mode()
    def _judged(
        self,
        regions: Sequence[tuple[Cut, str]],
        phrases: Sequence[str],
        judge: Callable[[Tensor, Tensor, int], float],
    ) -> list[float | None]:
        """Gives the judgement of each region by the logits of all phrases, of neutral texts, and its phrase."""
        names = self._readable(phrases)
        judged: list[float | None] = [None] * len(regions)
        told = [number for number, (_, phrase) in enumerate(regions) if phrase in names]
        if not told:
            return judged
        texts, neutral = self._texts.of(names), self._texts.neutral
        scale = self._model.logit_scale.float().exp()
        for start in range(0, len(told), self._options.image_batch):
            batch = told[start : start + self._options.image_batch]
            crops = [regions[number][0]() for number in batch]
            for number, vector in zip(
                batch, with_smaller_batches(crops, self._encode_images), strict=True
            ):
                logits = (texts @ vector * scale).cpu(), (neutral @ vector * scale).cpu()
                judged[number] = judge(*logits, names.index(regions[number][1]))
        return judged

    def _readable(self, phrases: Sequence[str]) -> tuple[str, ...]:
        """Gives the phrases, each once, but for those that are too long to read."""
        names = tuple(dict.fromkeys(phrases))
        try:
            self._texts.of(names)
        except PhraseRefused:
            return tuple(name for name in names if self._texts.reads(name))
        return names

    def _probabilities(
        self, image: Tensor, query: Classify, texts: dict[tuple[str, ...], Tensor]
    ) -> tuple[float, ...]:
        scale = self._model.logit_scale.float().exp()
        logits = texts[query.candidates] @ image * scale
        if not query.multi:
            return tuple(logits.softmax(-1).tolist())
        if self._kind == "siglip":
            return tuple((logits + self._model.logit_bias.float()).sigmoid().tolist())
        neutral = (self._texts.neutral @ image * scale).logsumexp(0)
        return tuple((logits - neutral).sigmoid().tolist())

    def _none_fits(
        self, image: Tensor, query: Classify, texts: dict[tuple[str, ...], Tensor]
    ) -> bool:
        if query.multi or not self._least_fit:
            return False
        scale = self._model.logit_scale.float().exp()
        best = (texts[query.candidates] @ image * scale).max()
        neutral = (self._texts.neutral @ image * scale).logsumexp(0)
        return bool((best - neutral).sigmoid() < self._least_fit)

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
        if getattr(self._image_processor, "do_center_crop", False):
            # What the processor would cut off anyway; a sliver would grow to gigabytes before that.
            images = [middle(image, longest_ratio=2) for image in images]
        encoded = self._model.get_image_features(
            pixel_values=self._pixels.read(images)
        ).pooler_output
        check_finite(encoded)
        return [row.clone() for row in torch.nn.functional.normalize(encoded.float(), dim=-1)]


def _share(phrases: Tensor, neutral: Tensor, own: int) -> float:
    """Gives a phrase's probability among all phrases and neutral texts, from their logits."""
    return float(torch.cat([phrases, neutral]).softmax(-1)[own])


def _standing(phrases: Tensor, neutral: Tensor, own: int, *, margin: float) -> float:
    """Gives how much likelier than a phrase its strongest rival is, as a factor of at most 1."""
    rivals = torch.cat([phrases[:own], phrases[own + 1 :], neutral.logsumexp(0)[None] + margin])
    return float((phrases[own] - rivals.max()).clamp(max=0.0).exp())
