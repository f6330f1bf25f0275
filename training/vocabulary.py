"""Tokenizers and processors of both checkpoints, and what their prompts and answers are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.boxes import BINS
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from training.pools import CLIP_SIDE, SIDE

__all__ = [
    "BOS",
    "EOS",
    "GRID",
    "NUMBERS",
    "OTHER_THINGS",
    "PAD",
    "clip_processor",
    "florence_processor",
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

_LOCATIONS = tuple(f"<loc_{number}>" for number in range(BINS))
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
