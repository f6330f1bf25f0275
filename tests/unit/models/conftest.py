"""The tiny runtime, loaded once, and a few scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pytest

from models.protocols import ImageQueries
from models.queries import Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import Scene, generate_scene
from models.types import ModelOutput

FIRST_SEED = 7_000_000_000


@pytest.fixture(scope="session")
def tiny() -> LoadedRuntime:
    # One thread: models this small gain nothing from more, and lose much on a busy machine.
    return load_runtime("tiny", device="cpu", options=RuntimeOptions(cpu_threads=1))


@pytest.fixture(scope="session")
def scenes() -> tuple[Scene, ...]:
    """Twelve held-out scenes with at least one object each."""
    return tuple(generate_scene(FIRST_SEED + number) for number in range(12))


@pytest.fixture(scope="session")
def ask(tiny: LoadedRuntime) -> Callable[[Scene, Query], ModelOutput]:
    """One query about one scene, nothing else in the batch."""

    def run(scene: Scene, query: Query) -> ModelOutput:
        ((output,),) = tiny.run([ImageQueries(scene.image, _key(scene), (query,))])
        return output

    return run


@pytest.fixture(scope="session")
def ask_all(tiny: LoadedRuntime) -> Callable[[Sequence[Scene], Query], list[ModelOutput]]:
    """One query about every scene, in one batch."""

    def run(asked: Sequence[Scene], query: Query) -> list[ModelOutput]:
        batch = [ImageQueries(scene.image, _key(scene), (query,)) for scene in asked]
        return [output for (output,) in tiny.run(batch)]

    return run


def _key(scene: Scene) -> str:
    # Of the pixels, as in real use: the id of an object may come again when the object is gone.
    return hashlib.sha256(scene.image.tobytes()).hexdigest()
