"""A handler of requests hears of jobs as requests, and of no job that does not decode."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.errors import Failure, InternalError
from backend.images.reference import parse_image_ref
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Outcome
from backend.queue.decoding import DecodingHandler
from backend.queue.payload import encode_request
from models.queries import Ground

REQUEST = ModelRequest(parse_image_ref("/data/upload/1/a.jpg", task_id=1), (Ground(("cat",)),))


class Heard:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    def place(self, request: ModelRequest) -> str:
        self.requests.append(request)
        return request.image.kind

    def fetch(self, request: ModelRequest) -> bytes:
        self.requests.append(request)
        return b"an image"

    def pixels(self, fetched: bytes) -> int:
        return len(fetched)

    def prepare(self, fetched: bytes) -> bytes:
        return fetched.upper()

    def infer(self, batch: Sequence[bytes]) -> list[Outcome]:
        return [Failure("Heard", image.decode(), transient=False) for image in batch]


def test_the_handler_is_given_the_request_that_was_sent() -> None:
    heard = Heard()
    decoding = DecodingHandler(heard)

    assert decoding.place(encode_request(REQUEST)) == "upload"
    fetched = decoding.fetch(encode_request(REQUEST))

    assert heard.requests == [REQUEST, REQUEST]
    assert decoding.pixels(fetched) == 8
    assert decoding.infer([decoding.prepare(fetched)]) == [
        Failure("Heard", "AN IMAGE", transient=False)
    ]


def test_a_job_that_does_not_decode_has_no_place_and_says_so_when_it_is_fetched() -> None:
    heard = Heard()
    decoding = DecodingHandler(heard)

    assert decoding.place({"subject": 1}) == ""
    with pytest.raises(InternalError, match="expected a job with subject and queries"):
        decoding.fetch({"subject": 1})
    assert heard.requests == []
