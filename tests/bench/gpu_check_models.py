"""Checkpoint folders with random weights of the real sizes, as a person's own folder would be.

Nothing is downloaded: the tokenizers are the bundled ones, the vocabulary padded to the real length. The
numbers are those of the published configurations of Florence-2 base and large, and of CLIP B/32.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    BartConfig,
    CLIPConfig,
    CLIPModel,
    Florence2Config,
    Florence2ForConditionalGeneration,
)

from models.catalogue import TINY_FOLDER
from models.checkpoint import quietly

__all__ = [
    "BASE",
    "CLIP_B_32",
    "LARGE",
    "SMALL",
    "SMALL_CLIP",
    "Size",
    "write_clip",
    "write_florence",
]


@dataclass(frozen=True, slots=True)
class Size:
    """What sets one Florence-2 apart from another; the rest is transformers' default."""

    name: str
    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    #: Side of the image in pixels; the tower makes a token of 32 by 32 of them, and one of them all.
    side: int = 768

    @property
    def image_tokens(self) -> int:
        """Tokens of one image.

        >>> BASE.image_tokens
        577
        """
        return (self.side // 32) ** 2 + 1


def _text(
    width: int, layers: int, heads: int, *, spread: float = 0.06, vocabulary: int = 51_328
) -> dict[str, Any]:
    """Gives the text part's numbers; `spread` of its weights makes answers depend on what is asked."""
    sides = ("encoder", "decoder")
    return {
        "d_model": width,
        "vocab_size": vocabulary,
        "max_position_embeddings": 1024,
        "init_std": spread,
        **{f"{side}_layers": layers for side in sides},
        **{f"{side}_attention_heads": heads for side in sides},
        **{f"{side}_ffn_dim": 4 * width for side in sides},
    }


BASE = Size("Florence-2 base", _text(768, 6, 12), {"projection_dim": 768})
LARGE = Size(
    "Florence-2 large",
    _text(1024, 12, 16),
    {
        "projection_dim": 1024,
        "embed_dim": [256, 512, 1024, 2048],
        "num_heads": [8, 16, 32, 64],
        "num_groups": [8, 16, 32, 64],
    },
)
#: For trying the check itself on a CPU.
SMALL = Size(
    "a small Florence-2",
    _text(32, 1, 2, spread=0.4, vocabulary=1_600),
    {
        "projection_dim": 32,
        "depths": [1, 1, 1, 1],
        "embed_dim": [8, 16, 32, 64],
        "num_heads": [1, 2, 4, 8],
        "num_groups": [1, 2, 4, 8],
        "window_size": 3,
    },
    side=96,
)
_CLIP_SIDE = 224
#: Of the vision and of the text part, what differs from transformers' default, which is B/32.
CLIP_B_32: dict[str, dict[str, Any]] = {"vision": {}, "text": {}}
SMALL_CLIP: dict[str, dict[str, Any]] = {
    part: {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    for part in CLIP_B_32
}


def write_florence(size: Size, folder: Path, device: torch.device) -> None:
    """Writes a checkpoint of random weights in float16, as the published ones are stored."""
    tiny = TINY_FOLDER / "florence2"
    tokenizer = AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    config = Florence2Config(
        text_config=BartConfig(**size.text).to_dict(),
        vision_config=dict(size.vision),
        image_token_id=tokenizer.image_token_id,
    )
    torch.manual_seed(0)
    with device:
        model: Any = Florence2ForConditionalGeneration(config)
    model.generation_config.update(
        forced_bos_token_id=0, forced_eos_token_id=2, no_repeat_ngram_size=3, num_beams=3
    )
    _write(model, folder)
    _copy_small_files(tiny, folder, size.side, image_seq_length=size.image_tokens)


def write_clip(parts: Mapping[str, Mapping[str, Any]], folder: Path, device: torch.device) -> None:
    """Writes a CLIP of random weights in float16."""
    tiny = TINY_FOLDER / "clip"
    tokenizer = AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config={**parts["text"], **ids, "pad_token_id": tokenizer.pad_token_id},
        vision_config=dict(parts["vision"]),
    )
    torch.manual_seed(0)
    with device:
        model: Any = CLIPModel(config)
    _write(model, folder)
    _copy_small_files(tiny, folder, _CLIP_SIDE)


def _write(model: Any, folder: Path) -> None:
    folder.mkdir(parents=True)
    with quietly():
        model.half().save_pretrained(folder)


def _copy_small_files(tiny: Path, folder: Path, side: int, **stated: int) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny / name, folder)
    processor = json.loads((tiny / "processor_config.json").read_text())
    processor["image_processor"] |= {"size": {"height": side, "width": side}, **stated}
    (folder / "processor_config.json").write_text(json.dumps(processor))
