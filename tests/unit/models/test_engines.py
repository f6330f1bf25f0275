"""Engines say what they answer: a third kind is asked by that alone, and questions only where one says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from models.answering import Answering
from models.asking import Asking
from models.catalogue import TINY_FOLDER, Entry
from models.postprocess import CleanRules
from models.protocols import ImageQueries, ImageQuery, QueryEngine, UnsupportedQuery
from models.queries import Ask, Caption, Classify, Query, QueryKind
from models.registry import fingerprint, reason_not_served, resolve
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import Scene
from models.types import Classification, ModelOutput, Texts
from tests.engines import florence_of

CPU = torch.device("cpu")
QUESTION = Ask("How many stars are there?")


class Echo:
    """A third kind of engine: it answers questions with the question."""

    queries: frozenset[QueryKind] = frozenset({Ask})
    dtype = "float32"

    def answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        return [Texts(question.query.words, score=1.0) for question in questions]

    def asked_by(self, answering: Answering) -> QueryEngine:
        return self


def run(runtime: LoadedRuntime, scene: Scene, *queries: Query) -> tuple[ModelOutput, ...]:
    (outputs,) = runtime.run([ImageQueries(scene.image, "scene", queries)])
    return outputs


def test_a_third_kind_of_engine_is_asked_what_it_says_it_answers(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], tmp_path: Path
) -> None:
    """By its queries alone, beside the others and in the variants of the runtime."""
    (tmp_path / "config.json").write_text("{}")
    echo = Entry("echo", "echo", Echo.queries, folder=tmp_path)
    entries = [*resolve("tiny"), echo]
    three = LoadedRuntime(entries, CPU, {**tiny.engines, "echo": Echo()}, RuntimeOptions())

    for runtime in (three, three.variant(gated=False)):
        told, caption, choice = run(
            runtime, scenes[0], QUESTION, Caption(), Classify(("night", "snow"))
        )
        assert told == Texts((QUESTION.question,), score=1.0)
        assert (caption,) == run(tiny, scenes[0], Caption())
        assert isinstance(choice, Classification)
    assert run(three, scenes[0], Ask("a", model="echo")) == (Texts(("a",), score=1.0),)
    assert reason_not_served(entries, QUESTION) is None
    assert reason_not_served(entries, Ask("a", model="tiny-clip")) is not None
    assert fingerprint(entries) != tiny.fingerprint


def test_a_question_is_refused_where_no_model_was_trained_to_answer_any(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """And the reason names the limit and what has it otherwise."""
    for setting in ("tiny", "florence-2-large,clip-vit-b-32"):
        reason = reason_not_served(resolve(setting), QUESTION) or ""
        assert "no loaded model was trained to answer questions" in reason
        assert "task_specific_params.vqa.prefix" in reason
    with pytest.raises(UnsupportedQuery, match="trained to answer questions"):
        run(tiny, scenes[0], QUESTION)


def test_a_checkpoint_whose_config_says_so_is_asked_questions(
    tmp_path: Path, scenes: tuple[Scene, ...]
) -> None:
    """Its own prefix stands before the question; the words of the tiny one mean nothing, being untrained."""
    folder = tmp_path / "vqa"
    shutil.copytree(TINY_FOLDER / "florence2", folder)
    config = json.loads((folder / "config.json").read_text())
    before = fingerprint(resolve(str(folder)))
    config["task_specific_params"] = {"vqa": {"prefix": "<VQA>"}}
    (folder / "config.json").write_text(json.dumps(config))

    runtime = load_runtime(str(folder), "cpu", options=RuntimeOptions(cpu_threads=1))
    (told,) = run(runtime, scenes[0], QUESTION)

    assert isinstance(told, Texts)
    assert len(told.texts) == 1
    assert runtime.fingerprint != before
    reason = reason_not_served(resolve(str(folder)), Ask("<loc_5>?")) or ""
    assert "control token" in reason


def test_the_prefix_stands_before_the_question(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []
    florence = florence_of(tiny)
    ask = florence.ask

    def noted(asks: Sequence[object], answering: Answering | None = None) -> object:
        prompts.extend(each.prompt.text for each in asks)  # type: ignore[attr-defined]
        return ask(asks, answering)  # type: ignore[arg-type]

    monkeypatch.setattr(florence, "ask", noted)
    asking = Asking(florence, None, Answering(num_beams=1), CleanRules(), question_prefix="<VQA>")
    asking.answer([ImageQuery(ImageQueries(scenes[0].image, "k", (QUESTION,)), QUESTION)])

    assert prompts == ["<VQA>How many stars are there?"]
