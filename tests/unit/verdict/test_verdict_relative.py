from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdict_samples import (
    CONDITIONS,
    a_run,
    judged_metric,
    measured,
    recorded,
    runs_of,
    runs_with_median,
)

from pytest_modelgate.verdict import Verdict

if TYPE_CHECKING:
    from pytest_modelgate.runs import Run

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE
SEVERITY = {PASS: 0, INCONCLUSIVE: 1, BREACH: 2}

QUIET = (8_000_000, 8_010_000, 7_990_000, 8_020_000, 7_980_000)
NOISY = (8_000_000, 8_800_000, 7_300_000, 8_500_000, 7_600_000)


def slower(factor: float, medians: tuple[int, ...] = QUIET) -> tuple[Run, ...]:
    return runs_with_median(*(int(median * factor) for median in medians))


@pytest.mark.parametrize(
    ("factor", "verdict"), [(0.9, PASS), (1.0, PASS), (1.04, PASS), (1.07, BREACH), (2, BREACH)]
)
def test_a_slowdown_is_a_breach_once_it_is_surely_more_than_allowed(
    factor: float, verdict: Verdict
) -> None:
    metric = judged_metric("latency.p50", "+5 %", measured(*slower(factor)), recorded(*slower(1)))
    assert (metric.verdict, metric.method) == (verdict, "stored")
    assert metric.change is not None
    assert metric.change.value == pytest.approx(factor - 1, abs=2e-3)


def test_the_interval_of_the_change_decides_just_below_at_and_just_above() -> None:
    measurement, baseline = measured(*slower(1.07)), recorded(*slower(1))
    low = judged_metric("latency.p50", "+5 %", measurement, baseline).change.low * 100
    for tolerance, verdict in ((low - 1e-6, BREACH), (low, PASS), (low + 1e-6, PASS)):
        threshold = f"+{tolerance:.12f} %"
        assert judged_metric("latency.p50", threshold, measurement, baseline).verdict is verdict


def test_a_breach_says_how_much_worse_and_how_sure_that_is() -> None:
    metric = judged_metric("latency.p50", "+5 %", measured(*slower(2)), recorded(*slower(1)))
    assert metric.reason == (
        "worse by 100 %, surely by 98.8 % or more; 5 % is allowed, at 99.9 % confidence"
    )
    assert metric.baseline is not None
    assert metric.baseline.value == pytest.approx(8e-3, rel=0.01)


def test_a_slowdown_beyond_the_tolerance_that_is_not_proven_says_so() -> None:
    metric = judged_metric("latency.p50", "+5 %", measured(*slower(1.055)), recorded(*slower(1)))
    assert metric.verdict is PASS
    assert metric.reason == "worse by 5.5 % as measured, but that much is not proven"


def test_a_pass_must_have_been_able_to_see_a_change_of_the_tolerance() -> None:
    measurement, baseline = measured(*slower(1, NOISY)), recorded(*slower(1, NOISY))
    metric = judged_metric("latency.p50", "+5 %", measurement, baseline)
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason is not None
    assert "only a change of 31.5 % could have been seen, and 5 % is allowed" in metric.reason
    assert "about 80 runs on each side" in metric.reason
    seen = metric.smallest_detectable_change * 100
    for tolerance, verdict in ((seen - 1e-6, INCONCLUSIVE), (seen + 1e-6, PASS)):
        threshold = f"+{tolerance:.12f} %"
        assert judged_metric("latency.p50", threshold, measurement, baseline).verdict is verdict


def test_runs_that_no_number_of_would_help_say_only_what_would() -> None:
    wild = runs_of("memory.peak", 100, 1000, 10_000)
    metric = judged_metric("memory.peak", "+1 %", measured(*wild), recorded(*wild))
    assert metric.verdict is INCONCLUSIVE
    assert "allowed: a longer load" in str(metric.reason)


def test_a_2x_slowdown_is_a_breach_even_where_small_changes_cannot_be_seen() -> None:
    metric = judged_metric(
        "latency.p50", "+5 %", measured(*slower(2, NOISY)), recorded(*slower(1, NOISY))
    )
    assert metric.verdict is BREACH


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.5, PASS), (1.0, PASS), (0.96, PASS), (0.93, BREACH)]
)
def test_a_throughput_gets_worse_by_falling(factor: float, verdict: Verdict) -> None:
    values = [1000, 1001, 999, 1002, 998]
    now = runs_of("throughput", *(value * factor for value in values))
    baseline = recorded(*runs_of("throughput", *values))
    assert judged_metric("throughput", "-5 %", measured(*now), baseline).verdict is verdict


