"""A Florence-2 of the base model's size with random weights: as slow as the real one, and as large.

Nothing is downloaded. The tokenizer is the bundled one, the vocabulary padded to the real length, so
that the last layer costs what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    BartConfig,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.catalogue import TINY_FOLDER

__all__ = ["LABELS", "RealSize", "pictures", "real_size"]

IMAGE_SIDE = 768
IMAGE_TOKENS = 577
VOCABULARY = 51_290

#: Twenty things that one may look for.
LABELS = (
    "person",
    "car",
    "dog",
    "cat",
    "bus",
    "train",
    "boat",
    "bird",
    "horse",
    "sheep",
    "chair",
    "table",
    "bottle",
    "cup",
    "laptop",
    "phone",
    "book",
    "clock",
    "vase",
    "plant",
)


@dataclass(frozen=True, slots=True)
class RealSize:
    """What transformers needs to answer: a model in float32, and its processor."""

    model: Any
    processor: Any


def real_size(seed: int = 0) -> RealSize:
    """Gives 231 million random weights on the CPU and a processor that makes 577 tokens of an image."""
    folder = TINY_FOLDER / "florence2"
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    image_processor = CLIPImageProcessorPil.from_pretrained(
        folder,
        local_files_only=True,
        size={"height": IMAGE_SIDE, "width": IMAGE_SIDE},
        image_seq_length=IMAGE_TOKENS,
    )
    torch.manual_seed(seed)
    model: Any = Florence2ForConditionalGeneration(_config(tokenizer.image_token_id)).eval()
    # As the real checkpoint has it: every answer begins with this token, and no three are repeated.
    model.generation_config.forced_bos_token_id = model.config.text_config.bos_token_id
    model.generation_config.no_repeat_ngram_size = 3
    model.generation_config.forced_eos_token_id = None
    return RealSize(model, Florence2Processor(image_processor, tokenizer))


def pictures(count: int, seed: int = 0) -> Sequence[Image.Image]:
    """Gives RGB images of 1024 x 768 pixels: smooth noise, no two alike."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 24, 32, 3), dtype=np.uint8)
    return [Image.fromarray(one).resize((1024, 768), Image.Resampling.BICUBIC) for one in coarse]


def _config(image_token: int) -> Florence2Config:
    """The base model's; DaViT is what transformers gives unasked, the text part is not."""
    text = BartConfig(
        vocab_size=VOCABULARY,
        d_model=768,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        encoder_ffn_dim=3072,
        decoder_ffn_dim=3072,
        max_position_embeddings=1024,
        # Wide enough that an answer depends on its image and its prompt.
        init_std=0.06,
    )
    return Florence2Config(
        text_config=text.to_dict(),
        vision_config={"projection_dim": 768},
        image_token_id=image_token,
    )
