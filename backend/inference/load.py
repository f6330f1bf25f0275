"""Loads the models that the settings name: the one place where any command or worker does so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.errors import SettingsError
from backend.inference.checkpoints import check_checkpoints
from backend.prediction.engine import model_errors, overrides_of
from backend.settings import Settings
from models.protocols import HeadSource, IndexSearch, VectorStore

if TYPE_CHECKING:
    from models.runtime import LoadedRuntime

__all__ = ["load_models"]


def load_models(
    settings: Settings,
    vectors: VectorStore | None = None,
    heads: HeadSource | None = None,
    search: IndexSearch | None = None,
) -> LoadedRuntime:
    """Give the loaded models; seconds, and memory. `vectors` keeps image vectors beyond this process.

    `heads` finds what was learned of projects, `search` what an index holds.

    Raises `ModelUnavailable` for a model that is not here or does not load, and `SettingsError` for a
    device or number format that cannot be had.
    """
    check_checkpoints(settings.model, settings.runs_in)
    # Seconds; not for those who only look at settings, nor for a model that is not here.
    from models.runtime import RuntimeOptions, load_runtime

    options = RuntimeOptions(cpu_threads=settings.cpu_threads, overrides=overrides_of(settings))
    try:
        with model_errors():
            return load_runtime(
                settings.model, settings.device, settings.dtype, options, vectors, heads, search
            )
    except ValueError as error:
        raise SettingsError(str(error)) from error
