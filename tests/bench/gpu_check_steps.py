"""The steps of the check, model by model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models.florence2.engine import CPU_ROWS, GPU_ROWS
from tests.bench.gpu_check_agreement import agreement, tag_agreement
from tests.bench.gpu_check_models import Size, write_clip, write_florence
from tests.bench.gpu_check_peaks import makers_peak, measured_peak
from tests.bench.gpu_check_plan import Plan
from tests.bench.gpu_check_report import Found
from tests.bench.gpu_check_speed import (
    classified,
    located,
    operations_of,
    parts,
    preparing,
    tower,
)
from tests.bench.gpu_check_ways import Loaded, loaded

__all__ = ["steps"]


def steps(
    plan: Plan, found: Found, device: torch.device, folder: Path
) -> dict[str, Callable[[], None]]:
    """Gives what is to be done, by name, in order; each step adds its rows to what was found."""
    every: dict[str, Callable[[], None]] = {}
    for size in plan.sizes:
        of = _OfSize(plan, found, device, folder / size.name.replace(" ", "-"), size)
        parts_of_it: dict[str, Callable[[], None]] = {
            "weights": of.write,
            "speed": of.speed,
            "rows in a batch": of.row_batches,
            "agreement in float32": partial(of.other_format, "float32", compare=True),
            "float16": partial(of.other_format, "float16", compare=False),
        }
        every |= {f"{size.name}: {what}": step for what, step in parts_of_it.items()}
        # After the first size: on a slow card time may be up before the last.
        every.setdefault("CLIP", partial(_tags, plan, found, device, folder / "clip"))
    return every


@dataclass(frozen=True, slots=True)
class _OfSize:
    """The steps of one Florence-2."""

    plan: Plan
    found: Found
    device: torch.device
    folder: Path
    size: Size
    #: Operations of one image, by the number of labels.
    counted: dict[int, int] = field(default_factory=dict)

    def write(self) -> None:
        """Writes its weights, which every later step loads."""
        write_florence(self.size, self.folder, self.device)

    def speed(self) -> None:
        """Loads it as `auto` says; the tower, then boxes, greedy and with beams, and agreement."""
        with self._loaded("auto") as model:
            self._peaks(model)
            self._tower(model)
            for labels in self.plan.labels:
                self.counted[labels] = operations_of(model, labels)
            for images in self.plan.images:
                for labels in self.plan.labels:
                    self._located(model, images, labels)
            for labels in self.plan.labels:
                self._located(model, self.plan.images[-1], labels, beams=3)
            self._where_time_goes(model)
            self._compare(model)

    def row_batches(self) -> None:
        """Decodes fewer rows at once than the engine would by itself."""
        for batch in self.plan.row_batches:
            self._decode_at_once(batch)

    def _decode_at_once(self, batch: int) -> None:
        # A function of its own, so that no name keeps one model while the next is loaded.
        images, labels = self.plan.images[-1], self.plan.labels[-1]
        with self._loaded("auto", row_batch=batch, image_batch=images) as model:
            self._located(model, images, labels, row_batch=batch)

    def other_format(self, dtype: str, *, compare: bool) -> None:
        """Loads it in another number format than `auto` may take."""
        with self._loaded(dtype) as model:
            self._located(model, self.plan.images[-1], self.plan.labels[1])
            if compare:
                self._compare(model)

    def _loaded(self, dtype: str, **options: int) -> Any:
        return loaded(self.folder, self.device, dtype, tokens=self.plan.tokens, **options)

    def _peaks(self, model: Loaded) -> None:
        self.found.loads.append(_load_row(self.size.name, model))
        if not self.found.peaks:
            dtype = getattr(torch, model.dtype)
            self.found.peaks |= {
                "dtype": model.dtype,
                "makers": makers_peak(self.found.card["name"], dtype),
                "measured": measured_peak(self.device, dtype, self.plan.square),
                "side": self.plan.square,
            }

    def _tower(self, model: Loaded) -> None:
        for images in self.plan.tower:
            try:
                row = tower(model, self.device, images=images, rounds=self.plan.rounds)
            except torch.OutOfMemoryError:
                # The engine would go on in halves; the tower alone does not.
                words = f"{self.size.name}'s tower from {images} images at once"
                self.found.skipped.append(f"{words}, as the card's memory was too small")
                return
            self.found.towers.append(self._named(row, row.pop("operations")))

    def _located(
        self,
        model: Loaded,
        images: int,
        labels: int,
        *,
        beams: int = 1,
        row_batch: int | None = None,
    ) -> None:
        row = located(
            model,
            self.device,
            images=images,
            labels=labels,
            rounds=self.plan.rounds,
            beams=beams,
        )
        about = {
            "dtype": model.dtype,
            "beams": beams,
            "row_batch": row_batch or (GPU_ROWS if self.device.type == "cuda" else CPU_ROWS),
            "labels": labels,
        }
        # Beams do more than the one whose operations were counted.
        counted = self.counted.get(labels) if beams == 1 else None
        self.found.speeds.append(self._named(row | about, counted))

    def _where_time_goes(self, model: Loaded) -> None:
        images = self.plan.images[-1]
        ready = preparing(model, self.device, images=images, rounds=self.plan.rounds)
        for labels in self.plan.labels:
            shares = parts(model, images=images, labels=labels)
            about = {"model": self.size.name, "images": images, "labels": labels}
            about |= {"preparing_ms": 1000 / ready["images_per_s"]}
            self.found.shares.append(about | shares)

    def _compare(self, model: Loaded) -> None:
        images, labels = self.plan.compared
        for beams, decoding in ((1, "greedy"), (3, "3 beams")):
            row = agreement(model, images=images, labels=labels, beams=beams)
            about = {"model": self.size.name, "dtype": model.dtype, "decoding": decoding}
            self.found.agreements.append(about | row)

    def _named(self, row: dict[str, Any], counted: int | None) -> dict[str, Any]:
        """Gives a row with the model's name and the shares of what the card could do."""
        peaks = self.found.peaks
        reached = None if counted is None else counted * row["images_per_s"]
        shares = {
            f"of_{whose}_peak": reached / peaks[whose] if reached and peaks[whose] else None
            for whose in ("makers", "measured")
        }
        return {"model": self.size.name, "operations": counted, **row, **shares}


def _tags(plan: Plan, found: Found, device: torch.device, folder: Path) -> None:
    """Writes a CLIP, and measures tags and their agreement."""
    write_clip(plan.clip, folder, device)
    for dtype in ("auto", "float32"):
        with loaded(folder, device, dtype, tokens=plan.tokens) as model:
            _tags_of(model, plan, found, device)
        del model


def _tags_of(model: Loaded, plan: Plan, found: Found, device: torch.device) -> None:
    labels = plan.labels[-1]
    about = {"model": "CLIP B/32", "dtype": model.dtype}
    found.loads.append(_load_row("CLIP B/32", model))
    for images in plan.images:
        row = classified(model, device, images=images, labels=labels, rounds=plan.rounds)
        found.tags.append(about | {"labels": labels} | row)
    gap = tag_agreement(model, images=plan.images[-1], labels=labels)
    none = {"answers": None, "equal": None, "unlike": None}
    found.agreements.append(about | none | {"decoding": "tags", "largest_gap": gap})


def _load_row(name: str, model: Loaded) -> dict[str, Any]:
    return {
        "model": name,
        "dtype": model.dtype,
        "seconds": model.seconds,
        "bytes": model.bytes,
    }
