"""The engine as a worker loads and asks it, with answers of one length."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image

from models.answering import Overrides
from models.florence2.engine import Ask, FlorenceOptions
from models.florence2.parsing import Answer
from models.prompts import prompts_for
from models.protocols import ImageQueries
from models.queries import Ground, Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.types import ImageSize
from tests.engines import florence_of

__all__ = ["Loaded", "answers", "loaded", "peak_bytes", "run"]

#: No image is taken from the cache of an earlier pass.
_passes = itertools.count()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded runtime, what loading took, and the device's memory that the weights hold."""

    runtime: LoadedRuntime
    seconds: float
    bytes: int | None

    @property
    def dtype(self) -> str:
        """Number format of the weights."""
        return self.runtime.dtypes[0]


@contextmanager
def loaded(
    folder: Path, device: torch.device, dtype: str, *, tokens: int, beams: int = 1, **options: int
) -> Iterator[Loaded]:
    """Loads one folder as a worker does; frees the device's memory afterwards.

    Every answer of Florence-2 has exactly `tokens`; `options` are the engine's.
    """
    given = RuntimeOptions(
        florence=FlorenceOptions(min_new_tokens=tokens, **options),
        overrides=Overrides(num_beams=beams, max_new_tokens=tokens),
    )
    _free(device)
    started = time.perf_counter()
    runtime = load_runtime(str(folder), str(device), dtype, given)
    peak_bytes(device)
    took = time.perf_counter() - started
    held = torch.cuda.memory_allocated(device) if device.type == "cuda" else None
    try:
        yield Loaded(runtime, took, held)
    finally:
        del runtime
        _free(device)


def run(runtime: LoadedRuntime, images: Sequence[Image.Image], query: Query) -> None:
    """Asks one query of every image in one batch; no image was seen before."""
    number = next(_passes)
    runtime.run_raw(
        [ImageQueries(image, f"{number} {place}", (query,)) for place, image in enumerate(images)]
    )


def answers(
    runtime: LoadedRuntime,
    images: Sequence[Image.Image],
    labels: Sequence[str],
    *,
    beams: int,
    single: bool,
) -> list[Answer]:
    """Gives Florence-2's answer for each image and label: asked all at once, or one by one."""
    number = next(_passes)
    asks = [
        Ask(image, f"{number} {place}", prompt)
        for place, image in enumerate(images)
        for prompt in prompts_for(Ground(tuple(labels)), ImageSize(*image.size))
    ]
    engine = florence_of(runtime)
    rules = replace(engine.answering, num_beams=beams)
    if not single:
        return engine.ask(asks, rules)
    # Of its own number each: not even the image is shared.
    alone = [Ask(ask.image, f"{number} alone {at}", ask.prompt) for at, ask in enumerate(asks)]
    return [engine.ask([ask], rules)[0] for ask in alone]


def peak_bytes(device: torch.device) -> int | None:
    """Gives the most of the device's memory held since the last call, `None` on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)
    most = torch.cuda.max_memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    return most


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
