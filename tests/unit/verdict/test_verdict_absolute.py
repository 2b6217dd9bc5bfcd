from __future__ import annotations

import math

import numpy as np
import pytest
from verdict_samples import a_run, judged_metric, measured, runs_of

from pytest_modelgate.verdict import MetricVerdict, Verdict

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE


def judged_peak(*values: float) -> MetricVerdict:
    return judged_metric("memory.peak", "< 100 B", measured(*runs_of("memory.peak", *values)))


def spread(low_ns: int, high_ns: int, count: int) -> np.ndarray:
    return np.linspace(low_ns, high_ns, count)


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        ("< 999 ns", BREACH),
        ("< 1000 ns", BREACH),
        ("< 1001 ns", PASS),
        ("<= 999 ns", BREACH),
        ("<= 1000 ns", PASS),
        ("<= 1001 ns", PASS),
    ],
)
def test_a_percentile_at_its_limit_keeps_only_the_limit_that_includes_it(
    limit: str, verdict: Verdict
) -> None:
    assert judged_metric("latency.p50", limit, measured(a_run([1000] * 500))).verdict is verdict


def test_a_percentile_passes_only_with_its_whole_interval_below_the_limit() -> None:
    measurement = measured(a_run(spread(1000, 2000, 1001)))
    metric = judged_metric("latency.p50", "< 10 µs", measurement)
    assert metric.low < metric.value < metric.high
    for limit_ns, verdict in (
        (metric.low * 1e9 - 1, BREACH),
        (metric.value * 1e9, INCONCLUSIVE),
        (metric.high * 1e9 + 1, PASS),
    ):
        found = judged_metric("latency.p50", f"< {limit_ns:.3f} ns", measurement)
        assert found.verdict is verdict
    assert found.method == "absolute"


def test_what_is_too_close_to_tell_says_between_what_it_lies() -> None:
    metric = judged_metric("latency.p50", "< 1.5 µs", measured(a_run(spread(1000, 2000, 101))))
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason == (
        "too close to the limit < 1.5 µs to tell: it lies between 1.34 µs and 1.59 µs; "
        "more runs or a longer load would narrow that"
    )


@pytest.mark.parametrize(
    ("percentile", "floor"), [("90", 29), ("95", 59), ("99", 299), ("99.9", 2995)]
)
def test_a_percentile_needs_loadgens_floor_of_samples(percentile: str, floor: int) -> None:
    name, run_values = f"latency.p{percentile}", {f"latency.p{percentile}": 5e-9}
    below, at, above = (
        judged_metric(name, "< 1 ms", measured(a_run([5] * count, values=run_values)))
        for count in (floor - 1, floor, floor + 1)
    )
    assert (below.verdict, at.verdict, above.verdict) == (INCONCLUSIVE, PASS, PASS)
    assert below.reason == (
        f"too few samples: {floor - 1:,} of at least {floor:,} for p{percentile} at 95 % confidence"
    )


def test_samples_of_all_runs_count_towards_the_floor() -> None:
    runs = [a_run([5] * 100) for _ in range(3)]
    assert judged_metric("latency.p99", "< 1 ms", measured(*runs)).verdict is PASS


def test_runs_that_disagree_widen_what_their_samples_say() -> None:
    agreeing = [a_run([1000] * 1000)] * 4
    strayed = a_run([3000] * 1000)
    assert judged_metric("latency.p50", "< 2 µs", measured(*agreeing)).verdict is PASS
    metric = judged_metric("latency.p50", "< 2 µs", measured(*agreeing, strayed))
    assert metric.verdict is INCONCLUSIVE
    assert (metric.low, metric.value) == (1e-6, 1e-6)
    assert metric.high == pytest.approx(3e-6, rel=1e-3)


def test_a_failed_request_is_slower_than_any_limit() -> None:
    run = a_run([5] * 960, failures=40)
    assert judged_metric("latency.p90", "< 1 ms", measured(run)).verdict is PASS
    metric = judged_metric("latency.p99", "< 1 ms", measured(run))
    assert (metric.verdict, metric.value) == (BREACH, math.inf)
    assert metric.to_json()["value"] is None


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((99, 98, 99, 97, 98), PASS),
        ((99, 98, 100, 97, 98), INCONCLUSIVE),  # the range of five runs is the interval
        ((101, 100, 99, 102, 103), INCONCLUSIVE),
        ((100, 101, 102, 103, 104), BREACH),
    ],
)
def test_a_value_a_run_is_judged_by_the_range_of_few_runs(
    values: tuple[float, ...], verdict: Verdict
) -> None:
    assert judged_peak(*values).verdict is verdict


def test_a_value_a_run_is_judged_by_the_median_of_many_runs() -> None:
    values = [*range(80, 99), 150]
    assert judged_peak(*values).verdict is PASS


