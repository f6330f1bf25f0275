"""What every stage shares: an optimiser, a learning rate by step, and a running record."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["Plan", "Record", "adam", "train"]

_CLIP_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a stage runs and how fast it learns. Steps and not minutes, so that it can be repeated.

    The rate rises over `warm_up` steps, stays, and from `decay_from` (a share of the steps) on falls
    along a half cosine to a hundredth.
    """

    steps: int
    rate: float
    seed: int = 0
    warm_up: int = 100
    decay_from: float = 0.1
    #: Share of a whole training that lies behind, for a stage that trains a trained model further:
    #: what becomes stricter over a stage begins there.
    begins_at: float = 0.0
    #: Steps between two checkpoints.
    save_every: int = 300
    #: Steps between two lines in the log.
    log_every: int = 50

    def rate_at(self, step: int) -> float:
        """Gives the learning rate of a step.

        >>> Plan(steps=100, rate=1.0, warm_up=10).rate_at(4)
        0.5
        """
        warm = min(1.0, (step + 1) / self.warm_up)
        falling = max(0.0, (step / self.steps - self.decay_from) / (1 - self.decay_from))
        return self.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * falling)))

    def progress_at(self, step: int) -> float:
        """Gives the share of the whole training that lies behind at a step.

        >>> Plan(steps=100, rate=1.0, begins_at=0.6).progress_at(50)
        0.8
        """
        return self.begins_at + (1 - self.begins_at) * step / self.steps


@dataclass(slots=True)
class Record:
    """Means of a stage's figures between two lines; the lines go to a file as JSON."""

    file: Path | None
    started: float = field(default_factory=time.monotonic)
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, figures: Mapping[str, Tensor]) -> None:
        """Takes one step's figures, each a scalar."""
        self.count += 1
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def line(self, step: int) -> dict[str, float]:
        """Gives and writes the means since the last line, and begins anew."""
        means = {name: round(total / max(1, self.count), 4) for name, total in self.sums.items()}
        line = {"step": step, "seconds": round(time.monotonic() - self.started, 1), **means}
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        self.sums, self.count = {}, 0
        return line


def adam(named: Iterable[tuple[str, nn.Parameter]], *, weight_decay: float) -> torch.optim.AdamW:
    """Gives AdamW over the parameters; decays matrices, but neither vectors nor embeddings."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in named:
        decays = parameter.ndim > 1 and "embed" not in name and "shared" not in name
        groups[decays].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": groups[True], "weight_decay": weight_decay},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
        fused=True,
    )


def train(
    plan: Plan,
    optimizer: torch.optim.Optimizer,
    losses: Callable[[float], Iterable[tuple[Tensor, Mapping[str, Tensor]]]],
    *,
    record: Record,
    save: Callable[[int], None],
) -> list[dict[str, float]]:
    """Runs a stage; gives the lines of its record.

    `losses` is given the progress in 0..1 and yields the step's losses with figures to record; their
    gradients are added. `save` is called every so often and at the end.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    lines = []
    for step in range(plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step)
        optimizer.zero_grad(set_to_none=True)
        figures: dict[str, Tensor] = {}
        for loss, measured in losses(plan.progress_at(step)):
            loss.backward()  # type: ignore[no-untyped-call]
            figures.update(measured)
        nn.utils.clip_grad_norm_(parameters, _CLIP_NORM)
        optimizer.step()
        record.add(figures)
        if (step + 1) % plan.log_every == 0:
            lines.append(record.line(step + 1))
        if (step + 1) % plan.save_every == 0 and step + 1 < plan.steps:
            save(step + 1)
    save(plan.steps)
    return lines
