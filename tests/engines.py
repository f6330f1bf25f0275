"""The engines of a loaded runtime, for tests that look at one of them."""

from __future__ import annotations

from models.asking import Asking
from models.clip.engine import ClipEngine
from models.florence2.engine import FlorenceEngine
from models.runtime import LoadedRuntime

__all__ = ["clip_of", "florence_of"]


def florence_of(runtime: LoadedRuntime) -> FlorenceEngine:
    """Give the first Florence-2. Raises `StopIteration` without one."""
    return next(
        engine.florence for engine in runtime.engines.values() if isinstance(engine, Asking)
    )


def clip_of(runtime: LoadedRuntime) -> ClipEngine:
    """Give the first CLIP or SigLIP. Raises `StopIteration` without one."""
    return next(engine for engine in runtime.engines.values() if isinstance(engine, ClipEngine))