@given(
    st.lists(st.floats(0.9, 1.1), min_size=2, max_size=6),
    st.lists(st.floats(0.9, 1.1), min_size=2, max_size=6),
    st.floats(1, 3),
)
def test_a_worse_candidate_is_never_judged_better(
    before: list[float], now: list[float], factor: float
) -> None:
    baseline = recorded(*runs_of("memory.peak", *before))
    worse = [value * factor for value in now]
    plain, other = (
        judged_metric("memory.peak", "+5 %", measured(*runs_of("memory.peak", *runs)), baseline)
        for runs in (now, worse)
    )
    assert SEVERITY[other.verdict] >= SEVERITY[plain.verdict]


@pytest.mark.parametrize(
    ("value", "verdict"), [(104.9, PASS), (105.0, PASS), (105.1, BREACH), (10.0, PASS)]
)
def test_what_has_no_noise_is_a_plain_ratio(value: float, verdict: Verdict) -> None:
    metric = judged_metric(
        "image.size",
        "+5 %",
        measured(exact={"image.size": value}),
        recorded(exact={"image.size": 100.0}),
    )
    assert metric.verdict is verdict
    assert metric.smallest_detectable_change == 0
    said = {
        105.1: "worse by 5.1 %; 5 % is allowed",
        10.0: "improved by 90 %: consider --update-baseline",
    }
    assert metric.reason == said.get(value)


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [(0.0, 0.0, PASS), (0.0, 1.0, INCONCLUSIVE), (1.0, math.inf, INCONCLUSIVE)],
)
def test_no_percentage_is_taken_of_zero(before: float, now: float, verdict: Verdict) -> None:
    metric = judged_metric(
        "image.size",
        "+5 %",
        measured(exact={"image.size": now}),
        recorded(exact={"image.size": before}),
    )
    assert metric.verdict is verdict
    assert verdict is PASS or "is no percentage" in str(metric.reason)


def test_without_a_baseline_it_is_inconclusive_and_says_how_to_record_one() -> None:
    metric = judged_metric("latency.p50", "+5 %", measured(*slower(1)))
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason == (
        "no baseline recorded for this test: "
        "run pytest --modelgate --update-baseline and commit the result"
    )


def test_other_conditions_are_named_and_not_compared() -> None:
    now = {**CONDITIONS, "cpu_model": "B", "memory": "1 GiB"}
    metric = judged_metric(
        "latency.p50", "+5 %", measured(*slower(1), fingerprint=now), recorded(*slower(1))
    )
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason == (
        "recorded under other conditions: cpu_model: recorded 'A', now 'B'; "
        "memory: recorded nothing, now '1 GiB'"
    )
    assert metric.change is None
    assert metric.baseline is not None  # shown all the same


def test_another_workload_is_not_compared_whatever_else_differs() -> None:
    now = {**CONDITIONS, "cpu_model": "B", "workload": "w2"}
    metric = judged_metric(
        "latency.p50", "+5 %", measured(*slower(1), fingerprint=now), recorded(*slower(1))
    )
    assert metric.verdict is INCONCLUSIVE
    assert str(metric.reason).startswith("recorded for another workload")


def test_an_image_is_as_large_on_any_machine() -> None:
    metric = judged_metric(
        "image.size",
        "+5 %",
        measured(exact={"image.size": 100.0}, fingerprint={"cpu_model": "B"}),
        recorded(exact={"image.size": 100.0}),
    )
    assert metric.verdict is PASS


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (runs_with_median(*QUIET), "the baseline has no memory.peak: run pytest"),
        (
            (*runs_of("memory.peak", 100, 100), a_run([5] * 10)),
            "the baseline is incomplete: not measured in 1 of 3 runs",
        ),
    ],
)
def test_what_the_baseline_lacks_is_not_compared(before: tuple[Run, ...], reason: str) -> None:
    now = measured(*runs_of("memory.peak", 100, 100))
    metric = judged_metric("memory.peak", "+5 %", now, recorded(*before))
    assert metric.verdict is INCONCLUSIVE
    assert str(metric.reason).startswith(reason)


def test_a_value_that_was_exact_and_now_has_runs_is_not_compared() -> None:
    metric = judged_metric(
        "model.size",
        "+5 %",
        measured(*runs_of("model.size", 5, 5)),
        recorded(exact={"model.size": 5.0}),
    )
    assert metric.verdict is INCONCLUSIVE


