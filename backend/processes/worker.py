"""Puts a worker process together from its settings, and runs it."""

from __future__ import annotations

import structlog

from backend.images.fetch import ImageFetcher
from backend.inference.handler import PredictHandler
from backend.inference.load import load_models
from backend.inference.output_cache import OutputCache, VectorCache
from backend.label_studio.credential import LabelStudioCredential
from backend.logs import configure_logs
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.connection import connect, redis_url_of
from backend.queue.decoding import DecodingHandler
from backend.queue.finish import KeepLimits
from backend.queue.worker import BatchWorker, WorkerLimits
from backend.settings import Settings

__all__ = ["run_worker"]

log = structlog.get_logger()

#: A worker waits for Redis rather than give up its loaded models.
REDIS_RETRIES = 10


def run_worker(settings: Settings, *, burst: bool = False) -> None:
    """Load the models, then work until a signal ends it (`burst`: until the queues are empty).

    Raises `SettingsError` without a Redis URL, `ModelUnavailable` when a checkpoint does not load.
    """
    redis_url = redis_url_of(settings)
    configure_logs(settings.log_level)
    store = BoundedStore(
        connect(settings.cache_url.get_secret_value() if settings.cache_url else redis_url),
        StoreLimits(settings.cache_ttl_s, settings.cache_entries),
    )
    runtime = load_models(settings, VectorCache(store))
    handler = PredictHandler(
        ImageFetcher(settings, LabelStudioCredential.from_settings(settings)),
        runtime,
        OutputCache(store, runtime.fingerprint),
        settings.image_max_pixels,
    )
    worker = BatchWorker(
        connect(redis_url, retries=REDIS_RETRIES),
        DecodingHandler(handler),
        WorkerLimits(
            batch_max=settings.batch_max,
            batch_latency_s=settings.batch_latency_s,
            batch_pixels=settings.batch_pixels,
            fetch_s=settings.image_timeout_s,
            lease_s=settings.lease_s,
            keep=KeepLimits(settings.result_ttl_s, settings.failure_ttl_s),
            recycle_batches=settings.recycle_batches,
            recycle_memory_mb=settings.recycle_memory_mb,
        ),
        device=runtime.device,
        model=settings.model,
        fingerprint=runtime.fingerprint,
    )
    log.info("worker ready", worker=worker.name, model=settings.model, device=runtime.device)
    worker.run(burst=burst, log_level=settings.log_level.upper())
