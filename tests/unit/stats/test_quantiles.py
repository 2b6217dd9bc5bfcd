from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from pytest_modelgate.stats.quantiles import (
    median_interval,
    quantile_interval,
    quantile_ranks,
    sample_floor,
)
from pytest_modelgate.stats.sketch import LatencySketch


@pytest.mark.parametrize(
    ("confidence", "over", "floors"),
    [
        (0.95, 0, {0.9: 29, 0.95: 59, 0.99: 299, 0.999: 2995}),
        (0.95, 1, {0.9: 46, 0.95: 93, 0.99: 473, 0.999: 4742}),
        (0.90, 0, {0.9: 22, 0.95: 45, 0.99: 230, 0.999: 2302}),
    ],
)
def test_floors_are_those_of_loadgen(
    confidence: float, over: int, floors: dict[float, int]
) -> None:
    assert {q: sample_floor(q, confidence, over) for q in floors} == floors


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_from_its_floor_on_and_not_below_it_a_quantile_has_an_upper_bound(q: float) -> None:
    floor = sample_floor(q)
    for count, bounded in ((floor - 1, False), (floor, True), (floor + 1, True)):
        _, high = quantile_ranks(count, q, low_confidence=0.95, high_confidence=0.95)
        assert (high <= count) is bounded


@given(
    st.integers(1, 5000),
    st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]),
    st.sampled_from([0.9, 0.95, 0.99, 0.9999]),
)
def test_ranks_are_the_tightest_that_scipys_binomial_allows(
    count: int, q: float, confidence: float
) -> None:
    low, high = quantile_ranks(count, q, low_confidence=confidence, high_confidence=confidence)
    samples_below = binom(count, q)
    assert low == 0 or samples_below.sf(low - 1) >= confidence - 1e-12
    assert low == count or samples_below.sf(low) < confidence + 1e-12
    assert high == count + 1 or samples_below.cdf(high - 1) >= confidence - 1e-12
    assert high == 1 or samples_below.cdf(high - 2) < confidence + 1e-12


def test_bounds_are_those_of_scipys_quantile_test() -> None:
    values = np.arange(1, 1001)
    sketch = LatencySketch.from_latencies_ns(values)
    low_s, high_s = quantile_interval(sketch, 0.95, low_confidence=0.975, high_confidence=0.975)
    expected = quantile_test(values, q=0, p=0.95).confidence_interval(0.95)
    assert (low_s, high_s) == (expected.low / 1e9, expected.high / 1e9)


def test_too_few_samples_leave_the_quantile_unbounded() -> None:
    sketch = LatencySketch.from_latencies_ns(np.array([100]))
    assert quantile_interval(sketch, 0.5, low_confidence=0.95, high_confidence=0.95) == (
        0.0,
        math.inf,
    )


def test_failures_push_the_upper_bound_to_infinity_first_and_then_the_lower() -> None:
    answered = np.full(970, 100)
    some = LatencySketch.from_latencies_ns(answered[:960], failures=40)
    assert quantile_interval(some, 0.95, low_confidence=0.95, high_confidence=0.95) == (
        100e-9,
        math.inf,
    )
    many = LatencySketch.from_latencies_ns(answered[:900], failures=100)
    assert quantile_interval(many, 0.95, low_confidence=0.95, high_confidence=0.95) == (
        math.inf,
        math.inf,
    )


def test_one_quantile_in_twenty_at_most_lies_beyond_its_bound_whatever_the_distribution() -> None:
    random = np.random.default_rng(7)
    builds, true_p90 = 2000, -math.log(0.1)
    beyond = np.zeros(2)
    for _ in range(builds):
        sketch = LatencySketch.from_latencies_ns((random.exponential(1e6, 80)).astype(np.int64))
        low_s, high_s = quantile_interval(sketch, 0.9, low_confidence=0.95, high_confidence=0.95)
        beyond += (low_s * 1e3 > true_p90, high_s * 1e3 < true_p90)
    assert max(beyond) <= binom.ppf(0.9999, builds, 0.05)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (1, (1, 1)),
        (4, (1, 4)),  # 1 − 2⁻⁴ is less than 95 %: the whole range
        (5, (1, 5)),  # 1 − 2⁻⁵ is more, but for these five only
        (7, (1, 7)),
        (8, (2, 7)),
        (20, (6, 15)),
    ],
)
def test_the_median_of_runs_lies_between_runs_as_the_sign_test_tables_them(
    runs: int, expected: tuple[float, float]
) -> None:
    values = [float(value) for value in range(runs, 0, -1)]
    assert median_interval(values, low_confidence=0.95, high_confidence=0.95) == expected


def test_each_bound_of_the_median_has_its_own_confidence() -> None:
    values = [float(value) for value in range(1, 21)]
    assert median_interval(values, low_confidence=0.9999, high_confidence=0.95) == (2, 15)


def test_no_runs_have_no_median() -> None:
    with pytest.raises(ValueError, match="no values"):
        median_interval([], low_confidence=0.95, high_confidence=0.95)
