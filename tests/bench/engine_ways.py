"""The ways that are compared: one `generate` call for each label, and ours."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from PIL import Image
from transformers import LogitsProcessorList

from models.answering import Answering
from models.florence2.beams import NeverWritten
from models.florence2.decoding import allowed
from models.florence2.engine import Ask, FlorenceEngine, FlorenceOptions
from models.florence2.rules import rules_of
from models.prompts import AnswerKind, Prompt, prompts_for
from models.queries import Ground
from models.types import ImageSize

__all__ = ["OneByOne", "Ours", "Way", "Written"]

#: No image is taken from the cache of an earlier pass.
_passes = itertools.count()


@dataclass(frozen=True, slots=True)
class Written:
    """What one answer consists of."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]


class Way(Protocol):
    """One way to ask for every label on every image."""

    def locate(self, images: Sequence[Image.Image], labels: Sequence[str]) -> None:
        """Answers are of one length, and thrown away."""


class OneByOne:
    """Transformers alone: image and label by image and label, each image encoded for each label."""

    def __init__(self, model: Any, processor: Any, *, beams: int, tokens: int) -> None:
        self._model = model
        self._processor = processor
        # One more: the first one is given by the checkpoint, and `generate` spends a step on it.
        self._settings: dict[str, Any] = {
            "num_beams": beams,
            "do_sample": False,
            "min_new_tokens": tokens + 1,
            "max_new_tokens": tokens + 1,
        }

    def locate(self, images: Sequence[Image.Image], labels: Sequence[str]) -> None:
        for image, label in itertools.product(images, labels):
            self._generate(image, f"<OPEN_VOCABULARY_DETECTION>{label}")

    def write(self, image: Image.Image, prompt: str, never: torch.Tensor) -> Written:
        """Gives the answer to one prompt without the ids of `never`, and each token's log-probability."""
        found = self._generate(
            image,
            prompt,
            logits_processor=LogitsProcessorList([NeverWritten(never)]),
            output_logits=True,
            return_dict_in_generate=True,
        )
        tokens = found.sequences[0, 2:].tolist()
        distributions = allowed(torch.stack(found.logits)[1:, 0], never)
        log_probs = distributions.gather(1, found.sequences[0, 2:, None])[:, 0]
        return Written(tuple(tokens), tuple(log_probs.tolist()))

    @torch.inference_mode()
    def _generate(self, image: Image.Image, prompt: str, **wanted: Any) -> Any:
        inputs = self._processor(text=prompt, images=image, return_tensors="pt")
        inputs = inputs.to(self._model.device, self._model.dtype)
        return self._model.generate(**inputs, **self._settings, **wanted)


class Ours:
    """The engine: each image encoded once, the labels of all images decoded together."""

    def __init__(self, model: Any, processor: Any, *, tokens: int, **options: int) -> None:
        self.tokens = tokens
        self._engine = FlorenceEngine(
            model,
            processor.tokenizer,
            processor.image_processor,
            FlorenceOptions(min_new_tokens=tokens, **options),
            Answering(num_beams=1, max_new_tokens=tokens),
        )

    def locate(self, images: Sequence[Image.Image], labels: Sequence[str]) -> None:
        number = next(_passes)
        query = Ground(tuple(labels))
        self._engine.ask(
            [
                Ask(image, f"{number} {place}", prompt)
                for place, image in enumerate(images)
                for prompt in prompts_for(query, ImageSize(*image.size))
            ]
        )

    @property
    def never_written(self) -> torch.Tensor:
        """The ids that no answer holds."""
        engine = self._engine
        rules = rules_of(engine._model, engine.vocabulary, engine.answering, AnswerKind.TEXT)
        return torch.tensor(rules.never, dtype=torch.long)

    def looking_at(self, image: Image.Image) -> Callable[[str], None]:
        """Gives a way to ask for one label after another of an image that was never seen before."""
        key = f"{next(_passes)}"

        def locate(label: str) -> None:
            (prompt,) = prompts_for(Ground((label,)), ImageSize(*image.size))
            self._engine.ask([Ask(image, key, prompt)])

        return locate

    def write(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> list[Written]:
        """Gives the answers to every prompt about every image, decoded as plain text.

        The rules for boxes choose by other than the likeliest token; those for text do not.
        """
        number = next(_passes)
        asks = [
            Ask(image, f"{number} {place}", Prompt(prompt, AnswerKind.TEXT))
            for place, image in enumerate(images)
            for prompt in prompts
        ]
        answers = self._engine.ask(asks)
        return [Written(answer.tokens, answer.token_log_probs) for answer in answers]
