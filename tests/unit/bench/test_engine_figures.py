"""What the engine's benchmark makes of its measurements."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tests.bench import engine_parts
from tests.bench.engine_figures import TARGETS, speed_figures, tower_figure, ways_table
from tests.bench.engine_measure import COUNTS, Turn, agreement_of
from tests.bench.engine_parts import Parts, TowerSpeed, timed_parts
from tests.bench.engine_prompts import prompt_figure
from tests.bench.engine_ways import Written
from tests.bench.report import Report

SHARES = {"vision": 0.5, "encoder": 0.2, "decoder": 0.2, "other": 0.1}


def turns(seconds: dict[str, float]) -> list[Turn]:
    """Two rounds; in the second the machine is twice as slow."""
    return [
        Turn(way, labels, slowed * took * (labels if way != "C" else 1), took, SHARES)
        for slowed in (1, 2)
        for labels in COUNTS
        for way, took in seconds.items()
    ]


def test_a_ratio_says_how_many_times_faster_ours_is() -> None:
    figures = {figure.title: figure for figure in speed_figures(turns({"A": 6, "B": 3, "C": 2}))}

    assert figures["C over A, labels: 1"].value == 3
    assert figures["C over A, labels: 1"].raw["cpu_ratios"] == [3, 3]
    assert figures["C over A, labels: 20"].value == 60
    assert figures["C over B, labels: 5"].value == 7.5
    assert all(figure.met for figure in figures.values())


def test_a_missed_target_says_by_how_much() -> None:
    figures = {figure.title: figure for figure in speed_figures(turns({"A": 4, "B": 3, "C": 2}))}

    assert figures["C over A, labels: 1"].verdict == "missed by 0.5x"


def test_the_targets_are_those_agreed() -> None:
    assert TARGETS == {"A": {1: 2.5, 5: 8.0, 20: 20.0}, "B": {1: 1.0, 5: 3.0, 20: 6.0}}


def test_a_second_prompt_is_measured_by_its_share_of_the_first() -> None:
    """Of neighbours in time: the machine was twice as slow in the last round."""
    figure = prompt_figure([3.0, 2.0, 4.0], [0.9, 0.8, 1.6])

    assert figure.value == 0.4
    assert figure.met
    assert not prompt_figure([2.0], [0.82]).met


def test_the_table_counts_no_turn_twice() -> None:
    report = Report("The engine", {}, machine_before={})
    report.figures.append(tower_figure(TowerSpeed(100, 30.0, 40.0)))
    report.figures.extend(speed_figures(turns({"A": 6, "B": 3, "C": 2})))

    table = ways_table(report)

    assert table.row_count == 9
    assert list(table.columns[2].cells)[:3] == ["0.111", "0.222", "0.333"]
    assert next(iter(table.columns[4].cells)) == "50%"


def test_answers_that_differ_in_a_token_or_a_probability_are_not_equal() -> None:
    one, other = Written((1, 2), (-0.1, -0.2)), Written((1, 3), (-0.1, -0.2))
    unsure = Written((1, 2), (-0.1, -0.4))

    assert agreement_of([one, one], [one, one]).met
    assert agreement_of([one, one], [one, other]).value == 50
    assert agreement_of([one, one], [one, unsure]).value == 50


def model_of_products() -> SimpleNamespace:
    """Has the parts of the real one, each of them one product."""
    vision, projector, encoder, decoder, head = (nn.Linear(8, 8) for _ in range(5))
    language = SimpleNamespace(encoder=encoder, decoder=decoder)
    core = SimpleNamespace(
        vision_tower=vision, multi_modal_projector=projector, language_model=language
    )
    return SimpleNamespace(device=torch.device("cpu"), model=core, lm_head=head)


def test_time_goes_to_the_part_that_takes_it() -> None:
    model = model_of_products()

    with timed_parts(model) as parts:
        model.model.vision_tower(torch.ones(1, 8))

    assert parts.inside["vision"] > 0 == parts.inside["encoder"] == parts.inside["decoder"]
    assert sum(parts.shares().values()) == pytest.approx(1)
    assert not model.model.vision_tower._forward_hooks


def test_attention_counts_among_the_operations() -> None:
    heads = torch.ones(1, 2, 16, 8)

    counted = engine_parts.operations(
        lambda: nn.functional.scaled_dot_product_attention(heads, heads, heads)
    )

    assert counted == 2 * 2 * 2 * 16 * 16 * 8


def test_examples_in_docstrings_hold() -> None:
    """What the docstrings show is what comes out."""
    assert doctest.testmod(engine_parts).failed == 0
    assert Parts(2.0).shares()["other"] == 1
