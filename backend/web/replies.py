"""What goes back over HTTP: the reply to `/predict`, and errors with their statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse

from backend.errors import CallerError, FirstpassError, InternalError, OperatorError
from backend.predictor import Slot
from backend.web.body import BodyTooLarge

__all__ = ["error_reply", "predict_reply", "status_of"]

#: The first class that an error belongs to decides.
STATUSES: tuple[tuple[type[FirstpassError], int], ...] = (
    (BodyTooLarge, 413),
    (CallerError, 400),
    (OperatorError, 503),
    (InternalError, 500),
)


def status_of(error: FirstpassError) -> int:
    """The HTTP status for an error of ours."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_reply(status: int, kind: str, message: str) -> JSONResponse:
    """An error as JSON: a kind for programs, a sentence for people, never a traceback."""
    return JSONResponse({"error": {"kind": kind, "message": message}}, status_code=status)


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
