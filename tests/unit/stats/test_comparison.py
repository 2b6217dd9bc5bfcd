from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom, nct, t, ttest_ind

from pytest_modelgate.stats.comparison import (
    Comparison,
    NotComparableError,
    compare_runs,
    runs_to_detect,
)

Runs = list[float]

runs = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12)
alphas = st.sampled_from([0.05, 0.01, 0.001])


def compare(baseline: Runs, candidate: Runs, alpha: float = 0.01) -> Comparison:
    return compare_runs(baseline, candidate, better="lower", alpha=alpha)


def test_the_interval_is_scipys_welch_interval_of_the_logarithms() -> None:
    baseline, candidate = [8.0, 8.2, 8.1, 8.4], [8.6, 9.1, 8.8, 8.7, 9.3]
    comparison = compare(baseline, candidate, alpha=0.01)
    test = ttest_ind(np.log(candidate), np.log(baseline), equal_var=False)
    expected = test.confidence_interval(confidence_level=0.98)
    assert math.log1p(comparison.low) == pytest.approx(expected.low)
    assert math.log1p(comparison.high) == pytest.approx(expected.high)
    assert math.log1p(comparison.change) == pytest.approx(
        np.log(candidate).mean() - np.log(baseline).mean()
    )


@given(runs, runs, alphas)
def test_swapping_the_sides_flips_the_sign(one: Runs, other: Runs, alpha: float) -> None:
    there, back = compare(one, other, alpha), compare(other, one, alpha)
    # on a log scale: a rise of 25 % one way is a fall of 20 % the other way
    assert math.log1p(there.change) == pytest.approx(-math.log1p(back.change), abs=1e-4)
    assume(max(there.high, back.high) < 1e300 and min(there.low, back.low) > -0.999)
    assert math.log1p(there.low) == pytest.approx(-math.log1p(back.high), abs=1e-9)


@given(runs, runs, st.floats(0.01, 100))
def test_a_slowdown_of_both_sides_changes_nothing(one: Runs, other: Runs, factor: float) -> None:
    slowed = compare([run * factor for run in one], [run * factor for run in other])
    plain = compare(one, other)
    assert slowed.change == pytest.approx(plain.change, rel=1e-6, abs=1e-9)
    assert slowed.low == pytest.approx(plain.low, rel=1e-6, abs=1e-9)
    assert slowed.smallest_detectable_change == pytest.approx(
        plain.smallest_detectable_change, rel=1e-6, abs=1e-9
    )


@given(runs, runs, st.floats(1, 10))
def test_a_worse_candidate_is_never_judged_better(one: Runs, other: Runs, factor: float) -> None:
    plain, worse = compare(one, other), compare(one, [run * factor for run in other])
    slack = 1e-9 * (1 + abs(plain.change))
    assert worse.change >= plain.change - slack
    assert worse.low >= plain.low - slack


@given(runs, runs)
def test_the_change_lies_within_its_interval(one: Runs, other: Runs) -> None:
    comparison = compare(one, other)
    assert -1 <= comparison.low <= comparison.change <= comparison.high
    assert comparison.smallest_detectable_change >= 0


def test_runs_without_any_spread_compare_exactly() -> None:
    comparison = compare([0.1, 0.1, 0.1], [0.11, 0.11])
    assert comparison.low == comparison.change == comparison.high == pytest.approx(0.1)
    assert comparison.smallest_detectable_change == 0


def test_spread_on_one_side_only_has_that_sides_degrees_of_freedom() -> None:
    baseline, candidate = [1.0, 1.0, 1.0, 1.0], [1.0, 1.1, 1.2]
    test = ttest_ind(np.log(candidate), np.log(baseline), equal_var=False)
    assert test.df == pytest.approx(2)
    expected = test.confidence_interval(confidence_level=0.98).low
    assert math.log1p(compare(baseline, candidate).low) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("baseline", "candidate", "reason"),
    [
        ([], [1.0, 1.0], "at least 2 runs, 0 recorded"),
        ([1.0], [1.0, 1.0], "at least 2 runs, 1 recorded"),
        ([1.0, 1.0], [1.0], "at least 2 runs, 1 measured"),
        ([1.0, 0.0], [1.0, 1.0], "a run recorded 0"),
        ([1.0, 1.0], [1.0, -2.0], "a run measured -2"),
        ([1.0, 1.0], [math.nan, 1.0], "a run measured nan"),
        ([1.0, math.inf], [1.0, 1.0], "a run recorded inf"),
    ],
)
def test_what_makes_no_ratio_is_refused_with_its_reason(
    baseline: Runs, candidate: Runs, reason: str
) -> None:
    with pytest.raises(NotComparableError, match=reason):
        compare(baseline, candidate)


