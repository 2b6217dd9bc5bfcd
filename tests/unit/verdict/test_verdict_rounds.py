"""Tolerances, judged by the rounds in which the baseline's server ran beside the candidate."""

from __future__ import annotations

import dataclasses
import math
from statistics import stdev

import pytest
from verdict_samples import (
    ALPHA,
    a_run,
    beside,
    judged,
    judged_metric,
    measured,
    metric_of,
    recorded,
    rounds_of,
    rounds_with_ratios,
    runs_of,
)

from pytest_modelgate.runs import Round
from pytest_modelgate.stats.comparison import compare_rounds
from pytest_modelgate.stats.sequential import MOST_ROUNDS, alpha_of_look
from pytest_modelgate.verdict import Interval, MetricVerdict, Verdict

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE

PEAK = "memory.peak"
SPREAD = (1.0, 1.002, 0.998, 1.001, 0.999, 1.0)  # of six quiet rounds
NOISY = (1.0, 1.1, 0.9, 1.05, 0.95, 1.0)


def pairs(factor: float, spread: tuple[float, ...] = SPREAD) -> tuple[tuple[float, float], ...]:
    """The candidate's value is the baseline's times the factor, more or less."""
    return tuple((50.0, 50.0 * factor * noise) for noise in spread)


def by_rounds(
    *rounds: Round, name: str = PEAK, threshold: str = "+5 %", strict: bool = False
) -> MetricVerdict:
    """Judge one metric by rounds, beside runs that the stored comparison would let pass."""
    values = runs_of(name, 100, 100.1, 99.9, 100, 100)
    measurement = measured(*values, side_by_side=beside(*rounds, settles=[name]))
    return judged_metric(name, threshold, measurement, recorded(*values), strict=strict)


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, PASS), (1.04, PASS), (1.07, BREACH), (2.0, BREACH)]
)
def test_the_rounds_decide_where_there_are_any(factor: float, verdict: Verdict) -> None:
    metric = by_rounds(*rounds_of(PEAK, *pairs(factor)))
    assert (metric.verdict, metric.method, metric.improved) == (verdict, "side-by-side", False)
    assert metric.change is not None
    assert metric.change.value == pytest.approx(factor - 1, abs=1e-3)


def test_the_error_is_that_of_the_look_after_so_many_rounds() -> None:
    ratios = [math.log(1.07 * noise) for noise in SPREAD]
    metric = by_rounds(*rounds_of(PEAK, *pairs(1.07)))
    expected = compare_rounds(ratios, better="lower", alpha=alpha_of_look(ALPHA, len(SPREAD)))
    assert metric.change is not None
    assert dataclasses.astuple(metric.change) == pytest.approx(
        (expected.change, expected.low, expected.high)
    )
    assert metric.smallest_detectable_change == pytest.approx(expected.smallest_detectable_change)


def test_a_breach_says_how_much_worse_and_how_sure_that_is() -> None:
    metric = by_rounds(*rounds_of(PEAK, *[(50.0, 100.0)] * 3))
    assert metric.reason == (
        "worse by 100 %, surely by 100 % or more; 5 % is allowed, at 99.9 % confidence"
    )


def test_the_bound_of_the_change_decides_just_below_at_and_just_above() -> None:
    rounds = rounds_of(PEAK, *pairs(1.2))
    change = by_rounds(*rounds).change
    assert change is not None
    low = change.low * 100
    for tolerance, verdict in ((low - 1e-6, BREACH), (low, PASS), (low + 1e-6, PASS)):
        assert by_rounds(*rounds, threshold=f"+{tolerance:.12f} %").verdict is verdict


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.04, PASS), (0.96, PASS), (0.93, BREACH), (0.5, BREACH)]
)
def test_a_throughput_gets_worse_by_falling(factor: float, verdict: Verdict) -> None:
    rounds = rounds_of("throughput", *pairs(factor))
    assert by_rounds(*rounds, name="throughput", threshold="-5 %").verdict is verdict


