"""What was measured, as values."""

from __future__ import annotations

import pytest

from pytest_modelgate.runs import Measurement, Round, Run, SideBySide
from pytest_modelgate.stats.sketch import LatencySketch


def run(value: float) -> Run:
    return Run({"memory.peak": value}, 1, 0, LatencySketch.from_latencies_ns([5], 0))


def measured(side_by_side: SideBySide | None) -> Measurement:
    runs = (run(1), run(2))
    return Measurement("toy", runs, {}, (), {}, None, {}, {}, side_by_side=side_by_side)


def test_all_runs_are_those_of_the_candidate_and_none_of_the_baselines():
    rounds = (Round(run(3), run(4)), Round(run(5), run(6)))
    measurement = measured(SideBySide(frozenset({"memory.peak"}), rounds))
    assert [one.values["memory.peak"] for one in measurement.all_runs] == [1, 2, 4, 6]


@pytest.mark.parametrize(
    "side_by_side", [None, SideBySide(frozenset({"memory.peak"}), obstacle="no image")]
)
def test_without_rounds_all_runs_are_the_runs(side_by_side):
    measurement = measured(side_by_side)
    assert measurement.all_runs == measurement.runs
