"""Fills a folder with stand-ins of the pinned repositories: their own small files, and random weights.

In full the weights have the real size (1.1 GB); else few and narrow layers, that load in a moment. Either way
an image becomes as many tokens as with the real ones, and the words are the real ones.
"""

from __future__ import annotations

import json
import lzma
import shutil
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["CLIP", "FLORENCE", "make_repositories"]

_SMALL_FILES = Path(__file__).parent / "repositories"
FLORENCE = "florence-community/Florence-2-base/00921df66db728a9ceb750f5eca43e5c203a2051"
CLIP = "openai/clip-vit-base-patch32/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"

_SMALL_FLORENCE: dict[str, dict[str, Any]] = {
    "text_config": {
        **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
        **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
        **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "d_model"), 32),
    },
    "vision_config": {
        "depths": [1, 1, 1, 1],
        "embed_dim": [8, 16, 32, 32],
        "num_heads": [1, 2, 4, 4],
        "num_groups": [1, 2, 4, 4],
        "projection_dim": 32,
    },
}
_NARROW = {
    **dict.fromkeys(("hidden_size", "intermediate_size"), 64),
    **dict.fromkeys(("num_attention_heads", "num_hidden_layers"), 2),
}
_SMALL_CLIP: dict[str, dict[str, Any]] = {"text_config": _NARROW, "vision_config": _NARROW}


def make_repositories(target: Path, *, full: bool = False) -> Path:
    """Make them below `target`, as OWNER/NAME/COMMIT, and give it."""
    for made in (FLORENCE, CLIP):
        folder = target / made
        folder.mkdir(parents=True)
        for path in (_SMALL_FILES / made).iterdir():
            if path.suffix == ".xz":
                (folder / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
            else:
                shutil.copy(path, folder)
    if not full:
        _shrink(target / FLORENCE / "config.json", _SMALL_FLORENCE)
        _shrink(target / CLIP / "config.json", _SMALL_CLIP)
    _make_weights(target)
    # What the real ones have besides, and nobody needs.
    (target / CLIP / "flax_model.msgpack").write_bytes(b"\0" * 2_000_000)
    for made in (FLORENCE, CLIP):
        (target / made / "README.md").write_text("A stand-in.\n")
        (target / made / ".gitattributes").write_text("*.bin filter=lfs -text\n")
    return target


def _shrink(config: Path, changes: dict[str, dict[str, Any]]) -> None:
    content = json.loads(config.read_text())
    for part, sizes in changes.items():
        content[part] |= sizes
    config.write_text(json.dumps(content, indent=2))


def _make_weights(target: Path) -> None:
    """Each in the form that the pinned repository has: float16 and safetensors, float32 and a pickle."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPModel,
        Florence2Config,
        Florence2ForConditionalGeneration,
    )

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        florence = Florence2ForConditionalGeneration(
            Florence2Config.from_pretrained(target / FLORENCE)
        )
        florence.half().save_pretrained(temporary)
        shutil.copy(Path(temporary) / "model.safetensors", target / FLORENCE)
    clip = CLIPModel(CLIPConfig.from_pretrained(target / CLIP))
    torch.save(clip.state_dict(), target / CLIP / "pytorch_model.bin")