def test_what_the_rounds_could_not_have_seen_is_inconclusive_and_says_how_many_would() -> None:
    spread = (1.0, 1.03, 0.97, 1.02, 0.98, 1.0)
    metric = by_rounds(*rounds_of(PEAK, *pairs(1.0, spread)), threshold="+10 %")
    assert (metric.verdict, metric.method) == (INCONCLUSIVE, "side-by-side")
    assert metric.smallest_detectable_change is not None
    assert metric.smallest_detectable_change > 0.1
    assert metric.reason is not None
    assert metric.reason.startswith("only a change of ")
    assert metric.reason.endswith(
        "and 10 % is allowed: about 7 rounds instead of 6 (--modelgate-budget), "
        "a quieter machine or a wider threshold would help"
    )


def test_rounds_that_no_number_of_would_help_say_only_what_would() -> None:
    metric = by_rounds(*rounds_of(PEAK, (1, 1), (1, 9), (9, 1)), threshold="+1 %")
    assert metric.verdict is INCONCLUSIVE
    assert str(metric.reason).endswith(
        "1 % is allowed: a quieter machine or a wider threshold would help"
    )


@pytest.mark.parametrize(("beyond", "advised"), [(1.0001, True), (0.999, False)])
def test_more_rounds_than_are_ever_made_are_not_advised(beyond: float, advised: bool) -> None:
    """At a tolerance that the most rounds would just see, and at one that they would just not."""
    logs = [math.log(noise) for noise in NOISY]
    scale = stdev(logs) * math.sqrt((MOST_ROUNDS - 1) / MOST_ROUNDS)
    just = compare_rounds(
        [-scale, scale] * (MOST_ROUNDS // 2),
        better="lower",
        alpha=alpha_of_look(ALPHA, len(NOISY)),
    ).smallest_detectable_change
    rounds = rounds_of(PEAK, *pairs(1.0, NOISY))
    metric = by_rounds(*rounds, threshold=f"+{just * beyond * 100:.9f} %")
    assert metric.verdict is INCONCLUSIVE
    assert ("about 36 rounds instead of 6" in str(metric.reason)) is advised
    assert ("rounds instead of" in str(metric.reason)) is advised


@pytest.mark.parametrize(("made", "said"), [(1, "1 round"), (2, "2 rounds")])
def test_fewer_than_three_rounds_decide_nothing(made: int, said: str) -> None:
    metric = by_rounds(*rounds_of(PEAK, *[(50, 500)] * made))
    assert (metric.verdict, metric.method, metric.change) == (INCONCLUSIVE, "side-by-side", None)
    assert metric.reason == (
        f"only {said} side by side fitted the time, and it takes 3: raise --modelgate-budget"
    )


def test_three_rounds_may_decide() -> None:
    assert by_rounds(*rounds_of(PEAK, *[(50, 500)] * 3)).verdict is BREACH


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_metric_that_a_round_could_not_measure_is_inconclusive_with_the_reason(
    side: str,
) -> None:
    gap = a_run([5] * 10, unmeasured={PEAK: "the process was gone"})
    *whole, last = rounds_of(PEAK, *pairs(1.0))
    metric = by_rounds(*whole, dataclasses.replace(last, **{side: gap}))
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason == "not measured in every round: the process was gone"


def test_a_metric_that_is_missing_without_a_reason_is_inconclusive_all_the_same() -> None:
    *whole, last = rounds_of(PEAK, *pairs(1.0))
    metric = by_rounds(*whole, dataclasses.replace(last, candidate=a_run([5] * 10)))
    assert (metric.verdict, metric.reason) == (INCONCLUSIVE, "not measured in every round")


@pytest.mark.parametrize("short", ["baseline", "candidate"])
@pytest.mark.parametrize(("count", "verdict"), [(298, INCONCLUSIVE), (299, PASS), (300, PASS)])
def test_each_side_of_each_round_needs_the_percentiles_floor(
    short: str, count: int, verdict: Verdict
) -> None:
    enough = Round(a_run([5] * 1000), a_run([5] * 1000))
    few = dataclasses.replace(enough, **{short: a_run([5] * count)})
    metric = by_rounds(enough, enough, few, name="latency.p99")
    assert metric.verdict is verdict
    if verdict is INCONCLUSIVE:
        assert "too few samples in a round: 298 of at least 299" in str(metric.reason)


FAILING, WHOLE = a_run([5] * 900, failures=100), a_run([5] * 1000)


def test_a_percentile_that_falls_among_the_candidates_failed_in_every_round_is_a_breach() -> None:
    metric = by_rounds(*[Round(WHOLE, FAILING)] * 3, name="latency.p99")
    assert (metric.verdict, metric.method) == (BREACH, "side-by-side")
    assert metric.change == Interval(math.inf, math.inf, math.inf)


@pytest.mark.parametrize(
    "rounds",
    [
        [Round(WHOLE, FAILING), Round(WHOLE, WHOLE), Round(WHOLE, FAILING)],
        [Round(FAILING, FAILING)] * 3,
        [Round(FAILING, WHOLE)] * 3,
    ],
    ids=["in some rounds", "on both sides", "on the baseline's side"],
)
def test_a_percentile_that_falls_among_the_failed_otherwise_is_no_ratio(
    rounds: list[Round],
) -> None:
    metric = by_rounds(*rounds, name="latency.p99")
    assert (metric.verdict, metric.change) == (INCONCLUSIVE, None)
    assert metric.reason == "latency.p99 is no positive, finite number in every round"


@pytest.mark.parametrize(
    "values",
    [
        [(0, 0)] * 3,
        [(0, 50)] * 3,
        [(50, 0)] * 3,
        [(50, 50), (50, 50), (0, 50)],
        [(50, -1)] * 3,
        [(50, 50), (50, 50), (50, math.nan)],
    ],
)
@pytest.mark.parametrize(("name", "threshold"), [(PEAK, "+5 %"), ("throughput", "-5 %")])
def test_of_what_is_not_positive_there_is_no_ratio(
    values: list[tuple[float, float]], name: str, threshold: str
) -> None:
    metric = by_rounds(*rounds_of(name, *values), name=name, threshold=threshold)
    assert (metric.verdict, metric.change, metric.improved) == (INCONCLUSIVE, None, False)
    assert metric.reason == f"{name} is no positive, finite number in every round"


@pytest.mark.parametrize(("ratio", "verdict"), [(1.0, PASS), (1.5, BREACH)])
def test_a_ratio_of_the_pairs_comes_before_that_of_the_runs(ratio: float, verdict: Verdict) -> None:
    rounds = rounds_with_ratios("latency.p50", *(ratio * noise for noise in SPREAD))
    metric = by_rounds(*rounds, name="latency.p50")
    assert metric.verdict is verdict
    assert metric.change is not None
    assert metric.change.value == pytest.approx(ratio - 1, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "threshold", "factor", "by"),
    [(PEAK, "+5 %", 0.5, "50 %"), ("throughput", "-5 %", 1.5, "50 %")],
)
def test_what_is_proven_better_by_more_than_the_tolerance_passes_and_says_so(
    name: str, threshold: str, factor: float, by: str
) -> None:
    metric = by_rounds(*rounds_of(name, *[(50, 50 * factor)] * 3), name=name, threshold=threshold)
    assert (metric.verdict, metric.improved) == (PASS, True)
    assert metric.reason == (
        f"improved by {by}, surely by {by} or more: consider --update-baseline, "
        "at 99.9 % confidence"
    )
    assert metric.to_json()["improved"] is True