@pytest.mark.parametrize(("runs", "sure"), [(2, "75 %"), (5, "97 %"), (12, "99.9 %")])
def test_a_breach_says_how_sure_so_many_runs_can_be(runs: int, sure: str) -> None:
    metric = judged_peak(*[200] * runs)
    assert metric.reason == f"beyond the limit < 100 B, at {sure} confidence"


@pytest.mark.parametrize(("value", "verdict"), [(99, PASS), (101, BREACH)])
def test_one_run_is_judged_by_its_value_and_says_that_it_is_one(
    value: float, verdict: Verdict
) -> None:
    metric = judged_peak(value)
    assert metric.verdict is verdict
    assert "one run: how far runs differ is unknown" in str(metric.reason)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((501, 502, 503), PASS),
        ((500, 501, 502), INCONCLUSIVE),
        ((498, 499, 500), BREACH),
    ],
)
def test_a_throughput_must_stay_above_its_limit(
    values: tuple[float, ...], verdict: Verdict
) -> None:
    metric = judged_metric("throughput", "> 500/s", measured(*runs_of("throughput", *values)))
    assert metric.verdict is verdict


def test_where_higher_is_better_the_upper_bound_is_the_one_that_proves_a_breach() -> None:
    runs = runs_of("throughput", *range(1, 21))
    metric = judged_metric("throughput", "> 500/s", measured(*runs))
    # of 20 runs: 95 % confidence at the sixth from below, 99.9 % at the third from above
    assert (metric.low, metric.high) == (6, 18)


@pytest.mark.parametrize(("failures", "verdict"), [(0, PASS), (1, BREACH), (2000, BREACH)])
def test_any_failed_request_is_a_breach_where_no_rate_is_allowed(
    failures: int, verdict: Verdict
) -> None:
    run = a_run([5] * (2000 - failures), failures=failures)
    metric = judged_metric("errors.rate", "<= 0", measured(run))
    assert metric.verdict is verdict
    assert metric.value == failures / 2000


@pytest.mark.parametrize(
    ("requests", "verdict"), [(2994, INCONCLUSIVE), (2995, PASS), (2996, PASS)]
)
def test_a_rate_needs_enough_requests_without_failure_to_be_shown(
    requests: int, verdict: Verdict
) -> None:
    metric = judged_metric("errors.rate", "< 0.1 %", measured(a_run([5] * requests)))
    assert metric.verdict is verdict


def test_a_rate_that_too_few_requests_can_show_says_how_many_would() -> None:
    metric = judged_metric("errors.rate", "< 0.1 %", measured(a_run([5] * 1000)))
    assert metric.reason == (
        "none failed, which rules out no rate below 0.299 %; the limit < 0.1 % needs 2,995 requests"
    )


@pytest.mark.parametrize(("failures", "verdict"), [(10, PASS), (100, INCONCLUSIVE), (200, BREACH)])
def test_a_rate_is_judged_by_its_interval(failures: int, verdict: Verdict) -> None:
    run = a_run([5] * (10_000 - failures), failures=failures)
    metric = judged_metric("errors.rate", "< 1 %", measured(run))
    assert metric.verdict is verdict
    assert metric.low < failures / 10_000 < metric.high


def test_failed_requests_say_how_many_and_how() -> None:
    runs = [
        a_run([5] * 999, failures=1, failure_examples=("reset", "timeout")),
        a_run([5] * 998, failures=2, failure_examples=("reset", "502", "503")),
    ]
    metric = judged_metric("errors.rate", "<= 0", measured(*runs))
    assert metric.reason == "3 of 2,000 requests failed: reset; timeout; 502"


@pytest.mark.parametrize(("value", "verdict"), [(99.0, PASS), (100.0, PASS), (100.5, BREACH)])
def test_what_has_no_noise_is_judged_by_its_value(value: float, verdict: Verdict) -> None:
    measurement = measured(exact={"image.size": value})
    metric = judged_metric("image.size", "<= 100 B", measurement)
    assert metric.verdict is verdict
    assert metric.reason == (None if verdict is PASS else "beyond the limit <= 100 B")


def test_a_plugins_metric_without_noise_may_come_with_the_runs() -> None:
    metric = judged_metric("model.size", "< 10 B", measured(*runs_of("model.size", 5, 5, 5)))
    assert metric.verdict is PASS


@pytest.mark.parametrize(
    ("runs", "sure"),
    [(2, "75 %"), (3, "88 %"), (4, "94 %"), (5, None), (6, None)],
)
def test_a_pass_from_few_runs_says_how_sure_it_is(runs: int, sure: str | None) -> None:
    metric = judged_peak(*[50.0] * runs)
    assert metric.verdict is PASS
    reason = f"at {sure} confidence only: {runs} runs give no more"
    assert metric.reason == (reason if sure else None)