def test_a_difference_that_no_float_can_hold_is_infinite() -> None:
    assert compare([1e-320, 2e-320], [1e300, 1e-300]).high == math.inf


def test_a_fall_is_what_is_detected_where_higher_is_better() -> None:
    baseline, candidate = [100.0, 120.0, 90.0], [110.0, 95.0, 105.0]
    rise = compare_runs(baseline, candidate, better="lower", alpha=0.01)
    fall = compare_runs(baseline, candidate, better="higher", alpha=0.01)
    assert 1 - fall.smallest_detectable_change == pytest.approx(
        1 / (1 + rise.smallest_detectable_change)
    )
    assert fall.smallest_detectable_change < 1


def test_the_smallest_detectable_change_has_its_power_by_scipys_noncentral_t() -> None:
    baseline, candidate = [8.0, 8.2, 8.1, 8.4], [8.6, 9.1, 8.8, 8.7, 9.3]
    comparison = compare_runs(baseline, candidate, better="lower", alpha=0.001, power=0.9)
    test = ttest_ind(np.log(candidate), np.log(baseline), equal_var=False)
    error = (np.log(candidate).mean() - np.log(baseline).mean()) / test.statistic
    shift = math.log1p(comparison.smallest_detectable_change) / error
    assert nct.sf(t.ppf(0.999, test.df), test.df, shift) == pytest.approx(0.9, abs=1e-6)


def test_two_runs_at_a_tiny_alpha_see_nothing_and_say_so_at_once() -> None:
    # one degree of freedom, where the critical value is some 300,000 standard errors
    one, other = [1.0, 1.0], [1.0, 1.01]
    for better, seen in (("lower", math.inf), ("higher", 1.0)):
        found = compare_runs(one, other, better=better, alpha=1e-6)
        assert found.smallest_detectable_change == seen


def test_the_runs_that_would_see_a_change_are_the_fewest_that_do() -> None:
    spread = [1.0, 1.02, 0.99, 1.01, 1.0]  # a geometric mean and its spread

    def seen_with(runs_: int) -> float:
        # so many runs of exactly this spread: two values, either side of the middle
        scale = np.log(spread).std(ddof=1) * math.sqrt((runs_ - 1) / runs_)
        logs = np.tile([-scale, scale], runs_ // 2)
        return compare(np.exp(logs).tolist(), np.exp(logs).tolist()).smallest_detectable_change

    for needed in (4, 8, 20):
        just = seen_with(needed) * 1.0001
        assert runs_to_detect(just, spread, spread, better="lower", alpha=0.01) == needed
        assert runs_to_detect(just / 1.001, spread, spread, better="lower", alpha=0.01) > needed


def test_what_a_hundred_runs_would_not_see_has_no_answer() -> None:
    wild = [1.0, 3.0]
    assert runs_to_detect(0.01, wild, wild, better="lower", alpha=0.01) is None


def lognormal(random: np.random.Generator, runs_: int, spread: float) -> Runs:
    return np.exp(random.normal(0, spread, runs_)).tolist()


@pytest.mark.parametrize("spreads", [(0.02, 0.02), (0.01, 0.08), (0.08, 0.01)])
@pytest.mark.parametrize("sizes", [(5, 5), (5, 10)])
def test_false_alarms_on_lognormal_runs_keep_to_alpha(
    spreads: tuple[float, float], sizes: tuple[int, int]
) -> None:
    random, builds, alpha = np.random.default_rng(20), 2000, 0.05
    alarms = 0
    for _ in range(builds):
        one, other = (
            lognormal(random, n, spread) for n, spread in zip(sizes, spreads, strict=True)
        )
        alarms += compare(one, other, alpha).low > 0
    # Welch's degrees of freedom are an approximation: good to a fifth of alpha at these sizes
    assert alarms <= binom.ppf(0.9999, builds, alpha * 1.2)


def test_the_smallest_detectable_change_is_detected_as_often_as_it_says() -> None:
    random, builds, n, spread = np.random.default_rng(3), 2000, 10, 0.02
    logs = np.tile([-spread, spread], n // 2) * math.sqrt((n - 1) / n)
    even = np.exp(logs).tolist()
    detectable = compare(even, even).smallest_detectable_change
    detected = 0
    for _ in range(builds):
        slow = [run * (1 + detectable) for run in lognormal(random, n, spread)]
        detected += compare(lognormal(random, n, spread), slow).low > 0
    assert detected / builds == pytest.approx(0.8, abs=0.03)