def test_an_improvement_within_the_tolerance_is_none() -> None:
    metric = by_rounds(*rounds_of(PEAK, *pairs(0.96)))
    assert (metric.verdict, metric.improved, metric.reason) == (PASS, False, None)


def test_an_improvement_counts_just_above_the_tolerance_and_not_at_it() -> None:
    rounds = rounds_of(PEAK, *pairs(0.8))
    change = by_rounds(*rounds).change
    assert change is not None
    surely = -change.high * 100
    for tolerance, improved in ((surely - 1e-6, True), (surely, False), (surely + 1e-6, False)):
        assert by_rounds(*rounds, threshold=f"+{tolerance:.12f} %").improved is improved


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, BREACH), (0.96, PASS), (1.5, BREACH)])
def test_strictly_an_improvement_beyond_the_tolerance_fails_too(
    factor: float, verdict: Verdict
) -> None:
    metric = by_rounds(*rounds_of(PEAK, *pairs(factor)), strict=True)
    assert (metric.verdict, metric.improved) == (verdict, factor == 0.5)
    if factor == 0.5:
        assert str(metric.reason).startswith("improved by 50 %, surely by ")


@pytest.mark.parametrize(("strict", "verdict"), [(False, PASS), (True, BREACH)])
def test_what_has_no_noise_improves_as_well(strict: bool, verdict: Verdict) -> None:
    metric = judged_metric(
        "image.size",
        "+5 %",
        measured(exact={"image.size": 50.0}),
        recorded(exact={"image.size": 100.0}),
        strict=strict,
    )
    assert (metric.verdict, metric.improved) == (verdict, True)


