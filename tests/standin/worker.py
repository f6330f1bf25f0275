"""A real worker process with a model of known cost and scripted misfortunes.

`python -m tests.standin.worker --redis URL`. What happens to an image is written in its URL's path:

    /ok-1        is answered                   /kill-1    ends the process while it is inferred
    /bad-1       is no image                   /crash-1   ends the process while it is decoded
    /raise-1     fails in the model            /hang-1    never returns
    /away-1      is never reached              /seize-1   never returns, nor lets other threads run
    /flaky-1     is not reached at first       /device-1  breaks the device for the whole process
    /memory-1    finds too little memory at first
    /late-1      is answered, but with `--late-s` fails in the model after that time
    /gone-1      is not there at first, which is final: only a retry by hand finds it
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from backend.errors import FirstpassError, ImageNotFound, ImageUnreachable, ImageUnreadable
from backend.logs import configure_logs
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer
from backend.queue import finish, leases
from backend.queue.connection import connect
from backend.queue.finish import KeepLimits
from backend.queue.payload import decode_request
from backend.queue.worker import BatchWorker
from backend.queue.worker_limits import WorkerLimits
from tests.standin.answers import SIZE, answer


class StandInModel:
    """Costs `base_s` per batch and `image_s` per image; writes what it was asked to `record`.

    A batch that was begun is held until the file `gate` is there, where one is named.
    """

    def __init__(
        self,
        base_s: float,
        image_s: float,
        record: Path | None,
        late_s: float = 0.0,
        gate: Path | None = None,
        served: Path | None = None,
    ) -> None:
        self._base_s, self._image_s, self._record = base_s, image_s, record
        self._late_s, self._gate, self._served = late_s, gate, served
        self._met: set[str] = set()
        self._device_lost = False

    def place(self, payload: object) -> str:
        """Images are on as many servers as the names of their kinds have letters: `slow@b-1` is on b's."""
        try:
            name = _name(decode_request(payload))
        except FirstpassError:
            return ""
        return name.partition("@")[2].partition("-")[0]

    def fetch(self, payload: object) -> ModelRequest:
        """An image named `stuck...` does not come until the file of its name is in the folder `served`."""
        request = decode_request(payload)
        name = _name(request)
        while name.startswith("stuck") and not (self._served and (self._served / name).exists()):
            time.sleep(0.02)
        return request

    def pixels(self, fetched: ModelRequest) -> int:
        """An image named `wide...` has a hundred million, others none that count."""
        return 100_000_000 if _name(fetched).startswith("wide") else 0

    def prepare(self, request: ModelRequest) -> ModelRequest:
        name = _name(request)
        kind = name.partition("-")[0]
        if kind == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "bad":
            raise ImageUnreadable(f"{name} is not an image")
        if kind == "gone" and self._meets(name):
            raise ImageNotFound(f"{name} is not there")
        if kind == "away" or (kind == "flaky" and self._meets(name)):
            raise ImageUnreachable(f"{name} could not be reached")
        return request

    def infer(self, batch: Sequence[ModelRequest]) -> list[Answer]:
        names = [_name(request) for request in batch]
        if self._record is not None:
            with self._record.open("a") as record:
                record.write(" ".join(names) + "\n")
        while self._gate is not None and not self._gate.exists():
            time.sleep(0.02)
        time.sleep(self._base_s + self._image_s * len(batch))
        for name in names:
            self._suffer(name)
        return [
            Answer(SIZE, tuple(answer(query) for query in request.queries), "0" * 64)
            for request in batch
        ]

    def _suffer(self, name: str) -> None:
        kind = name.partition("-")[0]
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "hang":
            time.sleep(3600)
        if kind == "seize":
            ctypes.PyDLL(None).sleep(3600)  # unlike `CDLL`, keeps the interpreter to itself
        if kind == "memory" and self._meets(name):
            raise MemoryError(name)
        if kind == "late":
            time.sleep(self._late_s)
        if kind == "raise" or (kind == "late" and self._late_s):
            raise RuntimeError(f"{name} is poison")
        if self._device_lost or kind == "device":
            self._device_lost = True
            raise RuntimeError("CUDA error: device-side assert triggered")

    def _meets(self, name: str) -> bool:
        """Whether it is the first time."""
        first = name not in self._met
        self._met.add(name)
        return first


def _name(request: ModelRequest) -> str:
    return request.image.location.rsplit("/", 1)[-1]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis", required=True)
    parser.add_argument("--base-s", type=float, default=0.0)
    parser.add_argument("--image-s", type=float, default=0.0)
    parser.add_argument("--batch-max", type=int, default=16)
    parser.add_argument("--lease-s", type=int, default=2)
    parser.add_argument("--batch-latency-s", type=float, default=2.0)
    parser.add_argument("--recycle-batches", type=int)
    parser.add_argument("--recycle-memory-mb", type=int)
    parser.add_argument("--fetch-s", type=float, default=0.0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--gate", type=Path)
    parser.add_argument("--served", type=Path)
    parser.add_argument("--late-s", type=float, default=0.0)
    parser.add_argument("--retry-after-s", type=float, default=0.2)
    parser.add_argument("--seized-s", type=float, default=leases.SEIZED_S)
    parser.add_argument("--finished-ttl-s", type=int, default=finish.FINISHED_TTL_S)
    parser.add_argument("--burst", action="store_true")
    parser.add_argument("--model", default="stand-in", help="what it says that it holds")
    args = parser.parse_args(arguments)
    configure_logs("info")
    leases.SEIZED_S, finish.FINISHED_TTL_S = args.seized_s, args.finished_ttl_s
    BatchWorker(
        connect(args.redis, retries=10),
        StandInModel(args.base_s, args.image_s, args.record, args.late_s, args.gate, args.served),
        WorkerLimits(
            batch_max=args.batch_max,
            batch_latency_s=args.batch_latency_s,
            lease_s=args.lease_s,
            keep=KeepLimits(result_ttl_s=600, failure_ttl_s=600),
            recycle_batches=args.recycle_batches,
            recycle_memory_mb=args.recycle_memory_mb,
            fetch_s=args.fetch_s,
            retry_after_s=(args.retry_after_s, args.retry_after_s),
        ),
        device="stand-in",
        model=args.model,
    ).run(burst=args.burst)


if __name__ == "__main__":
    main()
