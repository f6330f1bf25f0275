"""The attention of chosen layers, so that a single head of each can be told where to look."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["AttentionWatch"]

_NEVER = -1e4


class AttentionWatch:
    """Keeps queries and keys of a language model's layers as they are computed.

    Names: `encoder 0` for the self-attention of an encoder layer, `decoder 0` for what a decoder layer
    takes from the encoder.
    """

    def __init__(self, language_model: Any) -> None:
        """Takes the BART inside a Florence-2."""
        self._seen: dict[str, Tensor] = {}
        layers = {
            **{
                f"encoder {number}": layer.self_attn
                for number, layer in enumerate(language_model.encoder.layers)
            },
            **{
                f"decoder {number}": layer.encoder_attn
                for number, layer in enumerate(language_model.decoder.layers)
            },
        }
        heads = language_model.config.encoder_attention_heads
        self._width = language_model.config.d_model // heads
        self._hooks = [
            projection.register_forward_hook(self._keeping(f"{name} {part}"))
            for name, attention in layers.items()
            for part, projection in (("q", attention.q_proj), ("k", attention.k_proj))
        ]

    def log_weights(self, layer: str, head: int, mask: Tensor) -> Tensor:
        """Gives log attention of the last forward pass: (n, queries, keys); `mask` is (n, keys)."""
        part = slice(self._width * head, self._width * (head + 1))
        queries, keys = self._seen[f"{layer} q"][..., part], self._seen[f"{layer} k"][..., part]
        scores = queries @ keys.transpose(1, 2) * self._width**-0.5
        return torch.log_softmax(scores + (1 - mask[:, None].float()) * _NEVER, -1)

    def close(self) -> None:
        """Takes the hooks off again."""
        for hook in self._hooks:
            hook.remove()
        self._seen.clear()

    def _keeping(self, name: str) -> Any:
        def keep(module: object, given: object, output: Tensor) -> None:
            del module, given
            self._seen[name] = output

        return keep
