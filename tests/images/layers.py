"""The layers of an image, and what a change costs: the bytes that a machine with the image before must fetch."""

from __future__ import annotations

import json
import tarfile

from tests.images.engine import Engine

__all__ = ["layers", "new_bytes"]

#: Larger files of an archive are layers.
_SMALL = 1 << 20


def layers(engine: Engine, image: str) -> dict[str, int]:
    """The bytes of each layer by its digest, from the first to the last, as the engine saves them."""
    sizes: dict[str, int] = {}
    texts: dict[str, bytes] = {}
    with engine.save(image) as archive, tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            if member.isfile():
                sizes[member.name] = member.size
                content = members.extractfile(member) if member.size < _SMALL else None
                texts[member.name] = content.read() if content is not None else b""
    manifest = json.loads(texts["manifest.json"])[0]
    digests = json.loads(texts[manifest["Config"]])["rootfs"]["diff_ids"]
    return dict(zip(digests, (sizes.get(name, 0) for name in manifest["Layers"]), strict=True))


def new_bytes(before: dict[str, int], after: dict[str, int]) -> int:
    """What of the later image is not in the earlier one."""
    return sum(size for digest, size in after.items() if digest not in before)
