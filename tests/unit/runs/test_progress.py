"""How far it is, in words."""

from __future__ import annotations

import io

from rich.console import Console

from backend.runs.progress import PACE_S, Progress, showing_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_line_says_speed_failures_regions_and_time_left() -> None:
    clock = Clock()
    progress = Progress(lambda shown: None, clock, things="regions")
    progress.begin(100)
    clock.now = 10.0
    progress.advance(made=18, failed=2, things=36)

    assert progress.line == "2 failed, 2.00 images/s, 2.0 regions per image, 40 s left"


def test_what_earlier_starts_did_counts_as_done_but_not_as_speed() -> None:
    clock = Clock()
    progress = Progress(lambda shown: None, clock)
    progress.begin(100, made=50, things=50)
    before = progress.images_per_s
    clock.now = 10.0
    progress.advance(made=10)

    assert (progress.done, before, progress.images_per_s) == (60, None, 1.0)


def test_speed_is_that_of_the_last_minutes() -> None:
    """A slow start is forgotten."""
    clock = Clock()
    progress = Progress(lambda shown: None, clock)
    progress.begin(None)
    clock.now = 1000.0
    progress.advance(made=1)
    clock.now = 1000.0 + PACE_S
    progress.advance(made=600)
    clock.now = 1010.0 + PACE_S
    progress.advance(made=20)

    assert progress.images_per_s == 2.0


def test_what_failed_and_is_tried_again_is_no_pace_backwards() -> None:
    """A negative speed would leave no time at all."""
    clock = Clock()
    progress = Progress(lambda shown: None, clock)
    progress.begin(100)
    clock.now = 10.0
    progress.advance(made=5, failed=95)
    clock.now = 15.0
    progress.advance(failed=-95)
    again = progress.line
    clock.now = 25.0
    progress.advance(made=19)

    assert again == ""
    assert progress.line == "1.90 images/s, 40 s left"


def test_while_it_waits_it_has_no_speed() -> None:
    """The last one says nothing of when the wait is over."""
    clock = Clock()
    progress = Progress(lambda shown: None, clock)
    progress.begin(100)
    clock.now = 10.0
    progress.advance(made=20)
    progress.wait_for("waiting: Redis does not answer")
    waiting = progress.line, progress.images_per_s
    progress.wait_for("")

    assert waiting == ("waiting: Redis does not answer", None)
    assert progress.line == "2.00 images/s, 40 s left"


def test_tasks_that_came_since_leave_no_known_time() -> None:
    """A run that watches for new tasks does more than it counted at first."""
    clock = Clock()
    progress = Progress(lambda shown: None, clock)
    progress.begin(10)
    clock.now = 10.0
    progress.advance(made=20)

    assert progress.line == "2.00 images/s"


def test_what_it_waits_for_is_said_until_it_is_over() -> None:
    shown = []
    progress = Progress(lambda at: shown.append(at.line))
    progress.wait_for("Label Studio does not answer")
    progress.wait_for("")

    assert shown == ["Label Studio does not answer", ""]


def test_without_a_terminal_it_says_plain_lines_and_not_too_many() -> None:
    buffer = io.StringIO()
    with showing_progress(Console(file=buffer)) as progress:
        progress.begin(1000)
        for _ in range(50):
            progress.advance(made=1)
        progress.wait_for("Label Studio [does not] answer")

    lines = buffer.getvalue().splitlines()
    assert lines[0] == "0 of 1,000 images"
    assert "Label Studio [does not] answer" in lines[1]
    assert len(lines) == 2


def test_on_a_terminal_it_is_one_line_that_goes_away() -> None:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=120)
    with showing_progress(console) as progress:
        progress.begin(10)
        progress.advance(made=3, failed=1)

    assert "4/10" in buffer.getvalue()
    assert "1 failed" in buffer.getvalue()
