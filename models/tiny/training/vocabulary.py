"""Tokenizers, processors and untrained models of both checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from models.tiny.training.pools import CLIP_SIDE, SIDE

__all__ = [
    "BOS",
    "EOS",
    "GRID",
    "NUMBERS",
    "OTHER_THINGS",
    "PAD",
    "clip_processor",
    "florence_processor",
    "new_clip",
    "new_florence",
    "plural",
]

#: Its annotations refuse arguments that it documents.
_hf: Any = transformers
_ImageProcessor: Any = CLIPImageProcessorPil

BOS, PAD, EOS = 0, 1, 2
#: Cells a side of what the vision tower gives.
GRID = 10
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
#: Words for things that no scene shows.
OTHER_THINGS = (
    *("car", "dog", "cat", "person", "tree", "house", "bird", "boat", "flower", "ball", "arrow"),
    *("hexagon", "pentagon", "crescent", "pink", "brown", "gray", "cyan"),
)

_WIDTH = 128
_LOCATIONS = tuple(f"<loc_{number}>" for number in range(1000))
_MARKS = ("<image>", "<od>", "</od>", "<poly>", "</poly>", "<sep>", "<ground>", "<and>")
_PROMPTS = (
    "What is the text in the image?",
    "What does the image describe?",
    "Describe in detail what is shown in the image.",
    "Describe with a paragraph what is shown in the image.",
    "Locate the objects with category name in the image.",
    "Locate the objects in the image, with their descriptions.",
    "Locate the region proposals in the image.",
    "Locate the phrases in the caption: ",
    "Locate a in the image with mask",
    "What is the polygon mask of region ",
    "Locate a in the image.",
    "What is the region a?",
    "What does the region a describe?",
    "What text is in the region a?",
)
_POST_PROCESSOR: dict[str, dict[str, object]] = {
    "ocr": {"PATTERN": "(.+?)" + r"<loc_(\d+)>" * 8, "AREA_THRESHOLD": 0.0},
    "phrase_grounding": {
        "banned_grounding_tokens": [
            *("it", "I", "you", "we", "they", "the image", "image", "the picture"),
        ]
    },
    **{
        name: {}
        for name in (
            *("pure_text", "description_with_bboxes", "description_with_polygons", "polygons"),
            *("bboxes", "description_with_bboxes_or_polygons"),
        )
    },
}


def plural(shape: str) -> str:
    """Gives a shape's plural.

    >>> plural("cross"), plural("star")
    ('crosses', 'stars')
    """
    return "crosses" if shape == "cross" else shape + "s"


def florence_processor() -> Any:
    """Gives a `Florence2Processor` with a tokenizer made from the words of scenes and prompts."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=640,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=alphabet,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
    )
    learner.train_from_iterator(_corpus(), trainer)
    learned = json.loads(learner.to_str())["model"]
    tokenizer = _hf.RobertaTokenizer(
        vocab=learned["vocab"],
        merges=_merges(learned),
        extra_special_tokens={"image_token": "<image>"},
    )
    tokenizer.add_tokens([*_MARKS, *_LOCATIONS], special_tokens=True)
    tokenizer.model_max_length = 1024
    images = _ImageProcessor(
        size={"height": SIDE, "width": SIDE},
        do_center_crop=False,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    images.image_seq_length = GRID * GRID + 1
    return _hf.Florence2Processor(
        image_processor=images, tokenizer=tokenizer, post_processor_config=_POST_PROCESSOR
    )


def clip_processor() -> Any:
    """Gives a `CLIPProcessor` with a tokenizer made from the same words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = _hf.CLIPTokenizer()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = plain.backend_tokenizer.normalizer
    learner.pre_tokenizer = plain.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
    )
    frame = "a photo of a picture of an image of a scene with background. this is a drawing of the"
    learner.train_from_iterator([*_corpus(), *[frame] * 50], trainer)
    learned = json.loads(learner.to_str())["model"]
    vocabulary = dict(learned["vocab"])
    for letter in alphabet:
        for token in (letter, letter + "</w>"):
            vocabulary.setdefault(token, len(vocabulary))
    for mark in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[mark] = len(vocabulary)
    tokenizer = _hf.CLIPTokenizer(vocab=vocabulary, merges=_merges(learned))
    tokenizer.model_max_length = 32
    images = _ImageProcessor(size={"height": CLIP_SIDE, "width": CLIP_SIDE}, do_center_crop=False)
    return _hf.CLIPProcessor(image_processor=images, tokenizer=tokenizer)


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
    angles = math.pi * torch.arange(1000)[:, None] / 1000 * pitches
    locations = torch.cat([loudness * angles.cos(), loudness * angles.sin()], 1)
    shared = model.model.language_model.shared.weight
    shared[first_location : first_location + 1000] = 0.06 * locations
    positions = model.model.multi_modal_projector.image_position_embed
    for embedding in (positions.row_embeddings, positions.column_embeddings):
        count, width = embedding.weight.shape
        places = torch.arange(count) / GRID
        embedding.weight.copy_(0.5 * _waves(places, torch.linspace(0.25, 4, width // 2)))


def _waves(places: Tensor, pitches: Tensor) -> Tensor:
    angles = 2 * math.pi * places[:, None] * pitches
    return torch.cat([angles.sin(), angles.cos()], 1)


def _corpus() -> Iterator[str]:
    joining = ("a", "an", "and", "on", "object", "objects", "shape", "shapes", "with", "in", "the")
    words = [
        *COLORS,
        *SHAPES,
        *(shape + "s" for shape in SHAPES),
        "crosses",
        *BACKGROUND_NAMES,
        *NUMBERS,
        *OTHER_THINGS,
        *joining,
        "of",
        "image",
    ]
    for word in words:
        for _ in range(40):
            yield from (word, " " + word, f"a {word}.", f" {word}, {word}")
    yield from _PROMPTS * 20


def _merges(learned: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge)
        for merge in learned["merges"]
    ]
