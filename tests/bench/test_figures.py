"""What is said about measured figures: medians, nearest ranks, aims."""

from __future__ import annotations

import pytest

from bench.figures import Aim, Figure, Part, percentile, ratios


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 201)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (100, 198, 200)


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([1, 9], [2, 3]) == [0.5, 3]


def test_a_figure_is_held_against_its_aim_by_its_median() -> None:
    told = Figure("live / read", "", (0.4, 0.6, 0.5), Aim(at_least=0.5)).as_json()
    assert (told["median"], told["low"], told["high"], told["aim"], told["reached"]) == (0.5, 0.4, 0.6, "≥ 0.5", True)


def test_a_part_keeps_its_figures_in_order() -> None:
    part = Part("delay", "Delay")
    part.add("p50", "s", [0.4], Aim(at_most=0.6))
    part.add("p99", "s", [1.4], Aim(at_most=1.2))
    assert [(each.what, each.aim and each.aim.reached(each.median)) for each in part.figures] == [
        ("p50", True),
        ("p99", False),
    ]
