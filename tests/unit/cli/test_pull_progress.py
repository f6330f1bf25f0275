"""How a pull shows how far it is, on a terminal and in a log."""

from __future__ import annotations

import io

from rich.console import Console

from backend.cli.pull_progress import PlainPull, showing_pull


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_now_and_then_in_bytes_of_all_files() -> None:
    """Speed is of what came since the start; what was here before counts as here alone."""
    console, clock = Console(file=io.StringIO(), width=200), Clock()
    pull = PlainPull(console, clock)

    pull.expect(1_000_000_000, 400_000_000)
    for _ in range(30):
        clock.now += 1
        pull.gain(5_000_000)

    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "fetching 1,000.0 MB, 400.0 MB of them are here",
        "450.0 of 1,000.0 MB, 5.00 MB/s, 2 min left",
        "500.0 of 1,000.0 MB, 5.00 MB/s, 2 min left",
        "550.0 of 1,000.0 MB, 5.00 MB/s, 2 min left",
    ]


def test_a_terminal_gets_bytes_speed_and_time_left_in_one_line() -> None:
    """And sentences above it."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with showing_pull(console) as pull:
        pull.expect(200_000_000, 50_000_000)
        pull.gain(50_000_000)
        pull.note("config.json is damaged")

    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "100.0/200.0 MB" in shown
    assert "config.json is damaged" in shown
    assert "-:--:--" in shown or "0:00:" in shown
