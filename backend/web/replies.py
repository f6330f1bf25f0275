"""What goes back over HTTP: the reply to `/predict`, and errors with their statuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse

from backend.errors import CallerError, FirstpassError, InternalError, OperatorError
from backend.prediction.predictor import Slot
from backend.web.body import BodyTooLarge, BodyTooSlow, CallerGone

__all__ = ["AsciiReply", "error_reply", "predict_reply", "status_of"]

#: The first class that an error belongs to decides.
STATUSES: tuple[tuple[type[FirstpassError], int], ...] = (
    (BodyTooLarge, 413),
    (BodyTooSlow, 408),
    (CallerGone, 499),
    (CallerError, 400),
    (OperatorError, 503),
    (InternalError, 500),
)


class AsciiReply(JSONResponse):
    """JSON in ASCII, which can hold whatever JSON brought here, half an emoji too."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def status_of(error: FirstpassError) -> int:
    """The HTTP status for an error of ours."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_reply(status: int, kind: str, message: str) -> JSONResponse:
    """An error as JSON: a kind for programs, a sentence for people, never a traceback."""
    # Of a body that was not read to its end the rest is not waited for.
    headers = {"Connection": "close"} if status in (408, 413) else None
    content = {"error": {"kind": kind, "message": message}}
    return AsciiReply(content, status_code=status, headers=headers)


def predict_reply(slots: Sequence[Slot]) -> dict[str, Any]:
    """`results` is Label Studio's: one entry per task, in order, `[]` where there is none (yet).

    It ignores `errors`, which is for whoever debugs.
    """
    return {
        "results": [slot.prediction.model_dump() if slot.prediction else [] for slot in slots],
        "errors": [
            {"task": slot.task_id, "kind": slot.failure.kind, "message": slot.failure.message}
            for slot in slots
            if slot.failure is not None
        ],
    }
