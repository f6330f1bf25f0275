"""How much is measured: enough for a report, or for a first look."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Effort"]


@dataclass(frozen=True, slots=True)
class Effort:
    """`rounds` of everything that alternates; throughput for `seconds`, arrivals for `arrivals_s`."""

    rounds: int
    seconds: float
    arrivals_s: float
    kills: int
    memory_images: int


#: Under ten minutes on two processors, and two or three.
FULL = Effort(rounds=3, seconds=8, arrivals_s=25, kills=6, memory_images=50_000)
QUICK = Effort(rounds=1, seconds=4, arrivals_s=10, kills=1, memory_images=5_000)
