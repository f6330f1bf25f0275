"""What the queue adds to real models: the bundled checkpoints behind it, and called directly."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target, alternate, ratios
from tests.bench.process_costs import cpu_s
from tests.bench.queue_lab import QUERIES, Lab, open_lab, request_for

__all__ = ["queue_share"]

BATCH = 16
#: Images per round; each is a new scene.
IMAGES = 6 * BATCH
MAX_PIXELS = 100_000_000
#: Threads that spin while they wait take the processor from everything else on it: where another
#: program runs as well, the models then take ten times as long, on both sides.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
#: Loaded by the process that calls the models directly, in that process alone.
_RUNTIME: list[Any] = []


@dataclass(frozen=True, slots=True)
class Cost:
    """What a round took on the clock, and of the processors."""

    wall_s: float
    cpu_s: float


def queue_share(effort: Effort) -> Iterator[Figure]:
    """The same image files through submit, worker and wait, and in batches of 16 in a plain loop.

    The worker decodes the next batch while the models run, and keeps outputs in its cache; the loop
    does neither. Processor time counts worker, Redis and client; nothing else on the machine changes it.
    """
    queued: list[Cost] = []
    direct: list[Cost] = []
    with open_lab() as lab, _process_alone() as alone:
        worker = _start_tiny_worker(lab)
        rounds = [_scenes(lab.folder, number) for number in range(2 * effort.rounds + 1)]
        _through_queue(lab, worker, rounds[-1])
        alone.submit(run_directly, rounds[-1]).result()

        def through_queue(number: int) -> float:
            queued.append(_through_queue(lab, worker, rounds[number]))
            return queued[-1].wall_s

        def directly(number: int) -> float:
            direct.append(alone.submit(run_directly, rounds[number]).result())
            return direct[-1].wall_s

        ours, theirs, ratio = alternate(2 * effort.rounds, through_queue, directly)
    cpu_ours, cpu_theirs = [cost.cpu_s for cost in queued], [cost.cpu_s for cost in direct]
    cpu_ratio = median(ratios(cpu_ours, cpu_theirs))
    raw = {
        "images": IMAGES,
        "queued": [asdict(cost) for cost in queued],
        "direct": [asdict(cost) for cost in direct],
    }
    yield _share("time", ratio, ours, theirs, raw, Target(10.0))
    yield _share("processor time", cpu_ratio, cpu_ours, cpu_theirs, raw, None)


def run_directly(images: Sequence[str]) -> Cost:
    """What it takes to decode these files and to run the models on them, 16 at a time."""
    from backend.images.decode import decode_image
    from models.protocols import ImageQueries
    from models.runtime import load_runtime

    if not _RUNTIME:
        _RUNTIME.append(load_runtime("tiny", "cpu"))
    wall, cpu = time.monotonic(), time.process_time()
    for start in range(0, len(images), BATCH):
        batch = []
        for path in images[start : start + BATCH]:
            data = Path(path).read_bytes()
            sha256 = hashlib.sha256(data).hexdigest()
            batch.append(ImageQueries(decode_image(data, MAX_PIXELS), sha256, QUERIES))
        _RUNTIME[0].run(batch)
    return Cost(time.monotonic() - wall, time.process_time() - cpu)


def _share(
    what: str,
    ratio: float,
    ours: Sequence[float],
    theirs: Sequence[float],
    raw: dict[str, Any],
    target: Target | None,
) -> Figure:
    return Figure(
        f"the queue's share of the {what}, batch {BATCH}, tiny checkpoints",
        100 * (1 - 1 / ratio),
        " %",
        f"{1000 * median(ours) / IMAGES:.1f} ms per image; the same batches in a plain loop: "
        f"{1000 * median(theirs) / IMAGES:.1f} ms",
        target,
        raw,
    )


def _start_tiny_worker(lab: Lab) -> int:
    """The process id of a worker as `firstpass worker` starts it, with the bundled checkpoints."""
    environment = {
        "FIRSTPASS_REDIS_URL": lab.url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_DEVICE": "cpu",
        "FIRSTPASS_BATCH_MAX": str(BATCH),
        "FIRSTPASS_BATCH_LATENCY_S": "60",
        "FIRSTPASS_LOCAL_FILES_ROOT": str(lab.folder),
    }
    return lab.start("backend.cli.main", "worker", **environment, **PASSIVE).pid


def _process_alone() -> Executor:
    """A process for the plain loop. Its variables are set before it loads torch, which reads them."""
    (variable,) = PASSIVE.items()
    context = get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=os.putenv, initargs=variable)


def _through_queue(lab: Lab, worker: int, images: Sequence[str]) -> Cost:
    names = (Path(path).relative_to(lab.folder) for path in images)
    requests = dict(request_for(f"/data/local-files/?d={name}") for name in names)
    pids = (worker, lab.connection.info("server")["process_id"])
    cpu_before = sum(map(cpu_s, pids)) + time.process_time()
    wall_s = lab.ask(requests, interactive=False)
    return Cost(wall_s, sum(map(cpu_s, pids)) + time.process_time() - cpu_before)


def _scenes(folder: Path, number: int) -> list[str]:
    """Files with generated scenes; a number gives the same ones each time."""
    from models.tiny.scenes import generate_scene

    paths = []
    for seed in range(IMAGES * number, IMAGES * (number + 1)):
        path = folder / f"scene-{seed}.jpg"
        generate_scene(seed).image.save(path, quality=90)
        paths.append(str(path))
    return paths
