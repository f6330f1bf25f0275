"""Which worker computes on which CUDA device: a lease in Redis for each, so that N workers take N.

The lease is on the device's UUID, which is the same in every container of a machine. It is renewed while
its worker lives, and free soon after it does not.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol
from uuid import uuid4

import redis
import structlog
from redis.exceptions import LockError
from redis.lock import Lock

from backend.queue.finish import persist
from backend.queue.keys import device_key

__all__ = ["CUDA_AUTO", "Device", "DeviceLease", "take_device"]

log = structlog.get_logger()

#: The setting with which each worker takes a device of its own.
CUDA_AUTO = "cuda:auto"


class Device(Protocol):
    """`models.devices.CudaDevice`, or what a test puts in its place."""

    @property
    def name(self) -> str: ...

    @property
    def uuid(self) -> str: ...


class DeviceLease:
    """One device, ours until `release`; made by `take_device`."""

    def __init__(self, device: Device, lock: Lock, token: str, ttl_s: float) -> None:
        self.device = device
        self._lock, self._token, self._ttl_s = lock, token, ttl_s
        self._over = threading.Event()
        self._lost: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._renew, name="device-lease", daemon=True)
        self._thread.start()

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, in another thread, when another worker has taken the device."""
        self._lost = tell

    def release(self) -> None:
        """Free the device for others."""
        self._over.set()
        self._thread.join(timeout=2)
        try:
            self._lock.release()
        except (redis.RedisError, LockError) as error:
            log.warning("device not signed off", error=type(error).__name__)

    def _renew(self) -> None:
        while not self._over.wait(self._ttl_s / 3):
            try:
                if self._is_held():
                    continue
            except redis.RedisError as error:
                log.warning("device lease not renewed", error=type(error).__name__)
                continue
            log.error("another worker has taken the device", device=self.device.name)
            self._lost()
            return

    def _is_held(self) -> bool:
        """Renew it; where Redis has lost it, or was away for too long, take it again if it is free."""
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return bool(self._lock.acquire(token=self._token))


def take_device(
    connection: redis.Redis, devices: Sequence[Device], ttl_s: float
) -> DeviceLease | None:
    """Give the first device that nobody holds, now ours; `None` when others hold all of them.

    A lease that is not renewed runs out after `ttl_s` seconds. Waits for Redis.
    """
    for device in devices:
        lock = connection.lock(
            device_key(device.uuid), timeout=ttl_s, blocking=False, thread_local=False
        )
        # The first part is for a person who looks into Redis; host and process id may be another's too.
        token = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}"
        if persist(partial(_acquired, lock, token)):
            log.info("device taken", device=device.name, uuid=device.uuid)
            return DeviceLease(device, lock, token, ttl_s)
    return None


def _acquired(lock: Lock, token: str) -> bool:
    """Whether it is ours now; a first try whose answer was lost may have taken it already."""
    if lock.acquire(token=token):
        return True
    lock.local.token = token.encode()
    if lock.owned():
        return True
    lock.local.token = None
    return False
