"""The table gives what the processor gives, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from models.catalogue import TINY_FOLDER
from models.pixels import PixelReader

CPU = torch.device("cpu")
PROCESSORS: dict[str, Any] = {
    "florence2": lambda: CLIPImageProcessorPil.from_pretrained(TINY_FOLDER / "florence2"),
    "clip": lambda: CLIPImageProcessorPil.from_pretrained(TINY_FOLDER / "clip"),
    "clip, as published": lambda: CLIPImageProcessorPil(size=224, crop_size=224),
    "siglip": lambda: SiglipImageProcessorPil(size={"height": 64, "width": 64}),
}


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_images_are_read_as_the_processor_reads_them(name: str, dtype: torch.dtype) -> None:
    processor = PROCESSORS[name]()
    random = np.random.default_rng(1)
    sizes = [(160, 160), (301, 97), (64, 500), (1, 1)]
    images = [
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]

    read = PixelReader(processor, CPU, dtype).read(images)

    expected = processor(images=images, return_tensors="pt")["pixel_values"].to(dtype)
    assert read.dtype is dtype
    assert torch.equal(read, expected)
