"""What was computed once is not computed again: over a real Redis and a real HTTP server."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import redis
from PIL import Image

from backend.images.fetch import ImageFetcher
from backend.images.reference import parse_image_ref
from backend.inference.handler import PredictHandler, PreparedImage
from backend.inference.output_cache import OutputCache, VectorCache
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.connection import connect
from backend.settings import load_settings
from models.protocols import ImageQueries
from models.queries import Classify, Ground, PerBox, Query
from models.runtime import load_runtime
from models.types import Detections, ImageSize, ModelOutput
from tests.standin.answers import answer

CATS, DOGS = Ground(("cat",)), Ground(("dog",))
COLOURS = PerBox(CATS, Classify(("red", "blue")))


class CountingRuntime:
    """The stand-in's answers; counts the queries that reach it, and tidies to the best box."""

    fingerprint = "engine"
    device = "stand-in"

    def __init__(self) -> None:
        self.asked: list[Query] = []
        self.told: list[dict[Query, ModelOutput]] = []
        self.kept_boxes = 9

    def run_raw(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        self.asked.extend(query for item in batch for query in item.queries)
        self.told.extend(dict(item.known) for item in batch)
        return [tuple(answer(query) for query in item.queries) for item in batch]

    def tidy(self, output: ModelOutput, size: ImageSize) -> ModelOutput:
        if isinstance(output, Detections):
            return Detections(output.items[: self.kept_boxes])
        return output


class Pictures(ThreadingHTTPServer):
    """Serves one picture with an ETag; keeps what it was asked and what it answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Picture)
        self.picture, self.etag = png(10), '"1"'
        self.statuses: list[int] = []


class _Picture(BaseHTTPRequestHandler):
    server: Pictures

    def do_GET(self) -> None:
        unchanged = self.headers.get("If-None-Match") == self.server.etag
        body = b"" if unchanged else self.server.picture
        self.server.statuses.append(304 if unchanged else 200)
        self.send_response(self.server.statuses[-1])
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with Pictures() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def store(redis_connection: redis.Redis) -> BoundedStore:
    return BoundedStore(redis_connection, StoreLimits(ttl_s=600, max_entries=1000))


@pytest.fixture
def runtime() -> CountingRuntime:
    return CountingRuntime()


@pytest.fixture
def handler(store: BoundedStore, runtime: CountingRuntime) -> Iterator[PredictHandler]:
    settings = load_settings(image_allow=("127.0.0.1",))
    with ImageFetcher(settings, None) as fetcher:
        yield PredictHandler(fetcher, runtime, OutputCache(store, "engine"), 10_000)


def ask(handler: PredictHandler, pictures: Pictures, *queries: Query, name: str = "1") -> Answer:
    url = f"http://127.0.0.1:{pictures.server_port}/{name}.png"
    request = ModelRequest(parse_image_ref(url, task_id=1), queries)
    prepared = handler.prepare(handler.fetch(request))
    if isinstance(prepared, PreparedImage):
        (done,) = handler.infer([prepared])
        return done
    return prepared


def test_a_second_pass_runs_no_model_and_fetches_the_headers(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """The server says 304, and the answer is the same."""
    first = ask(handler, pictures, CATS, DOGS)

    second = ask(handler, pictures, CATS, DOGS)

    assert second == first
    assert runtime.asked == [CATS, DOGS]
    assert pictures.statuses == [200, 304]


def test_only_what_is_new_is_asked(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """A query added later runs alone; the answer holds both, in the order asked."""
    ask(handler, pictures, CATS)

    both = ask(handler, pictures, DOGS, CATS)

    assert runtime.asked == [CATS, DOGS]
    assert both.outputs == (answer(DOGS), answer(CATS))


def test_boxes_known_from_before_are_told_to_the_models(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """Attributes added later cost no second search for the boxes."""
    ask(handler, pictures, CATS)

    ask(handler, pictures, CATS, COLOURS)

    assert runtime.asked == [CATS, COLOURS]
    assert runtime.told == [{}, {CATS: answer(CATS)}]


def test_what_was_said_of_boxes_is_asked_again_with_them(
    handler: PredictHandler,
    pictures: Pictures,
    runtime: CountingRuntime,
    redis_connection: redis.Redis,
) -> None:
    """Where only the boxes were forgotten: found anew, they might be others."""
    ask(handler, pictures, CATS, COLOURS)
    for key in redis_connection.scan_iter("firstpass:cache:output:*"):
        if '"type":"Detections"' in str(redis_connection.get(key)):
            redis_connection.delete(key)

    ask(handler, pictures, CATS, COLOURS)

    assert runtime.asked == [CATS, COLOURS] * 2


def test_other_overlap_rules_run_no_model(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """Outputs are kept raw, and tidied anew each time."""
    wide = Ground(("a", "b", "c"))
    ask(handler, pictures, wide)
    runtime.kept_boxes = 1

    (output,) = ask(handler, pictures, wide).outputs

    assert isinstance(output, Detections)
    assert len(output.items) == 1
    assert runtime.asked == [wide]


def test_the_same_bytes_under_another_name_are_known(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """Outputs belong to the content, not to the address."""
    ask(handler, pictures, CATS, name="1")

    ask(handler, pictures, CATS, name="renamed")

    assert runtime.asked == [CATS]


def test_changed_bytes_are_asked_about_anew(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """The same address with another picture gives another answer, of another size."""
    ask(handler, pictures, CATS)
    pictures.picture, pictures.etag = png(20), '"2"'

    changed = ask(handler, pictures, CATS)

    assert runtime.asked == [CATS, CATS]
    assert changed.size == ImageSize(20, 20)


def test_a_server_without_validators_is_read_but_not_asked_about(
    handler: PredictHandler, pictures: Pictures, runtime: CountingRuntime
) -> None:
    """The bytes tell that nothing changed."""
    pictures.etag = ""
    ask(handler, pictures, CATS)

    ask(handler, pictures, CATS)

    assert pictures.statuses == [200, 200]
    assert runtime.asked == [CATS]


def test_the_oldest_entries_go_first(redis_connection: redis.Redis) -> None:
    """Beyond its bound the store forgets, and keeps the newest."""
    small = BoundedStore(redis_connection, StoreLimits(ttl_s=600, max_entries=3))
    for i in range(5):
        small.put({f"n{i}": b"x"})
        redis_connection.zadd("firstpass:cache:index", {f"firstpass:cache:n{i}": i})

    assert small.get([f"n{i}" for i in range(5)]) == [None, None, b"x", b"x", b"x"]


def test_without_redis_nothing_is_known_and_nothing_fails() -> None:
    """A cache that is away costs time, never an answer."""
    with connect("redis://127.0.0.1:1/0", retries=0) as nowhere:
        away = BoundedStore(nowhere, StoreLimits(ttl_s=1, max_entries=1))
        away.put({"a": b"x"})

        assert away.get(["a", "b"]) == [None, None]


class CountingVectors:
    """A vector store that counts what is put."""

    def __init__(self, store: BoundedStore) -> None:
        self._cache, self.put_count = VectorCache(store), 0

    def get(self, names: Sequence[str]) -> Sequence[bytes | None]:
        return self._cache.get(names)

    def put(self, vectors: Mapping[str, bytes]) -> None:
        self.put_count += len(vectors)
        self._cache.put(vectors)


def test_another_worker_reuses_an_images_vector(store: BoundedStore) -> None:
    """New choices about a known picture do not encode it again, and are answered the same."""
    vectors = CountingVectors(store)
    image = Image.effect_noise((80, 60), 90).convert("RGB")
    query = Classify(("grass", "snow", "night"))
    first = load_runtime("tiny-clip", vectors=vectors).run([ImageQueries(image, "k", (query,))])
    assert vectors.put_count == 1

    second = load_runtime("tiny-clip", vectors=vectors).run([ImageQueries(image, "k", (query,))])

    assert vectors.put_count == 1
    assert second == first
