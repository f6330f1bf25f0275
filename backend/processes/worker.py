"""Puts a worker process together from its settings, and runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from backend.images.fetch import ImageFetcher
from backend.inference.handler import PredictHandler
from backend.inference.output_cache import OutputCache, VectorCache
from backend.logs import configure_logs
from backend.processes.worker_start import Start
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.connection import connect, redis_url_of
from backend.queue.decoding import DecodingHandler
from backend.queue.device_lease import Device
from backend.queue.finish import KeepLimits
from backend.queue.standby import Standby, ended_by_signals
from backend.queue.worker import BatchWorker
from backend.queue.worker_limits import WorkerLimits
from backend.settings import Settings

__all__ = ["run_worker"]

log = structlog.get_logger()

#: A worker waits for Redis rather than give up its loaded models.
REDIS_RETRIES = 10


def run_worker(
    settings: Settings,
    *,
    burst: bool = False,
    waits: bool = True,
    devices: Callable[[], Sequence[Device]] | None = None,
) -> None:
    """Load the models, then work until a signal ends it (`burst`: until the queues are empty).

    What may come by itself, models on this disk or a free device, is waited for, unless `waits` says not
    to. `devices` gives the CUDA devices of this machine; without it they are those that torch finds.

    Raises `SettingsError` without a Redis URL and for a device that this machine lacks, `ModelUnavailable`
    for models that nobody knows, and for those that are not there and not waited for.
    """
    redis_url = redis_url_of(settings)
    configure_logs(settings.log_level, settings.log_format)
    ended_by_signals()
    connection = connect(redis_url, retries=REDIS_RETRIES, runs_in=settings.runs_in)
    store = BoundedStore(
        connect(settings.cache_url.get_secret_value() if settings.cache_url else redis_url),
        StoreLimits(settings.cache_ttl_s, settings.cache_entries),
    )
    standby = Standby(
        connection, model=settings.model, device=settings.device, ttl_s=3 * settings.lease_s
    )
    start = Start(settings, connection, standby, waits=waits and not burst)
    with standby, start.device(devices) as lease:
        credential = start.credential()
        runtime = start.load(lease.device.name if lease else settings.device, VectorCache(store))
        worker = BatchWorker(
            connection,
            DecodingHandler(
                PredictHandler(
                    ImageFetcher(settings, credential),
                    runtime,
                    OutputCache(store, runtime.fingerprint),
                    settings.image_max_pixels,
                )
            ),
            _limits(settings),
            device=runtime.device,
            model=settings.model,
            fingerprint=runtime.fingerprint,
            runs_in=settings.runs_in,
            name=standby.name,
        )
        if lease is not None:
            lease.when_lost(worker.end_soon)
        log.info("worker ready", worker=worker.name, model=settings.model, device=runtime.device)
        standby.hand_over()
        worker.run(burst=burst, log_level=settings.log_level.upper())


def _limits(settings: Settings) -> WorkerLimits:
    return WorkerLimits(
        batch_max=settings.batch_max,
        batch_latency_s=settings.batch_latency_s,
        batch_pixels=settings.batch_pixels,
        fetch_s=settings.image_timeout_s,
        lease_s=settings.lease_s,
        keep=KeepLimits(settings.result_ttl_s, settings.failure_ttl_s),
        recycle_batches=settings.recycle_batches,
        recycle_memory_mb=settings.recycle_memory_mb,
    )
