"""Metrics that were to be settled side by side, where the baseline's server could not be had."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from verdict_samples import (
    CONDITIONS,
    a_run,
    beside,
    judged,
    judged_metric,
    measured,
    metric_of,
    recorded,
    rounds_with_ratios,
    runs_of,
)

from pytest_modelgate.verdict import MetricVerdict, Verdict

if TYPE_CHECKING:
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.runs import Run

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE

PEAK = "memory.peak"
STORED = runs_of(PEAK, 100, 100.1, 99.9, 100, 100)
STORED_NOISY = runs_of(PEAK, 100, 140, 70, 120, 80)
OBSTACLE = "not settled side by side: no image"


def hindered(
    now: tuple[Run, ...], before: Baseline, *, always: bool = False, strict: bool = False
) -> MetricVerdict:
    found = beside(settles=[PEAK], obstacle=OBSTACLE, always=always)
    measurement = measured(*now, side_by_side=found)
    return judged_metric(PEAK, "+5 %", measurement, before, strict=strict)


@pytest.mark.parametrize("always", [False, True])
def test_what_could_not_be_settled_says_also_why(always: bool) -> None:
    metric = hindered(STORED_NOISY, recorded(*STORED_NOISY), always=always)
    assert (metric.verdict, metric.method) == (INCONCLUSIVE, "stored")
    assert str(metric.reason).startswith("only a change of ")
    assert str(metric.reason).endswith(f"would help; {OBSTACLE}")


def test_a_stored_pass_stands_where_the_rounds_could_not_be_made() -> None:
    metric = hindered(STORED, recorded(*STORED))
    assert (metric.verdict, metric.reason) == (PASS, None)


def test_a_stored_pass_is_not_enough_for_who_always_wants_rounds() -> None:
    metric = hindered(STORED, recorded(*STORED), always=True)
    assert (metric.verdict, metric.reason) == (INCONCLUSIVE, OBSTACLE)


@pytest.mark.parametrize("always", [False, True])
def test_a_stored_breach_stays_one_where_the_rounds_could_not_be_made(always: bool) -> None:
    worse = runs_of(PEAK, 200, 200.1, 199.9, 200, 200)
    metric = hindered(worse, recorded(*STORED), always=always)
    assert metric.verdict is BREACH
    assert OBSTACLE not in str(metric.reason)


@pytest.mark.parametrize("always", [False, True])
def test_a_strict_improvement_stays_a_breach_where_the_rounds_could_not_be_made(
    always: bool,
) -> None:
    better = runs_of(PEAK, 50, 50.1, 49.9, 50, 50)
    metric = hindered(better, recorded(*STORED), always=always, strict=True)
    assert (metric.verdict, metric.improved) == (BREACH, True)


def test_an_obstacle_does_not_touch_what_was_not_to_be_settled() -> None:
    """The peak could not be settled; the size has no noise, and nothing to settle."""
    exact = {"image.size": 100.0}
    found = beside(settles=[PEAK], obstacle=OBSTACLE, always=True)
    gate = judged(
        measured(*STORED, exact=exact, side_by_side=found),
        recorded(*STORED, exact=exact),
        {PEAK: "+5 %", "image.size": "+5 %"},
    )
    assert metric_of(gate, "image.size").verdict is PASS
    assert metric_of(gate, PEAK).verdict is gate.verdict is INCONCLUSIVE


def test_rounds_before_the_baselines_server_failed_decide_nothing_but_their_failures_count() -> (
    None
):
    """Ten times worse in rounds that are void, in which the candidate failed a request."""
    worse = rounds_with_ratios(PEAK, *[10.0] * 3)
    failing = replace(worse[0], candidate=a_run([1000] * 9, failures=1))
    found = beside(failing, *worse[1:], settles=[PEAK], obstacle=OBSTACLE)
    gate = judged(measured(*STORED, side_by_side=found), recorded(*STORED), {PEAK: "+5 %"})
    assert (metric_of(gate, PEAK).verdict, metric_of(gate, PEAK).method) == (PASS, "stored")
    assert metric_of(gate, "errors.rate").verdict is BREACH
    assert not [note for note in gate.notes if "settled side by side" in note]


def test_conditions_that_differ_are_named_where_the_rounds_decided() -> None:
    found = beside(*rounds_with_ratios(PEAK, *[1.0] * 3), settles=[PEAK])
    now = measured(*STORED, side_by_side=found, fingerprint={**CONDITIONS, "cpus": "0.5"})
    gate = judged(now, recorded(*STORED), {PEAK: "+5 %"})
    assert metric_of(gate, PEAK).method == "side-by-side"
    (note,) = (note for note in gate.notes if "today's conditions" in note)
    assert "cpus: recorded nothing, now '0.5'" in note
