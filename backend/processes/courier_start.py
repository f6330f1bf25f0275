"""What the courier needs before it can deliver, waited for: Label Studio's address, our token, and the models' names.

To end instead would have it started again and again, with nobody told why.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass

import redis
import structlog

from backend.delivery.card import CourierCard, take_back_card, write_card
from backend.errors import ModelFolderMissing, QueueUnavailable, SettingsError
from backend.label_studio.api import LabelStudioApi
from backend.place import how_to_bring_folder, how_to_set
from backend.prediction.predictor import PredictorSettings, predictor_settings
from backend.queue.away import Outage
from backend.queue.clock import RedisClock
from backend.queue.connection import queue_errors
from backend.queue.heads import HeadShelf
from backend.settings import Settings
from models.file_checks import check_files
from models.registry import ModelNotAvailable

__all__ = ["CourierStart", "Needed"]

log = structlog.get_logger()

#: Between two looks for what is missing: reads a small file.
LOOK_S = 3.0
_KEY = "FIRSTPASS_LABEL_STUDIO_API_KEY"


@dataclass(frozen=True, slots=True)
class Needed:
    """Label Studio, to be closed by who has it, and what answers it."""

    api: LabelStudioApi
    predictors: PredictorSettings


class CourierStart:
    """The way to them. Without `waits` what is not there raises an error in place of waiting."""

    def __init__(
        self, settings: Settings, connection: redis.Redis, stop: threading.Event, *, waits: bool
    ) -> None:
        self._settings, self._connection, self._stop = settings, connection, stop
        self._waits = waits
        self._clock = RedisClock(connection)
        self._started_at: float | None = None
        self._said: str | None = None
        self._outage = Outage("sign of life")

    def needed(self) -> Needed | None:
        """Give both as soon as they are there; `None` where a signal came first.

        What it waits for stands in the log, once, and in Redis while that answers. Raises `ModelUnavailable` for
        a model that nobody knows, and without waiting for a folder, `SettingsError` for the rest.
        """
        while not self._stop.is_set():
            try:
                found = self._found()
            except (SettingsError, ModelFolderMissing) as error:
                if not self._waits:
                    raise
                self._wait(error)
                continue
            self._sign_off()
            if self._said is not None:
                log.info("courier goes on: what it waited for is there")
            return found
        self._sign_off()
        return None

    def _found(self) -> Needed:
        shelf = HeadShelf(self._connection, self._settings.home)
        shelf.put_back()
        predictors = predictor_settings(self._settings, shelf.card)
        for entry in predictors.engine.entries:
            if (
                entry.folder is not None
            ):  # half of it would give another `model_version` than the workers'
                try:
                    check_files(entry, entry.folder)
                except ModelNotAvailable as error:
                    raise ModelFolderMissing(str(error)) from error
        return Needed(LabelStudioApi.from_settings(self._settings), predictors)

    def _wait(self, error: SettingsError | ModelFolderMissing) -> None:
        reason = f"{error}; {self._remedy(error)}"
        if reason != self._said:
            log.warning("courier waits", reason=reason)
            self._said = reason
        try:
            with queue_errors():
                write_card(self._connection, self._card(reason))
            self._outage.end()
        except QueueUnavailable as failed:
            log.warning("no sign of life", reason=str(failed))
            self._outage.begin()
        self._stop.wait(LOOK_S)

    def _remedy(self, error: SettingsError | ModelFolderMissing) -> str:
        settings = self._settings
        if isinstance(error, ModelFolderMissing):
            return f"{how_to_bring_folder(settings.runs_in)}; it looks again every few seconds"
        if settings.label_studio_url is None:
            return how_to_set("FIRSTPASS_LABEL_STUDIO_URL", "courier", settings.runs_in)
        if settings.label_studio_api_key_file is None:
            return how_to_set(_KEY, "courier", settings.runs_in)
        if settings.runs_in == "systemd":  # the unit is handed a copy when it starts
            return "put the token into /etc/firstpass/label-studio-key, then `systemctl restart firstpass-courier`"
        return "the file is read again every few seconds"

    def _card(self, reason: str) -> CourierCard:
        now = self._clock()
        if self._started_at is None:
            self._started_at = now
        return CourierCard(
            host=socket.gethostname(),
            pid=os.getpid(),
            label_studio_url=self._settings.label_studio_url or "?",
            started_at=self._started_at,
            seen_at=now,
            stored=0,
            failed=0,
            waiting=reason,
            unable=True,
        )

    def _sign_off(self) -> None:
        if self._said is not None:
            try:
                take_back_card(self._connection)
            except redis.RedisError as failed:
                log.warning("could not sign off", error=type(failed).__name__)
