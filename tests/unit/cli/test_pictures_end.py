"""What ends the drawing of a page's pictures ends no report: the work was done before it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis
from PIL import Image
from rich.console import Console

from backend.bulk.illustrated import Illustrated
from backend.cli.ends import without_all_pictures
from backend.cli.evaluate_run import Measured
from backend.cli.prelabel_options import ProjectOptions
from backend.cli.prelabel_project import Place
from backend.dataset.selection import Selection
from backend.errors import LabelStudioUnavailable, QueueUnavailable
from backend.prediction.request import Outcome
from backend.queue.job_queue import JobQueue
from backend.settings import Settings
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.bulk.projects import StandInWindow, add, cars, target

pytestmark = pytest.mark.redis


@dataclass
class EndsInPictures(StandInWindow):
    """Answers a run; of what is asked for the pictures it answers one image, and then raises."""

    error: BaseException = field(default_factory=KeyboardInterrupt)
    opened: int = 0
    drawn: int = 0

    @contextmanager
    def window(self, **_: Any) -> Iterator[StandInWindow]:
        self.opened += 1
        with self.open():
            yield self

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        if self.opened == 1:
            return super().collect(wait_s)
        if self.drawn:
            raise self.error
        self.drawn += 1
        first = next(iter(self.waiting))
        return {first: self._outcome(self.waiting.pop(first))}


@pytest.fixture
def filled(
    tmp_path: Path, redis_connection: redis.Redis
) -> Callable[[BaseException], tuple[Illustrated, str, StandInLabelStudio]]:
    """A project of three tasks that is filled, and pictures that end so; with what was said."""

    def fill(error: BaseException) -> tuple[Illustrated, str, StandInLabelStudio]:
        label_studio = cars()
        add(label_studio, "a", "b", "c")
        api = label_studio.api()
        console = Console(width=200, record=True, file=io.StringIO())
        settings = Settings(home=tmp_path, model="tiny", label_studio_url="http://ls")
        options = ProjectOptions(report=[tmp_path / "run.html"])
        queue = cast("JobQueue", EndsInPictures(error=error))
        place = Place(
            options, Selection(), settings, api, redis_connection, queue, target(api), console
        )
        return place.fill(), console.export_text(), label_studio

    return fill


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (LabelStudioUnavailable("GET tasks: no answer"), "GET tasks: no answer"),
        (QueueUnavailable("Redis does not answer"), "Redis does not answer"),
        (KeyboardInterrupt(), "drawing them was interrupted"),
    ],
)
def test_a_project_that_is_filled_has_its_report(
    filled: Callable[[BaseException], tuple[Illustrated, str, StandInLabelStudio]],
    error: BaseException,
    why: str,
) -> None:
    """Summary, JSON and page, with the pictures that were drawn by then."""
    done, said, label_studio = filled(error)

    assert len(label_studio.rows) == 3
    assert (done.report.predicted, done.report.complete) == (3, True)
    assert json.loads(done.report.to_json())["predicted"] == 3
    assert len(done.pictures) == 1
    assert "Pre-labelled: project 3 (Cars)" in done.page()
    assert f"pictures are missing on the page: {why}" in said


def test_a_measurement_keeps_the_pictures_that_were_drawn() -> None:
    """And so its figures, which are written after them."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format="PNG")
    answers = iter([SimpleNamespace(data=file.getvalue())])

    class Fetcher:
        def fetch(self, reference: object) -> object:
            found = next(answers, None)
            if found is None:
                raise KeyboardInterrupt
            return found

    names = ("a", "b", "c")
    worst = [SimpleNamespace(image=name, marks=()) for name in names]
    items = [SimpleNamespace(key=n, request=SimpleNamespace(image=n)) for n in names]
    source = SimpleNamespace(fetcher=lambda: nullcontext(Fetcher()), settings=Settings())
    measured = Measured(
        cast("Any", SimpleNamespace(worst=worst)),
        cast("Any", source),
        cast("Any", SimpleNamespace(items=items)),
    )
    said: list[str] = []

    assert list(measured.pictures(said.append)) == ["a"]
    assert said == ["pictures are missing on the page: drawing them was interrupted"]


def test_an_error_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), without_all_pictures(print):
        raise ZeroDivisionError
