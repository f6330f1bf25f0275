"""Trains the tiny checkpoints: `python -m training.run --stage all --work build/tiny`.

Stages, each from what the ones before it left in the work folder::

    pools      scenes, as arrays                                   pools/
    tower      the vision tower with dense losses                  florence2-tower/
    features   what the tower sees of every scene                  features/
    language   the language model on those, heads guided           florence2-trained/
    clip       CLIP                                                clip-trained/
    export     both in half precision                              florence2/, clip/

`--init FOLDER` starts a stage from a checkpoint and not from chance, to train it further.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from training.clip import ClipBatches, train_clip
from training.export import export
from training.features import cache_features
from training.language import LessonDrawer, Mix, train_language
from training.lessons import Lessons
from training.pools import FIRST_TRAINING_SEED, Pool, make_pool, open_pool
from training.schedule import Plan
from training.tower import SceneDrawer, train_tower
from training.untrained import new_clip, new_florence
from training.vocabulary import clip_processor, florence_processor

#: Its annotations refuse arguments that it documents.
_hf: Any = transformers

__all__ = ["STAGES", "Work", "load_clip", "load_florence", "main"]


@dataclass(frozen=True, slots=True)
class Work:
    """Where a run keeps its files, and how large it is."""

    folder: Path
    scenes: int
    init: Path | None
    #: `None` for a stage's own.
    steps: int | None
    rate: float | None
    seed: int

    def plan(self, *, steps: int, rate: float, warm_up: int = 100) -> Plan:
        """Gives a stage's plan: its own figures but for what was given."""
        return Plan(
            steps=self.steps or steps,
            rate=self.rate or rate,
            seed=self.seed,
            warm_up=warm_up,
            begins_at=0.6 if self.init is not None else 0.0,
        )

    def pool(self) -> Pool:
        """Opens the scenes."""
        return open_pool(self.folder / "pools")


def load_florence(folder: Path) -> tuple[Any, Any]:
    """Gives a Florence-2 in float32 and its processor."""
    processor = _hf.Florence2Processor(
        image_processor=CLIPImageProcessorPil.from_pretrained(folder),
        tokenizer=_hf.AutoTokenizer.from_pretrained(folder),
        post_processor_config=florence_processor().post_processor_config,
    )
    model = _hf.Florence2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model, processor


def load_clip(folder: Path) -> tuple[Any, Any]:
    """Gives a CLIP in float32 and its processor."""
    processor = _hf.CLIPProcessor(
        image_processor=CLIPImageProcessorPil.from_pretrained(folder),
        tokenizer=_hf.AutoTokenizer.from_pretrained(folder),
    )
    return _hf.CLIPModel.from_pretrained(folder, dtype=torch.float32), processor


def _pools(work: Work) -> None:
    make_pool(work.folder / "pools", first_seed=FIRST_TRAINING_SEED, count=work.scenes)


def _tower(work: Work) -> None:
    if work.init is not None:
        model, processor = load_florence(work.init)
    else:
        processor = florence_processor()
        model = new_florence(processor, work.seed)
    plan = work.plan(steps=6000, rate=2e-3)
    drawer = SceneDrawer([work.pool()], scenes=32, seed=work.seed)
    train_tower(model, processor, drawer, plan=plan, folder=work.folder / "florence2-tower")


def _features(work: Work) -> None:
    model, _ = load_florence(work.init or work.folder / "florence2-tower")
    (work.folder / "features").mkdir(exist_ok=True)
    cache_features(model.eval(), work.pool(), work.folder / "features" / "tokens.npy")


def _language(work: Work) -> None:
    model, processor = load_florence(work.init or work.folder / "florence2-tower")
    facts = work.pool().facts
    features = np.load(work.folder / "features" / "tokens.npy")
    drawer = LessonDrawer(facts, [features], Lessons(processor.tokenizer, work.seed), work.seed)
    plan = work.plan(steps=3000, rate=1e-3)
    folder = work.folder / "florence2-trained"
    train_language(model, processor, drawer, mix=Mix(), plan=plan, folder=folder)


def _clip(work: Work) -> None:
    if work.init is not None:
        model, processor = load_clip(work.init)
    else:
        processor = clip_processor()
        model = new_clip(processor, work.seed)
    batches = ClipBatches([work.pool()], crops=160, scenes=20, seed=work.seed)
    plan = work.plan(steps=1500, rate=1e-3, warm_up=150)
    train_clip(model, processor, batches, plan=plan, folder=work.folder / "clip-trained")


def _export(work: Work) -> None:
    for name, load in (("florence2", load_florence), ("clip", load_clip)):
        trained = work.folder / f"{name}-trained"
        if trained.is_dir():
            export(*load(trained), work.folder / name)


STAGES: dict[str, Callable[[Work], None]] = {
    "pools": _pools,
    "tower": _tower,
    "features": _features,
    "language": _language,
    "clip": _clip,
    "export": _export,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one stage, or all of them; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", choices=["all", *STAGES], default="all")
    parser.add_argument("--work", type=Path, default=Path("build/tiny"), help="default build/tiny")
    parser.add_argument("--scenes", type=int, default=24_000, help="in the pool (default 24000)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start the stage from")
    parser.add_argument("--steps", type=int, help="default: the stage's own")
    parser.add_argument("--rate", type=float, help="learning rate; default: the stage's own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="of one operation (default 2)")
    given = parser.parse_args(arguments)
    if given.stage == "all" and (given.init or given.steps or given.rate):
        parser.error("--init, --steps and --rate are for a single --stage")
    torch.set_num_threads(given.threads)
    work = Work(given.work, given.scenes, given.init, given.steps, given.rate, given.seed)
    work.folder.mkdir(parents=True, exist_ok=True)
    for name, stage in STAGES.items():
        if given.stage in ("all", name):
            sys.stdout.write(f"{name} -> {work.folder}\n")
            sys.stdout.flush()
            stage(work)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
