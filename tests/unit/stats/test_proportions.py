from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pytest_modelgate.stats.proportions import proportion_interval


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_are_scipys_exact_ones(sample: tuple[int, int]) -> None:
    events, trials = sample
    expected = binomtest(events, trials).proportion_ci(0.9, method="exact")
    bounds = proportion_interval(events, trials, low_confidence=0.95, high_confidence=0.95)
    assert bounds == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-12)


def test_bounds_are_clopper_and_pearsons_published_ones() -> None:
    # 1 of 10 at 95 % both ways, as in every table of the method
    bounds = proportion_interval(1, 10, low_confidence=0.975, high_confidence=0.975)
    assert bounds == pytest.approx((0.0025286, 0.4450161), abs=1e-6)


def test_no_event_and_nothing_but_events_are_bounded_on_one_side() -> None:
    low, high = proportion_interval(0, 59, low_confidence=0.99, high_confidence=0.95)
    assert low == 0
    assert high == pytest.approx(1 - 0.05 ** (1 / 59))
    low, high = proportion_interval(59, 59, low_confidence=0.95, high_confidence=0.95)
    assert (low, high) == (pytest.approx(0.05 ** (1 / 59)), 1)


@pytest.mark.parametrize(("events", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion_is_refused(events: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        proportion_interval(events, trials, low_confidence=0.95, high_confidence=0.95)