@pytest.mark.parametrize("short", ["measured", "recorded"])
@pytest.mark.parametrize(("count", "verdict"), [(298, INCONCLUSIVE), (299, PASS), (300, PASS)])
def test_each_run_on_both_sides_needs_the_percentiles_floor(
    short: str, count: int, verdict: Verdict
) -> None:
    enough, few = [a_run([5] * 1000)] * 3, [a_run([5] * 1000)] * 2 + [a_run([5] * count)]
    now, before = (few, enough) if short == "measured" else (enough, few)
    metric = judged_metric("latency.p99", "+5 %", measured(*now), recorded(*before))
    assert metric.verdict is verdict
    if verdict is INCONCLUSIVE:
        where = "a run" if short == "measured" else "a recorded run"
        assert f"too few samples in {where}: 298 of at least 299" in str(metric.reason)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ((100,), (100, 100), "at least 2 runs, 1 recorded"),
        ((100, 100), (100,), "at least 2 runs, 1 measured"),
        ((100, 0), (100, 100), "a run recorded 0"),
        ((100, 100), (100, -1), "a run measured -1"),
    ],
)
def test_what_makes_no_ratio_is_inconclusive_with_its_reason(
    before: tuple[float, ...], now: tuple[float, ...], reason: str
) -> None:
    metric = judged_metric(
        "memory.peak",
        "+5 %",
        measured(*runs_of("memory.peak", *now)),
        recorded(*runs_of("memory.peak", *before)),
    )
    assert metric.verdict is INCONCLUSIVE
    assert reason in str(metric.reason)


def test_a_percentile_that_falls_among_the_failed_in_every_run_is_infinitely_worse() -> None:
    failing, whole = [a_run([5] * 900, failures=100)] * 2, [a_run([5] * 1000)] * 2
    metric = judged_metric("latency.p99", "+5 %", measured(*failing), recorded(*whole))
    assert metric.verdict is BREACH
    assert metric.to_json()["change"] == {"value": None, "low": None, "high": None}


def test_a_percentile_that_falls_among_the_failed_in_some_runs_is_no_ratio() -> None:
    mixed = [a_run([5] * 900, failures=100), a_run([5] * 1000)]
    metric = judged_metric("latency.p99", "+5 %", measured(*mixed), recorded(*mixed))
    assert metric.verdict is INCONCLUSIVE
    assert "a run recorded inf" in str(metric.reason)


@pytest.mark.parametrize(
    ("limit", "factor", "verdict", "method"),
    [
        ("< 40 ms", 1, PASS, "stored"),
        ("< 40 ms", 2, BREACH, "stored"),
        ("< 4 ms", 1, BREACH, "absolute"),
        ("< 8 ms", 1, INCONCLUSIVE, "absolute"),
        ("< 4 ms", 2, BREACH, "stored"),
    ],
)
def test_of_a_limit_and_a_tolerance_the_worse_decides(
    limit: str, factor: float, verdict: Verdict, method: str
) -> None:
    metric = judged_metric(
        "latency.p50", f"{limit}, +5 %", measured(*slower(factor)), recorded(*slower(1))
    )
    assert (metric.verdict, metric.method) == (verdict, method)
    assert metric.threshold == f"{limit}, +5 %"


def test_a_limit_and_a_tolerance_that_both_broke_give_both_reasons() -> None:
    metric = judged_metric(
        "latency.p50", "< 4 ms, +5 %", measured(*slower(2)), recorded(*slower(1))
    )
    assert str(metric.reason).startswith("beyond the limit < 4 ms, at 99.9 % confidence; worse by")


def test_an_improvement_passes_only_where_a_worsening_would_have_shown() -> None:
    """Surely better, by runs that would not have shown a worsening by the tolerance."""
    before = recorded(*runs_of("memory.peak", 100, 100, 106))
    now = measured(*runs_of("memory.peak", 60, 60, 63))
    metric = judged_metric("memory.peak", "+0.5 %", now, before)
    assert metric.change is not None
    assert metric.change.high < -0.005
    assert metric.smallest_detectable_change > 0.005
    assert (metric.verdict, metric.improved) == (INCONCLUSIVE, True)
    assert "improved by" in str(metric.reason)
    assert "only a change of" in str(metric.reason)
    strict = judged_metric("memory.peak", "+0.5 %", now, before, strict=True)
    assert strict.verdict is BREACH
