"""What goes to be settled side by side, when it is settled, and what may be recorded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from verdict_samples import (
    ALPHA,
    CONDITIONS,
    METRICS,
    beside,
    judged_metric,
    measured,
    recorded,
    rounds_of,
    runs_of,
)

from pytest_modelgate.metrics import Metrics
from pytest_modelgate.runs import Round
from pytest_modelgate.thresholds import Limit, Threshold, parse_threshold
from pytest_modelgate.verdict import Interval, is_settled, to_record, to_settle
from pytest_modelgate.verdict.relative import Standing, is_clear

if TYPE_CHECKING:
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.runs import Measurement

PEAK, READY = "memory.peak", "startup.ready"
VALUES = (100.0, 100.1, 99.9, 100.0, 100.0)
STORED = runs_of(PEAK, *VALUES)
BASELINE = recorded(*STORED)
QUIET = (1.0, 1.002, 0.998)
NOISY = (1.0, 1.2, 0.8)


def thresholds(**texts: str) -> dict[str, Threshold]:
    named = {name.replace("__", "."): text for name, text in texts.items()}
    return {name: parse_threshold(METRICS[name], text) for name, text in named.items()}


def asked(
    given: dict[str, Threshold],
    measurement: Measurement,
    baseline: Baseline = BASELINE,
    *,
    always: bool = False,
) -> set[str]:
    found = to_settle(given, measurement, baseline, metrics=METRICS, alpha=ALPHA, always=always)
    return set(found)


def slower(factor: float) -> Measurement:
    return measured(*runs_of(PEAK, *(value * factor for value in VALUES)))


@pytest.mark.parametrize(
    ("interval", "seen", "clear"),
    [
        ((0.0, -0.02, 0.0499), 0.01, True),
        ((0.0, -0.02, 0.05), 0.01, True),
        ((0.0, -0.02, 0.0501), 0.01, False),
        ((0.0, -0.0499, 0.02), 0.01, True),
        ((0.0, -0.05, 0.02), 0.01, True),
        ((0.0, -0.0501, 0.02), 0.01, False),
        ((0.0, -0.02, 0.02), 0.0499, True),
        ((0.0, -0.02, 0.02), 0.05, True),
        ((0.0, -0.02, 0.02), 0.0501, False),
        ((math.inf, math.inf, math.inf), 0.0, False),
    ],
)
def test_clear_is_what_lies_within_the_tolerance_whole_and_either_way(
    interval: tuple[float, float, float], seen: float, clear: bool
) -> None:
    assert is_clear(Standing(Interval(*interval), seen), 0.05) is clear


@pytest.mark.parametrize(
    "standing",
    [Standing(obstacle="no baseline"), Standing(Interval(0.0, 0.0, 0.0)), Standing(None, 0.0)],
)
def test_what_could_not_be_compared_is_not_clear(standing: Standing) -> None:
    assert not is_clear(standing, 0.05)


@pytest.mark.parametrize(
    ("factor", "settled"),
    [(1.0, False), (1.04, False), (0.96, False), (1.06, True), (0.94, True), (2.0, True)],
)
def test_what_moved_by_more_than_the_tolerance_either_way_goes_to_be_settled(
    factor: float, settled: bool
) -> None:
    given = thresholds(memory__peak="+5 %")
    assert asked(given, slower(factor)) == ({PEAK} if settled else set())


@pytest.mark.parametrize("factor", [1.04, 0.96])
def test_the_interval_decides_just_inside_at_and_just_outside_the_tolerance(factor: float) -> None:
    change = judged_metric(PEAK, "+50 %", slower(factor), BASELINE).change
    assert change is not None
    edge = max(change.high, -change.low)
    for tolerance, settled in ((edge - 1e-9, {PEAK}), (edge, set()), (edge + 1e-9, set())):
        given = {PEAK: Threshold("", None, tolerance)}
        assert asked(given, slower(factor)) == settled


def test_numbers_too_noisy_to_show_a_change_of_the_tolerance_go_to_be_settled() -> None:
    noisy = runs_of(PEAK, 100, 130, 75, 110, 90)
    given = thresholds(memory__peak="+5 %")
    assert asked(given, measured(*noisy), recorded(*noisy)) == {PEAK}


@pytest.mark.parametrize(
    "changed", [{"cpu_model": "B"}, {"workload": "w2"}], ids=["conditions", "workload"]
)
def test_what_was_recorded_under_other_conditions_goes_to_be_settled(
    changed: dict[str, str],
) -> None:
    elsewhere = measured(*STORED, fingerprint={**CONDITIONS, **changed})
    assert asked(thresholds(memory__peak="+5 %"), elsewhere) == {PEAK}


def test_a_metric_that_the_baseline_lacks_goes_to_be_settled() -> None:
    measurement = measured(*runs_of(READY, *VALUES))
    assert asked(thresholds(startup__ready="+5 %"), measurement) == {READY}


@pytest.mark.parametrize("always", [False, True])
def test_what_has_no_noise_and_what_has_no_tolerance_is_never_settled_side_by_side(
    always: bool,
) -> None:
    given = thresholds(image__size="+5 %", errors__rate="< 1 %", startup__ready="< 5 s")
    measurement = measured(*STORED, exact={"image.size": 900.0})
    baseline = recorded(*STORED, exact={"image.size": 100.0})
    assert asked(given, measurement, baseline, always=always) == set()


def test_always_takes_also_what_is_clear() -> None:
    given = thresholds(memory__peak="+5 %", startup__ready="< 5 s", image__size="+5 %")
    assert asked(given, slower(1)) == set()
    assert asked(given, slower(1), always=True) == {PEAK}


def test_of_several_metrics_only_those_that_are_open_are_settled() -> None:
    both = [
        replace(run, values={**run.values, READY: value})
        for run, value in zip(STORED, (1.0, 3.0, 0.5, 2.0, 1.5), strict=True)
    ]
    given = thresholds(memory__peak="+5 %", startup__ready="+5 %")
    assert asked(given, measured(*both), recorded(*both)) == {READY}


def settled(
    given: dict[str, Threshold],
    *rounds: Round,
    settles: tuple[str, ...] = (PEAK,),
    always: bool = False,
) -> bool:
    found = beside(*rounds, settles=settles, always=always)
    return is_settled(given, slower(2), found, metrics=METRICS, alpha=ALPHA)


def rounds(factor: float, spread: tuple[float, ...] = QUIET) -> tuple[Round, ...]:
    return rounds_of(PEAK, *((50.0, 50.0 * factor * noise) for noise in spread))


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize(
    ("factor", "spread", "over"),
    [
        (1.0, (1.0,) * 3, True),  # a pass
        (0.5, (1.0,) * 3, True),  # an improvement
        (4.0, QUIET, True),  # a breach
        (1.0, NOISY, False),  # still open
        (1.0, (1.0,) * 2, False),  # too few
    ],
)
def test_it_is_settled_by_a_pass_or_a_breach_of_the_rounds_alone(
    factor: float, spread: tuple[float, ...], over: bool, always: bool
) -> None:
    """The runs, of which the candidate's are twice the baseline's, have no part in it."""
    assert settled(thresholds(memory__peak="+50 %"), *rounds(factor, spread), always=always) is over


def of_both(peak: tuple[Round, ...], ready: tuple[tuple[float, float], ...]) -> tuple[Round, ...]:
    return tuple(
        Round(
            replace(one.baseline, values={**one.baseline.values, READY: before}),
            replace(one.candidate, values={**one.candidate.values, READY: now}),
        )
        for one, (before, now) in zip(peak, ready, strict=True)
    )


SAME, OPEN, WORSE = ((1.0, 1.0),) * 3, ((1.0, 1.0), (1.0, 3.0), (3.0, 1.0)), ((1.0, 4.0),) * 3


@pytest.mark.parametrize(
    ("ready", "factor", "over"),
    [
        (SAME, 1.0, True),
        (OPEN, 1.0, False),
        (OPEN, 4.0, True),  # the other's breach cannot be undone
        (WORSE, 1.0, True),
    ],
)
def test_of_several_metrics_all_must_pass_or_one_must_be_a_breach(
    ready: tuple[tuple[float, float], ...], factor: float, over: bool
) -> None:
    given = thresholds(memory__peak="+50 %", startup__ready="+50 %")
    both = of_both(rounds(factor, (1.0,) * 3), ready)
    assert settled(given, *both, settles=(PEAK, READY)) is over


def test_a_metric_that_the_rounds_do_not_settle_is_not_waited_for() -> None:
    given = thresholds(memory__peak="+50 %", startup__ready="+50 %")
    assert settled(given, *of_both(rounds(1.0, (1.0,) * 3), OPEN))


@pytest.mark.parametrize("limit", ["< 1 B", "< 1 GB"])
def test_a_limit_that_stands_beside_the_tolerance_has_no_part_in_it(limit: str) -> None:
    given = thresholds(memory__peak=f"{limit}, +50 %")
    assert settled(given, *rounds(1.0, (1.0,) * 3))
    assert not settled(given, *rounds(1.0, NOISY))


@pytest.mark.parametrize(
    ("tolerance", "recorded_to"), [(0.05, 1.0), (0.999, 1.0), (1.0, 1.0), (1.001, 1.001), (3, 3)]
)
def test_a_recording_is_held_to_no_less_than_a_doubling(
    tolerance: float, recorded_to: float
) -> None:
    given = Threshold("as written", None, tolerance)
    held_to = {PEAK: Threshold("as written", None, recorded_to)}
    assert to_record({PEAK: given}, Metrics()) == held_to


@pytest.mark.parametrize(("tolerance", "recorded_to"), [(0.05, 0.5), (0.5, 0.5), (0.501, 0.501)])
def test_a_recording_of_what_should_be_high_is_held_to_no_less_than_a_halving(
    tolerance: float, recorded_to: float
) -> None:
    given = {"throughput": Threshold("as written", None, tolerance)}
    held_to = {"throughput": Threshold("as written", None, recorded_to)}
    assert to_record(given, Metrics()) == held_to


def test_a_recording_is_held_to_every_limit_as_it_stands() -> None:
    limit = Limit("<", 5.0)
    given = {READY: Threshold("a", limit, None), PEAK: Threshold("b", limit, 0.05)}
    assert to_record(given, Metrics()) == {
        READY: Threshold("a", limit, None),
        PEAK: Threshold("b", limit, 1.0),
    }
