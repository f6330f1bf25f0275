"""Downloads wait for nobody's slowness but their own place's; time here is a number that tests set."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backend.queue.fetches import AT_ONCE, SLOW_AT_ONCE, SLOW_S, SOON_S, Fetched, Fetches


class World:
    """Downloads that come when they are let; jobs are names, and begin with their place's letter."""

    def __init__(self, most: int = 100) -> None:
        self.now = 0.0
        self.gates: dict[str, threading.Event] = {}
        self.done: list[Fetched[str]] = []
        self.heard = threading.Semaphore(0)
        self.fetches: Fetches[str] = Fetches(self._fetch, self._told, most, clock=lambda: self.now)

    def add(self, *jobs: str) -> None:
        for job in jobs:
            self.gates[job] = threading.Event()
            self.fetches.add(job, job[0].strip("-"))

    def let(self, *jobs: str) -> None:
        """Let these come, and wait until they are heard of."""
        for job in jobs:
            self.gates[job].set()
        for _ in jobs:
            assert self.heard.acquire(timeout=60)
        while len(self.fetches) > len(self.gates) - len(self.done):
            pass

    @property
    def came(self) -> set[str]:
        return {one.job for one in self.done}

    def _fetch(self, job: str) -> str:
        self.gates[job].wait()
        if "bad" in job:
            raise ValueError(job)
        return job.upper()

    def _told(self, fetched: Fetched[str]) -> None:
        self.done.append(fetched)
        self.heard.release()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for gate in made.gates.values():
        gate.set()


def names(place: str, count: int) -> list[str]:
    return [f"{place}{number}" for number in range(count)]


def test_one_that_hangs_keeps_no_other_waiting(world: World) -> None:
    world.add("a0", "a1", "b0")

    world.let("a1", "b0")

    assert world.came == {"a1", "b0"}
    assert len(world.fetches) == 1


def test_an_error_is_its_own_alone(world: World) -> None:
    world.add("a-bad", "a1")

    world.let("a-bad", "a1")

    errors = {one.job: type(one.error) for one in world.done}
    assert errors == {"a-bad": ValueError, "a1": type(None)}


def test_a_place_is_asked_for_a_few_at_once(world: World) -> None:
    """The others begin as those before them end."""
    jobs = names("a", AT_ONCE + 2)
    world.add(*jobs)
    assert world.fetches.advance() == []
    world.gates[jobs[-1]].set()
    assert world.came == set()

    world.let(jobs[0], jobs[1])
    world.fetches.advance()
    assert world.heard.acquire(timeout=60)

    assert world.came == {jobs[0], jobs[1], jobs[-1]}


def test_what_waits_for_a_slow_place_is_handed_back(world: World) -> None:
    """And nothing more is begun there, until it has answered."""
    jobs = names("a", AT_ONCE + 3)
    world.add(*jobs, "b0")
    world.now = SLOW_S - 0.1
    assert world.fetches.advance() == []
    world.now = SLOW_S

    assert world.fetches.advance() == jobs[AT_ONCE:]
    world.add("a-new")
    assert world.fetches.advance() == ["a-new"]
    assert world.fetches.fresh == 0

    world.let(*jobs[: AT_ONCE - SLOW_AT_ONCE + 1])
    world.add("a-newer")
    assert world.fetches.advance() == []
    world.let("a-newer")


def test_few_that_are_slow_make_no_slow_place(world: World) -> None:
    world.add(*names("a", SLOW_AT_ONCE - 1))
    world.now = 10 * SLOW_S

    world.add("a-good")
    world.let("a-good")

    assert world.came == {"a-good"}


def test_what_comes_from_nowhere_is_never_slow(world: World) -> None:
    """Such as a picture that the job itself holds: as many at once as there is room for."""
    world.add(*[f"-{number}" for number in range(3 * AT_ONCE)])
    world.now = 10 * SLOW_S

    assert world.fetches.advance() == []
    assert world.fetches.room == 100 - 3 * AT_ONCE


def test_there_is_a_bound_over_all_places() -> None:
    world = World(most=4)
    world.add("a0", "b0", "c0", "d0", "e0")
    world.gates["e0"].set()
    world.fetches.advance()
    assert world.came == set()
    assert world.fetches.room == -1

    world.let("a0")
    world.fetches.advance()
    assert world.heard.acquire(timeout=60)

    assert world.came == {"a0", "e0"}
    for gate in world.gates.values():
        gate.set()


def test_what_is_dropped_ends_unheard(world: World) -> None:
    jobs = names("a", AT_ONCE + 1)
    world.add(*jobs)

    assert sorted(world.fetches.drop_all()) == sorted(jobs)
    assert len(world.fetches) == 0
    for gate in world.gates.values():
        gate.set()
    world.add("b0")
    world.let("b0")

    assert world.came == {"b0"}


def test_what_is_not_here_soon_keeps_no_place_for_others(world: World) -> None:
    """Long before its place is known to be slow: a worker that takes one image at a time goes on."""
    world.add("a0")
    assert world.fetches.fresh == 1

    world.now = SOON_S
    assert world.fetches.fresh == 0
    assert SOON_S < SLOW_S / 4
