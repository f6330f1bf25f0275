"""CLIP or SigLIP on a device: vectors of images and texts, and what one says of the other."""

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

from models.answering import Answering, Neutral
from models.catalogue import CLASSIFIER_QUERIES, Entry
from models.checkpoint import load_image_processor, load_model, load_tokenizer
from models.clip.contours import contour
from models.clip.crops import crop_square
from models.clip.heads import Heads
from models.clip.images import ImageVectors
from models.clip.shared_vectors import SharedVectors
from models.clip.texts import TextVectors
from models.protocols import (
    HeadSource,
    ImageQuery,
    IndexSearch,
    PhraseRefused,
    UnsupportedQuery,
    VectorStore,
)
from models.queries import Classify, Contour, Embed, EmbedTexts, InBox, Judge, Query, SearchIndex
from models.registry import fingerprint
from models.types import Box, Classification, Hits, ModelOutput, Vector, Vectors

__all__ = ["ClipEngine", "ClipOptions", "Cut"]

#: Cuts a region out of an image when it is looked at: all crops of an image at once could fill the memory.
Cut: TypeAlias = Callable[[], Image.Image]

#: Regions cut out of images at once: bounds the memory that they take.
_CROPS_AT_ONCE = 16

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

    #: What it answers, of images and of boxes shown alone.
    queries = CLASSIFIER_QUERIES

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
        heads: Heads | None = None,
        search: Callable[[SearchIndex, Sequence[float] | None], Hits] | None = None,
    ) -> None:
        """Takes loaded transformers objects; `load` is the usual way in."""
        self._model = model
        self._kind = kind
        self._margin = neutral.margin
        self._least_fit = neutral.least_fit
        self._options = options
        self._heads = heads or Heads(None, "")
        self._search = search
        self._images = ImageVectors(
            model,
            image_processor,
            batch=options.image_batch,
            cache_bytes=options.image_cache_bytes,
            shared=vectors,
        )
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
        heads: HeadSource | None = None,
        search: IndexSearch | None = None,
    ) -> ClipEngine:
        """Loads a checkpoint folder onto a device, without network; `vectors` outlive the process.

        `heads` finds what was learned of projects, `search` what an index holds.

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
            heads=Heads(heads, fingerprint([entry])) if heads is not None else None,
            search=partial(_searched, search, fingerprint([entry])) if search is not None else None,
        )

    @property
    def dtype(self) -> str:
        """Number format of the weights: `float32`."""
        return str(self._model.dtype).removeprefix("torch.")

    def answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        """Gives the output of each question, in order; of a box as if a crop of it were the image.

        One of many candidates: softmax over them. Any number of many: each candidate by itself, against
        texts that say nothing (CLIP), or by the model's own sigmoid (SigLIP).

        Raises `PhraseRefused` for a candidate or text longer than the model can read, `HeadMissing` for a head
        that cannot be used.
        """
        outputs: list[ModelOutput] = []
        for start in range(0, len(questions), _CROPS_AT_ONCE):
            outputs += self._answer(questions[start : start + _CROPS_AT_ONCE])
        return outputs

    def _answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        asked = [_asked(question.query) for question in questions]
        texts = {
            candidates: self._texts.of(candidates)
            for candidates in {ask.candidates for ask in asked if isinstance(ask, Classify)}
        }
        vectors = iter(
            self._images.of(
                [
                    _shown(each)
                    for each, ask in zip(questions, asked, strict=True)
                    if each.query.about_image and not isinstance(ask, Contour)
                ]
            )
        )
        outputs: list[ModelOutput] = []
        for question, ask in zip(questions, asked, strict=True):
            match ask:
                case Contour():
                    outputs.append(_contour(question, ask))
                case Classify(candidates=candidates):
                    vector, known = next(vectors), texts[candidates]
                    shares = self._probabilities(vector, ask, known)
                    none_fits = self._none_fits(vector, ask, known)
                    outputs.append(Classification(candidates, shares, none_fits))
                case Embed():
                    outputs.append(_vector(next(vectors)))
                case Judge():
                    outputs.append(self._heads.judge(ask, next(vectors).cpu().numpy()))
                case EmbedTexts(texts=wanted):
                    said = self._texts.as_they_stand(wanted)
                    outputs.append(Vectors(tuple(map(_vector, said))))
                case SearchIndex():
                    outputs.append(self._found(ask))
        return outputs

    def _found(self, query: SearchIndex) -> Hits:
        if self._search is None:
            raise UnsupportedQuery("no index is searched here")
        if not query.words:
            return self._search(query, None)
        return self._search(query, self._texts.of(query.words)[0].tolist())

    def asked_by(self, answering: Answering) -> ClipEngine:
        """Gives itself: a classifier writes no tokens, and has no rules of writing."""
        return self

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
            for number, vector in zip(batch, self._images.encode(crops), strict=True):
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

    @torch.inference_mode()
    def _probabilities(self, image: Tensor, query: Classify, texts: Tensor) -> tuple[float, ...]:
        scale = self._model.logit_scale.float().exp()
        logits = texts @ image * scale
        if not query.multi:
            return tuple(logits.softmax(-1).tolist())
        if self._kind == "siglip":
            return tuple((logits + self._model.logit_bias.float()).sigmoid().tolist())
        neutral = (self._texts.neutral @ image * scale).logsumexp(0)
        return tuple((logits - neutral).sigmoid().tolist())

    @torch.inference_mode()
    def _none_fits(self, image: Tensor, query: Classify, texts: Tensor) -> bool:
        if query.multi or not self._least_fit:
            return False
        scale = self._model.logit_scale.float().exp()
        neutral = (self._texts.neutral @ image * scale).logsumexp(0)
        return bool(((texts @ image * scale).max() - neutral).sigmoid() < self._least_fit)


def _searched(
    search: IndexSearch, model: str, query: SearchIndex, vector: Sequence[float] | None
) -> Hits:
    return search(query, vector, model)


def _contour(question: ImageQuery, ask: Contour) -> ModelOutput:
    """Gives the outline of what a box holds, or the whole image."""
    image, query = question.item.image, question.query
    box = query.box if isinstance(query, InBox) else Box(0, 0, *image.size)
    return contour(image, box, ask.most_side)


def _asked(query: Query) -> Classify | Contour | Embed | EmbedTexts | Judge | SearchIndex:
    """Gives what is asked of an image, a crop or of texts."""
    ask = query.ask if isinstance(query, InBox) else query
    if not isinstance(ask, Classify | Contour | Embed | EmbedTexts | Judge | SearchIndex):
        raise TypeError(f"expected a query that a classifier answers, got {query!r:.80}")
    return ask


def _shown(question: ImageQuery) -> tuple[Image.Image, str]:
    """Gives what is looked at, and the name of these pixels."""
    image, key = question.item.image, question.item.content_key
    if not isinstance(question.query, InBox):
        return image, key
    box = question.query.box
    return crop_square(image, box), f"{key} box {box.x_min},{box.y_min},{box.x_max},{box.y_max}"


def _vector(values: Tensor) -> Vector:
    """Gives a vector as plain numbers, to eight decimals: finer than a float32 of length 1 tells."""
    return Vector(tuple(round(value, 8) for value in values.tolist()))


def _share(phrases: Tensor, neutral: Tensor, own: int) -> float:
    """Gives a phrase's probability among all phrases and neutral texts, from their logits."""
    return float(torch.cat([phrases, neutral]).softmax(-1)[own])


def _standing(phrases: Tensor, neutral: Tensor, own: int, *, margin: float) -> float:
    """Gives how much likelier than a phrase its strongest rival is, as a factor of at most 1."""
    rivals = torch.cat([phrases[:own], phrases[own + 1 :], neutral.logsumexp(0)[None] + margin])
    return float((phrases[own] - rivals.max()).clamp(max=0.0).exp())