def test_value_and_baseline_are_those_of_the_rounds() -> None:
    metric = by_rounds(*rounds_of(PEAK, *pairs(1.04)))
    assert metric.runs == len(SPREAD)
    assert metric.value == pytest.approx(52, rel=1e-3)  # the runs measured 100
    assert metric.baseline is not None
    assert metric.baseline.value == 50  # recorded are 100


@pytest.mark.parametrize(
    ("limit", "factor", "verdict", "method"),
    [
        ("< 200", 1.0, PASS, "side-by-side"),
        ("< 200", 2.0, BREACH, "side-by-side"),
        ("< 80", 1.0, BREACH, "absolute"),
    ],
)
def test_beside_an_absolute_limit_the_value_is_that_of_the_runs(
    limit: str, factor: float, verdict: Verdict, method: str
) -> None:
    metric = by_rounds(*rounds_of(PEAK, *pairs(factor)), threshold=f"{limit} B, +5 %")
    assert (metric.verdict, metric.method) == (verdict, method)
    assert (metric.value, metric.runs) == (100, 5)
    assert metric.baseline is not None
    assert metric.baseline.value == 50


def test_what_the_rounds_do_not_settle_is_compared_with_what_was_recorded() -> None:
    other = runs_of("startup.ready", 2, 2.001, 1.999, 2, 2)
    measurement = measured(
        *other, side_by_side=beside(*rounds_of("startup.ready", *pairs(9)), settles=[PEAK])
    )
    metric = judged_metric("startup.ready", "+5 %", measurement, recorded(*other))
    assert (metric.verdict, metric.method, metric.runs) == (PASS, "stored", 5)


@pytest.mark.parametrize("bad", ["baseline", "candidate"])
def test_requests_that_fail_in_rounds_count_if_they_are_the_candidates(bad: str) -> None:
    failing = a_run([5] * 997, failures=3, failure_examples=("HTTP 500: oops",))
    whole = a_run([5] * 1000)
    rounds = [Round(whole, whole)] * 2
    rounds.append(dataclasses.replace(rounds[0], **{bad: failing}))
    gate = judged(
        measured(*[a_run([5] * 1000)] * 2, side_by_side=beside(*rounds, settles=["latency.p50"])),
        recorded(*[a_run([5] * 1000)] * 2),
        {"latency.p50": "+5 %"},
    )
    errors = metric_of(gate, "errors.rate")
    assert errors.samples == 5000
    if bad == "candidate":
        assert errors.verdict is gate.verdict is BREACH
        assert errors.reason == "3 of 5,000 requests failed: HTTP 500: oops"
        assert any(note.startswith("3 failed requests") for note in gate.notes)
    else:
        assert errors.verdict is gate.verdict is PASS
