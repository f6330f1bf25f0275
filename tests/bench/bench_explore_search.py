"""Measures `firstpass index` and `firstpass search`: `python -m tests.bench.bench_explore_search`.

On generated scenes, whose truth is known: how many of the first ten found by words are right, over regions and over
whole images; how fast images are indexed, against the model alone in the same run; how long a search takes among
20,000 images; and, among `--vectors` made-up vectors, what the graph finds of what comparing all finds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend.bulk.local import address_of
from backend.images.reference import parse_image_ref
from backend.indexing.marks import Marked
from backend.indexing.visiting import visited
from backend.indexing.wanted import Visit, Wanted
from backend.label_config.control_tags import ObjectTag
from backend.prediction.plan import ModelRequest
from backend.prediction.region_shapes import Rectangle
from backend.prediction.request import Answer, Outcome
from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.near_index import EXACT_MOST
from backend.vectors.nearest import nearest
from backend.vectors.places import IndexPlace, index_place
from backend.vectors.ranking import Sought, ranked
from backend.vectors.records import IndexedImage, Looks
from models.protocols import ImageQueries
from models.queries import Embed, SearchOver
from models.registry import fingerprint, resolve
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import Scene, generate_scene
from models.types import ImageSize

__all__ = ["main"]

FIRST_SEED = 8_100_000_000
SCENES, SPEED_IMAGES, IMAGES, VECTORS = 300, 2000, 20_000, 1_000_000
#: Found by words: gate for regions, and what whole images were measured at before there was an index.
OBJECTS = {"red star": 0.2, "blue circle": 0.1}
PLACES = ("snow", "night")
LEAST_PRECISION, LEAST_RECALL, LEAST_SPEED = 0.9, 0.95, 0.9
MOST_QUERY_S, MOST_NEAR_S = 0.3, 0.05
WIDTH = 512
CLASSIFIER = fingerprint(resolve("tiny-clip"))
LOOKS = Looks("ab" * 32, 1, 2, 0.5, 0.25, 120.0, 0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print a line for each figure; 0 where every target is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_explore_search")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--speed-images", type=int, default=SPEED_IMAGES)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--vectors", type=int, default=VECTORS, help="0: none are made up.")
    given = parser.parse_args(arguments)
    runtime = load_runtime("tiny-clip", "cpu", options=RuntimeOptions(cpu_threads=1))
    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for one in _all(given, runtime, home):
            figures.append(one)
            verdict = "" if one["met"] is None else ("met: " if one["met"] else "MISSED: ")
            sys.stdout.write(f"{verdict}{one['title']}: {one['value']:.4g} {one['of']}\n")
            sys.stdout.flush()
    if given.report is not None:
        given.report.write_text(json.dumps({"explore_search": figures}, indent=2) + "\n")
    return 1 if any(one["met"] is False for one in figures) else 0


def _all(given: argparse.Namespace, runtime: LoadedRuntime, home: Path) -> Iterator[dict[str, Any]]:
    if given.scenes:
        yield from _precision(runtime, home, given.scenes)
    if given.speed_images:
        yield from _speed(runtime, home, given.speed_images)
    if given.images:
        yield from _query_time(home, given.images)
    if given.vectors:
        yield from _near(home, given.vectors)


def _figure(title: str, value: float, of: str, met: bool | None = None) -> dict[str, Any]:
    return {"title": title, "value": value, "of": of, "met": met}


class SceneWindow:
    """Answers about scenes by a runtime, as a worker would, in batches of 16."""

    def __init__(self, runtime: LoadedRuntime, scenes: Mapping[str, Scene]) -> None:
        self._runtime, self._scenes = runtime, scenes
        self._waiting: dict[str, ModelRequest] = {}
        self.model_s = 0.0

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        self._waiting.update(requests)

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        some = [(job, self._waiting.pop(job)) for job in list(self._waiting)[:16]]
        batch = [
            ImageQueries(self._scene(asked).image, asked.image.location, asked.queries)
            for _, asked in some
        ]
        return {
            job: Answer(item.size, outputs, f"{hash(item.content_key):064x}")
            for (job, _), item, outputs in zip(some, batch, self._runtime.run(batch), strict=True)
        }

    def _scene(self, request: ModelRequest) -> Scene:
        return self._scenes[request.image.local_path]


def _visit(name: str, scene: Scene, *, with_boxes: bool) -> Visit:
    width, height = scene.image.size
    marks = tuple(
        Marked(
            "annotation",
            1,
            str(number),
            "box",
            thing.shape,
            None,
            Rectangle(
                100 * thing.box.x_min / width,
                100 * thing.box.y_min / height,
                100 * (thing.box.x_max - thing.box.x_min) / width,
                100 * (thing.box.y_max - thing.box.y_min) / height,
            ),
        )
        for number, thing in enumerate(scene.objects if with_boxes else ())
    )
    ref = parse_image_ref(address_of(name), task_id=None, label_studio_url=None)
    wanted = Wanted(
        name, int(name), 0, name, "s", ObjectTag("image", "image"), ModelRequest(ref, ()), marks,
        size=ImageSize(width, height),
    )  # fmt: skip
    return Visit(wanted, None)


def _indexed(
    runtime: LoadedRuntime, place: IndexPlace, scenes: Mapping[str, Scene], *, with_boxes: bool
) -> float:
    """Seconds that it takes to index them as the command does, the disk included."""
    started = time.monotonic()
    visits = (_visit(name, scene, with_boxes=with_boxes) for name, scene in scenes.items())
    batch: list[IndexedImage] = []
    with open_writer(place) as writer:
        for found in visited(visits, SceneWindow(runtime, scenes), "f" * 12):
            if found is not None:
                assert isinstance(found[1], IndexedImage), found[1]
                batch.append(found[1])
            if len(batch) >= 64:
                writer.put(batch)
                batch.clear()
        writer.put(batch)
        writer.tidy()
    return time.monotonic() - started


def _precision(runtime: LoadedRuntime, home: Path, count: int) -> Iterator[dict[str, Any]]:
    scenes = {str(number): generate_scene(FIRST_SEED + number) for number in range(1, count + 1)}
    place = index_place(home, "folder-00000001", CLASSIFIER)
    _indexed(runtime, place, scenes, with_boxes=True)
    index = FileIndex(place)
    engine = next(iter(runtime.engines.values()))
    images = {one.row: one.key for one in index.images()}
    regions = {one.row: one.image for one in index.regions()}

    def share(words: str, over: SearchOver, right: Callable[[Scene], bool]) -> float:
        vector = engine._texts.of((words,))[0].numpy()  # type: ignore[attr-defined]
        hits = ranked(index, Sought(vector, over, limit=10)).items
        names = [images[regions.get(hit.row, hit.row)] for hit in hits]
        return sum(right(scenes[name]) for name in names) / 10

    both: tuple[SearchOver, ...] = ("regions", "any")
    for words, before in OBJECTS.items():

        def has(scene: Scene, words: str = words) -> bool:
            return any(thing.name == words for thing in scene.objects)

        among = (
            f"of the first 10 of {count} scenes, of which {sum(map(has, scenes.values()))} have one"
        )
        for over in both:
            value = share(words, over, has)
            yield _figure(f"{words!r} over {over}", value, among, value >= LEAST_PRECISION)
        yield _figure(
            f"{words!r} over images", share(words, "images", has), f"{among} (before: {before})"
        )
    everything: tuple[SearchOver, ...] = ("regions", "any", "images")
    for words in PLACES:

        def is_there(scene: Scene, words: str = words) -> bool:
            return scene.background == words

        for over in everything:
            value = share(words, over, is_there)
            yield _figure(f"{words!r} over {over}", value, f"of the first 10 of {count} scenes")


def _speed(runtime: LoadedRuntime, home: Path, count: int) -> Iterator[dict[str, Any]]:
    scenes = {
        str(number): generate_scene(FIRST_SEED + 10_000 + number) for number in range(1, count + 1)
    }
    names = list(scenes)
    runtime.run([ImageQueries(scenes["1"].image, "warm", (Embed(),))])
    started = time.monotonic()
    for start in range(0, count, 16):
        some = names[start : start + 16]
        runtime.run(
            [ImageQueries(scenes[name].image, f"alone {name}", (Embed(),)) for name in some]
        )
    alone = count / (time.monotonic() - started)
    place = index_place(home, "folder-00000002", CLASSIFIER)
    ours = count / _indexed(runtime, place, scenes, with_boxes=False)
    yield _figure("images indexed", ours, f"images/s; the model alone {alone:.4g} images/s")
    share = ours / alone
    yield _figure("of the model's own speed", share, f"over {count:,} images", share >= LEAST_SPEED)


def _made_up(count: int, width: int, seed: int = 1) -> Iterator[np.ndarray]:
    """Vectors in clusters, as those of images are, in blocks; of length 1."""
    chance = np.random.default_rng(seed)
    middles = chance.normal(size=(max(20, count // 500), width)).astype(np.float32)
    for start in range(0, count, 10_000):
        some = min(10_000, count - start)
        made = middles[chance.integers(0, len(middles), some)] + 0.8 * chance.normal(
            size=(some, width)
        ).astype(np.float32)
        yield made / np.linalg.norm(made, axis=1, keepdims=True)


def _filled(place: IndexPlace, count: int, width: int) -> None:
    """An index of made-up images, one for each vector."""
    from tests.unit.vectors.made_rows import image

    number = 0
    with open_writer(place) as writer:
        for block in _made_up(count, width):
            images = []
            for vector in block:
                number += 1
                images.append(image(number, vector=tuple(vector.tolist())))
            writer.put(images)
        writer.tidy()


def _percentile(seconds: Sequence[float], share: float = 0.95) -> float:
    return float(np.percentile(seconds, 100 * share))


def _timed(index: FileIndex, queries: np.ndarray, limit: int) -> list[float]:
    seconds = []
    for query in queries:
        started = time.monotonic()
        ranked(index, Sought(query, "images", limit=limit))
        seconds.append(time.monotonic() - started)
    return seconds


def _query_time(home: Path, count: int) -> Iterator[dict[str, Any]]:
    place = index_place(home, "folder-00000003", CLASSIFIER)
    _filled(place, count, WIDTH)
    index = FileIndex(place)
    queries = next(_made_up(50, WIDTH, seed=2))
    seconds = _percentile(_timed(index, queries, 20))
    yield _figure(
        f"a search among {count:,} images, without the text tower",
        1000 * seconds,
        "ms (p95 of 50)",
        seconds <= MOST_QUERY_S,
    )


def _near(home: Path, count: int) -> Iterator[dict[str, Any]]:
    if count <= EXACT_MOST:
        raise SystemExit(f"expected --vectors above {EXACT_MOST:,}, where the graph begins, or 0")
    place = index_place(home, "folder-00000004", CLASSIFIER)
    started = time.monotonic()
    _filled(place, count, WIDTH)
    yield _figure(f"{count:,} vectors stored, their graph made", time.monotonic() - started, "s")
    index = FileIndex(place)
    queries = next(_made_up(200, WIDTH, seed=3))
    index.search(queries[:1], 10, "images")
    seconds, found = [], []
    for query in queries:
        started = time.monotonic()
        (hits,) = index.search(query[None], 10, "images")
        seconds.append(time.monotonic() - started)
        found.append({hit.row for hit in hits})
    rows = np.array(index.rows("images"))
    now = index._now
    places, _ = nearest(now.vectors, now.kinds["images"].slots, queries, 10)
    kept = sum(len(one & set(rows[line].tolist())) for one, line in zip(found, places, strict=True))
    recall, slow = kept / (10 * len(queries)), _percentile(seconds)
    yield _figure("recall@10 of the graph", recall, "against all compared", recall >= LEAST_RECALL)
    yield _figure(f"a query among {count:,}", 1000 * slow, "ms (p95 of 200)", slow <= MOST_NEAR_S)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield _figure("memory at the most", peak, "MiB, the test's own included")


if __name__ == "__main__":
    sys.exit(main())
