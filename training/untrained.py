"""Both models before any training: their sizes, and beginnings from which few steps lead far."""

from __future__ import annotations

import math
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from models.boxes import BINS
from training.pools import CLIP_SIDE
from training.vocabulary import BOS, EOS, GRID, PAD

#: Its annotations refuse arguments that it documents.
_hf: Any = transformers

__all__ = ["new_clip", "new_florence"]

_WIDTH = 128


def new_florence(processor: Any, seed: int = 0) -> Any:
    """Gives an untrained `Florence2ForConditionalGeneration` of 2.27 million parameters."""
    torch.manual_seed(seed)
    vision = {
        "embed_dim": (32, 64, 128),
        "depths": (1, 1, 2),
        "num_heads": (1, 2, 4),
        "num_groups": (1, 2, 4),
        "patch_size": (7, 3, 3),
        "patch_stride": (4, 2, 2),
        "patch_padding": (3, 1, 1),
        "patch_prenorm": (False, True, True),
        "window_size": 5,
        "drop_path_rate": 0.0,
        "mlp_ratio": 2.0,
        "projection_dim": _WIDTH,
        "max_position_embeddings": 16,
        "max_temporal_embeddings": 4,
    }
    text = {
        "model_type": "bart",
        "vocab_size": len(processor.tokenizer),
        "d_model": _WIDTH,
        "encoder_layers": 2,
        "decoder_layers": 3,
        "encoder_ffn_dim": 512,
        "decoder_ffn_dim": 512,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "max_position_embeddings": 512,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "bos_token_id": BOS,
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "decoder_start_token_id": EOS,
        "forced_eos_token_id": None,
    }
    model = _hf.Florence2ForConditionalGeneration(
        _hf.Florence2Config(
            vision_config=vision,
            text_config=text,
            image_token_id=processor.image_token_id,
            pad_token_id=PAD,
            bos_token_id=BOS,
            eos_token_id=EOS,
            decoder_start_token_id=EOS,
        )
    )
    model.generation_config = _hf.GenerationConfig(
        bos_token_id=BOS,
        pad_token_id=PAD,
        eos_token_id=EOS,
        decoder_start_token_id=EOS,
        forced_bos_token_id=BOS,
        num_beams=1,
        do_sample=False,
    )
    _start_smoothly(model, processor.tokenizer.convert_tokens_to_ids("<loc_0>"))
    return model


def new_clip(processor: Any, seed: int = 0) -> Any:
    """Gives an untrained `CLIPModel` of 0.83 million parameters.

    CLIP's own beginning is far too small for a few hundred steps: ordinary weights and positions that
    are waves in two directions.
    """
    torch.manual_seed(seed)
    tokenizer = processor.tokenizer
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 32,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "projection_dim": 64,
    }
    vision = {
        "hidden_size": _WIDTH,
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": CLIP_SIDE,
        "patch_size": 8,
        "projection_dim": 64,
    }
    model = _hf.CLIPModel(_hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))
    with torch.no_grad():
        for module in model.vision_model.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        embeddings = model.vision_model.embeddings
        nn.init.normal_(embeddings.patch_embedding.weight, 0, 0.08)
        nn.init.normal_(embeddings.class_embedding, 0, 0.2)
        cells = CLIP_SIDE // 8
        y, x = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
        waves = [_waves(axis.flatten() / cells, torch.linspace(0.4, 3, 32)) for axis in (y, x)]
        embeddings.position_embedding.weight[1:] = 0.5 * torch.cat(waves, 1)
    return model


@torch.no_grad()
def _start_smoothly(model: Any, first_location: int) -> None:
    """Gives neighbouring locations and neighbouring cells embeddings that are alike."""
    pitches = torch.linspace(0.5, 24, _WIDTH // 2)
    loudness = pitches.pow(-0.5)
    loudness = loudness / loudness.pow(2).mean().sqrt()
    angles = math.pi * torch.arange(BINS)[:, None] / BINS * pitches
    locations = torch.cat([loudness * angles.cos(), loudness * angles.sin()], 1)
    shared = model.model.language_model.shared.weight
    shared[first_location : first_location + BINS] = 0.06 * locations
    positions = model.model.multi_modal_projector.image_position_embed
    for embedding in (positions.row_embeddings, positions.column_embeddings):
        count, width = embedding.weight.shape
        places = torch.arange(count) / GRID
        embedding.weight.copy_(0.5 * _waves(places, torch.linspace(0.25, 4, width // 2)))


def _waves(places: Tensor, pitches: Tensor) -> Tensor:
    angles = 2 * math.pi * places[:, None] * pitches
    return torch.cat([angles.sin(), angles.cos()], 1)
