"""The alternative to our worker: stock RQ, one job per image, on the same stand-in model.

`python -m tests.bench.stock --redis URL --base-s S --image-s S` works on the queue `stock`.
"""

from __future__ import annotations

import argparse

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from backend.prediction.plan import ModelRequest
from backend.queue.connection import connect
from backend.queue.payload import encode_outcome, encode_request
from tests.standin.worker import StandInModel

__all__ = ["StockClient", "predict"]

QUEUE = "stock"
#: Set by `main`, in the worker's process alone.
_MODEL: list[StandInModel] = []


class StockClient:
    """Asks stock RQ: `enqueue`, then RQ's own blocking wait for the result."""

    def __init__(self, connection: redis.Redis) -> None:
        self._queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)

    def ask(self, job_id: str, request: ModelRequest) -> None:
        """Return when the image is answered. Raises `RuntimeError` when it is not."""
        job = self._queue.enqueue(
            "tests.bench.stock.predict",
            encode_request(request),
            job_id=job_id,
            job_timeout=120,
            result_ttl=60,
        )
        result = job.latest_result(timeout=60)
        if result is None or result.return_value is None:
            raise RuntimeError("expected an answer of the stock worker, got none")

    def enqueue(self, job_id: str, request: ModelRequest) -> None:
        """Only put it into the queue."""
        self._queue.enqueue("tests.bench.stock.predict", encode_request(request), job_id=job_id)


def predict(payload: object) -> str:
    """The stand-in model's answer for one image, as JSON text."""
    model = _MODEL[0]
    (answer,) = model.infer([model.prepare(model.fetch(payload))])
    return encode_outcome(answer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis", required=True)
    parser.add_argument("--base-s", type=float, required=True)
    parser.add_argument("--image-s", type=float, required=True)
    given = parser.parse_args()
    # Run as a module, this file is loaded twice: the job's function finds the one of that name.
    from tests.bench import stock

    stock._MODEL.append(StandInModel(given.base_s, given.image_s, None))
    connection = connect(given.redis, retries=10)
    SimpleWorker(
        [Queue(QUEUE, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        log_job_description=False,
    ).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
