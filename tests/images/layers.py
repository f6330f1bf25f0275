"""The layers of an image, and what a change costs: the bytes that a machine with the image before must fetch."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from typing import IO

from tests.images.engine import Engine

__all__ = ["Layer", "layers", "new_bytes"]

#: Larger files of an archive are layers.
_SMALL = 1 << 20


@dataclass(frozen=True, slots=True)
class Layer:
    """Its bytes as the engine saves it, and whether it holds the file that was looked for."""

    size: int
    holds: bool


def layers(engine: Engine, image: str, look_for: str = "") -> dict[str, Layer]:
    """The layers by digest, from the first to the last; `look_for` is how the path of a file ends."""
    found: dict[str, Layer] = {}
    texts: dict[str, bytes] = {}
    with engine.save(image) as archive, tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if member.size < _SMALL:
                texts[member.name] = content.read()
            holds = bool(look_for) and member.size >= _SMALL and _holds(content, look_for)
            found[member.name] = Layer(member.size, holds)
    manifest = json.loads(texts["manifest.json"])[0]
    digests = json.loads(texts[manifest["Config"]])["rootfs"]["diff_ids"]
    kept = (found.get(name, Layer(0, holds=False)) for name in manifest["Layers"])
    return dict(zip(digests, kept, strict=True))


def new_bytes(before: dict[str, Layer], after: dict[str, Layer]) -> int:
    """What of the later image is not in the earlier one."""
    return sum(layer.size for digest, layer in after.items() if digest not in before)


def _holds(layer: IO[bytes], look_for: str) -> bool:
    with tarfile.open(fileobj=layer, mode="r|*") as members:
        return any(member.name.endswith(look_for) for member in members)
