"""What a worker needs before it can work, waited for: its models on the disk, and a device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis

from backend.errors import ModelUnavailable, SettingsError
from backend.inference.checkpoints import ModelsMissing, check_checkpoints
from backend.inference.devices import check_device
from backend.inference.load import load_models
from backend.label_studio.credential import LabelStudioCredential
from backend.queue.device_lease import CUDA_AUTO, Device, DeviceLease, take_device
from backend.queue.heads import HeadShelf
from backend.queue.standby import Standby
from backend.settings import Settings
from backend.vectors.searching import HomeIndexes
from models.protocols import VectorStore

if TYPE_CHECKING:
    from models.runtime import LoadedRuntime

__all__ = ["Start"]

#: Between two looks for what is missing: reads a few small files, or asks Redis once for each device.
LOOK_S = 3.0
#: Models that are there and do not load are tried again after so many looks: memory may have been short.
LOAD_AGAIN = 20


class Start:
    """The way to loaded models. Without `waits` what is not there raises an error in place of waiting."""

    def __init__(
        self, settings: Settings, connection: redis.Redis, standby: Standby, *, waits: bool
    ) -> None:
        self._settings, self._connection, self._standby = settings, connection, standby
        self._waits = waits

    @contextmanager
    def device(
        self, devices: Callable[[], Sequence[Device]] | None = None
    ) -> Iterator[DeviceLease | None]:
        """The device that this worker has taken; `None` where the settings name one.

        The models are waited for first: a worker without them keeps no device from others. Raises
        `SettingsError` where there is no CUDA device at all.
        """
        self._models_there(devices)
        if self._settings.device != CUDA_AUTO:
            yield None
            return
        lease = self._lease((devices or _cuda_devices)())
        try:
            yield lease
        finally:
            lease.release()

    def load(self, device: str, vectors: VectorStore) -> LoadedRuntime:
        """Give the models, loaded on that device.

        Raises `SettingsError` for what no waiting mends, and without waiting `ModelUnavailable`.
        """
        settings = self._settings.model_copy(update={"device": device})
        while True:
            self._models_there()
            self._standby.loads()
            try:
                shelf = HeadShelf(self._connection, settings.home)
                shelf.put_back()
                return load_models(settings, vectors, shelf.get, HomeIndexes(settings.home))
            except ModelsMissing:  # they were there a moment ago
                if not self._waits:
                    raise
            except ModelUnavailable as error:
                if not self._waits:
                    raise
                self._standby.waits(f"waits for models that load: {error}", "")
                self._rest()

    def credential(self) -> LabelStudioCredential | None:
        """Give our credential for Label Studio; a file that is to hold it is waited for.

        Raises `SettingsError` for a token in the settings of another shape, and without waiting.
        """
        while True:
            try:
                return LabelStudioCredential.from_settings(self._settings)
            except SettingsError as error:
                if not self._waits or self._settings.label_studio_api_key_file is None:
                    raise
                self._standby.waits(
                    f"waits for its token for Label Studio: {error}", self._how_to_bring_key()
                )
                time.sleep(LOOK_S)

    def _how_to_bring_key(self) -> str:
        if self._settings.runs_in == "systemd":  # the unit is handed a copy when it starts
            return "put the token into /etc/firstpass/label-studio-key, then `systemctl restart 'firstpass-worker@*'`"
        return "put the token there"

    def _models_there(self, devices: Callable[[], Sequence[Device]] | None = None) -> None:
        """Return when they are whole on this disk."""
        missing = self._missing()
        if missing is not None:
            self._device_there(devices)  # never comes, and would be noticed only with them
        while missing is not None:
            if not self._waits:
                raise missing
            self._standby.waits(f"waits for its models: {missing.reason}", missing.remedy)
            time.sleep(LOOK_S)
            missing = self._missing()

    def _device_there(self, devices: Callable[[], Sequence[Device]] | None) -> None:
        """Raises `SettingsError` where it is not; torch is asked in a process of its own."""
        if self._settings.device != CUDA_AUTO:
            check_device(self._settings.device)
        elif devices is None:
            try:
                check_device(CUDA_AUTO)
            except SettingsError as error:
                raise _no_cuda() from error
        elif not devices():
            raise _no_cuda()

    def _missing(self) -> ModelsMissing | None:
        try:
            check_checkpoints(self._settings.model, self._settings.runs_in)
        except ModelsMissing as error:
            return error
        return None

    def _rest(self) -> None:
        """Until the models have gone, since that is how others come in their place, or for a minute."""
        for _ in range(LOAD_AGAIN):
            time.sleep(LOOK_S)
            if self._missing() is not None:
                return

    def _lease(self, devices: Sequence[Device]) -> DeviceLease:
        if not devices:
            raise _no_cuda()
        while (lease := self._free(devices)) is None:
            held = f"other workers hold all CUDA devices that it may use ({len(devices)})"
            fewer = "run no more workers than devices"
            if not self._waits:
                raise SettingsError(f"FIRSTPASS_DEVICE: {held}; {fewer}")
            self._standby.waits(f"waits for a device: {held}", fewer)
            time.sleep(LOOK_S)
        return lease

    def _free(self, devices: Sequence[Device]) -> DeviceLease | None:
        return take_device(self._connection, devices, 3 * self._settings.lease_s)


def _no_cuda() -> SettingsError:
    return SettingsError(
        f"FIRSTPASS_DEVICE: expected a CUDA device for {CUDA_AUTO}, but torch finds none that works here; "
        "give the container the GPUs, or take auto or cpu"
    )


def _cuda_devices() -> Sequence[Device]:
    from models.devices import cuda_devices  # torch: seconds

    return cuda_devices()
