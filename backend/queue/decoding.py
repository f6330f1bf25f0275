"""A handler of requests, given jobs as they came through Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import FirstpassError
from backend.inference.batch import Handler
from backend.prediction.request import Outcome
from backend.queue.payload import decode_request

__all__ = ["DecodingHandler"]


@dataclass(frozen=True, slots=True)
class DecodingHandler:
    """Decodes each job for `handler`, which takes a `ModelRequest`."""

    handler: Handler

    def place(self, payload: object) -> str:
        """Where the job's image is fetched from; nowhere for a job that does not decode."""
        try:
            request = decode_request(payload)
        except FirstpassError:
            return ""  # `fetch` says what is wrong with it
        return self.handler.place(request)

    def fetch(self, payload: object) -> Any:
        """What the handler's `prepare` needs. Raises as `decode_request` and the handler do."""
        return self.handler.fetch(decode_request(payload))

    def pixels(self, fetched: Any) -> int:
        """As the handler says."""
        return self.handler.pixels(fetched)

    def prepare(self, fetched: Any) -> Any:
        """As the handler does."""
        return self.handler.prepare(fetched)

    def infer(self, batch: Sequence[Any]) -> Sequence[Outcome]:
        """As the handler does."""
        return self.handler.infer(batch)
