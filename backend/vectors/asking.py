"""Searches an index by a job for a worker: for who has no numpy, such as the web process."""

from __future__ import annotations

from backend.errors import BadRequest, Failure, InternalError
from backend.prediction.engine import Engine
from backend.prediction.plan import ModelRequest
from backend.prediction.request import request_id
from backend.queue.job_queue import JobQueue
from backend.vectors.places import IndexPlace
from backend.vectors.rows import IndexRows
from models.queries import MAX_HITS, MAX_PHRASE_CHARS, SearchIndex, SearchOver
from models.types import Hits

__all__ = ["check_text", "search_outcome"]

#: People wait for it.
WAIT_S = 10.0


def check_text(text: str) -> str:
    """The text without blanks around it. Raises `BadRequest` for none, and for one that is too long."""
    text = " ".join(text.split())
    if not text:
        raise BadRequest("expected some words to search for, got none")
    if len(text) > MAX_PHRASE_CHARS:
        raise BadRequest(
            f"expected at most {MAX_PHRASE_CHARS} characters to search for, got {len(text):,}: say it in fewer words"
        )
    return text


def search_outcome(
    queue: JobQueue,
    engine: Engine,
    place: IndexPlace,
    sought: str | int,
    *,
    over: SearchOver = "any",
    label: str = "",
    limit: int = 100,
    wait_s: float = WAIT_S,
) -> Hits | Failure | None:
    """What a worker finds that is like a text or a row; `None` where none answers in time.

    Raises `BadRequest` where there is no index, or for a text that is none, and `QueueUnavailable`.
    """
    if isinstance(sought, str):
        sought = check_text(sought)
    state = IndexRows(place).state()
    query = SearchIndex(place.name, state, sought, over, label, min(limit, MAX_HITS))
    request = ModelRequest(None, (query,))
    job = request_id(request, engine.fingerprint)
    asked = queue.ask({job: request}, interactive=True, wait_s=wait_s)
    outcome = asked.outcomes.get(job)
    if outcome is None or isinstance(outcome, Failure):
        return outcome
    (found,) = outcome.outputs
    if not isinstance(found, Hits):
        raise InternalError(f"expected what a search found, got a {type(found).__name__}")
    return found
