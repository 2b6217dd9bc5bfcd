"""Rounds side by side: Student's interval, looked at again and again with one error rate."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct, t, ttest_1samp

from pytest_modelgate.stats.comparison import (
    Comparison,
    NotComparableError,
    compare_rounds,
    rounds_to_detect,
)
from pytest_modelgate.stats.sequential import MOST_ROUNDS, SHARES, alpha_of_look, is_look

Ratios = list[float]

RATIOS = [0.021, -0.004, 0.013, 0.030, 0.008, 0.017]
ratios = st.lists(st.floats(-3, 3), min_size=2, max_size=36)
alphas = st.sampled_from([0.05, 0.01, 0.001])
sides = st.sampled_from(["lower", "higher"])


def compare(
    log_ratios: Ratios, alpha: float = 0.01, better: Literal["lower", "higher"] = "lower"
) -> Comparison:
    return compare_rounds(log_ratios, better=better, alpha=alpha)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
@pytest.mark.parametrize("rounds", [2, 3, 6])
def test_the_interval_is_scipys_student_interval_of_the_log_ratios(
    rounds: int, alpha: float
) -> None:
    found = compare(RATIOS[:rounds], alpha)
    expected = ttest_1samp(RATIOS[:rounds], 0).confidence_interval(1 - 2 * alpha)
    assert math.log1p(found.low) == pytest.approx(expected.low, rel=1e-9, abs=1e-9)
    assert math.log1p(found.high) == pytest.approx(expected.high, rel=1e-9, abs=1e-9)
    assert math.log1p(found.change) == pytest.approx(np.mean(RATIOS[:rounds]), rel=1e-9)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_smallest_detectable_change_has_its_power_by_scipys_noncentral_t(
    better: Literal["lower", "higher"],
) -> None:
    found = compare_rounds(RATIOS, better=better, alpha=0.001, power=0.9)
    error, freedom = np.std(RATIOS, ddof=1) / math.sqrt(len(RATIOS)), len(RATIOS) - 1
    worse = 1 if better == "lower" else -1
    shift = worse * math.log1p(worse * found.smallest_detectable_change) / error
    assert nct.sf(t.ppf(0.999, freedom), freedom, shift) == pytest.approx(0.9, abs=1e-6)


def test_rounds_that_all_say_the_same_leave_no_doubt() -> None:
    found = compare([math.log(1.25)] * 3)
    assert found.low == found.change == found.high == pytest.approx(0.25)
    assert found.smallest_detectable_change == 0


@pytest.mark.parametrize("log_ratios", [[], [0.1]])
def test_fewer_than_two_rounds_do_not_show_how_far_rounds_differ(log_ratios: Ratios) -> None:
    with pytest.raises(NotComparableError, match=f"at least 2 rounds, {len(log_ratios)} made"):
        compare(log_ratios)


@given(ratios, alphas, sides)
def test_swapping_the_sides_flips_the_sign(
    log_ratios: Ratios, alpha: float, better: Literal["lower", "higher"]
) -> None:
    there = compare(log_ratios, alpha, better)
    back = compare([-ratio for ratio in log_ratios], alpha, better)
    assert math.log1p(there.change) == pytest.approx(-math.log1p(back.change), abs=1e-9)
    if there.high < 1e6 and back.high < 1e6:  # else the fall is too near to −100 % to be told from
        assert math.log1p(there.low) == pytest.approx(-math.log1p(back.high), abs=1e-6)
        assert math.log1p(there.high) == pytest.approx(-math.log1p(back.low), abs=1e-6)


@given(ratios, st.floats(0, 2), alphas)
def test_a_worsening_of_every_round_never_lowers_the_bound(
    log_ratios: Ratios, worsening: float, alpha: float
) -> None:
    plain, worse = (
        compare([ratio + added for ratio in log_ratios], alpha) for added in (0, worsening)
    )
    slack = 1e-9 * (1 + abs(plain.change))
    assert worse.low >= plain.low - slack
    assert worse.change >= plain.change - slack


@given(ratios, alphas, sides)
def test_the_change_lies_within_its_interval(
    log_ratios: Ratios, alpha: float, better: Literal["lower", "higher"]
) -> None:
    found = compare(log_ratios, alpha, better)
    assert -1 <= found.low <= found.change <= found.high
    assert found.smallest_detectable_change >= 0


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_rounds_that_would_see_a_change_are_the_fewest_that_do(
    better: Literal["lower", "higher"],
) -> None:
    spread = float(np.std(RATIOS, ddof=1))

    def seen_with(rounds: int) -> float:
        # so many rounds of exactly this spread: two values, either side of none
        scale = spread * math.sqrt((rounds - 1) / rounds)
        even = np.tile([-scale, scale], rounds // 2).tolist()
        return compare(even, 0.01, better).smallest_detectable_change

    for needed in (4, 8, 20):
        just = seen_with(needed) * 1.0001
        assert rounds_to_detect(just, RATIOS, better=better, alpha=0.01) == needed
        more = rounds_to_detect(just / 1.001, RATIOS, better=better, alpha=0.01)
        assert more is not None
        assert more > needed


def test_what_a_hundred_rounds_would_not_see_has_no_answer() -> None:
    assert rounds_to_detect(0.01, [-1.0, 1.0], better="lower", alpha=0.01) is None


def test_the_looks_spend_the_whole_error_and_no_more() -> None:
    assert math.fsum(SHARES.values()) == pytest.approx(1, abs=1e-12)
    assert all(share > 0 for share in SHARES.values())


def test_the_looks_come_in_ascending_order_and_ever_more_rarely() -> None:
    looks = list(SHARES)
    assert looks == sorted(set(looks))
    steps = [after - before for before, after in itertools.pairwise(looks)]
    assert steps == sorted(steps)
    assert looks[-1] == MOST_ROUNDS


def test_only_after_a_planned_number_of_rounds_is_the_answer_looked_for() -> None:
    assert [rounds for rounds in range(MOST_ROUNDS + 2) if is_look(rounds)] == list(SHARES)


@pytest.mark.parametrize(
    ("rounds", "share"),
    [
        (1, 0.02), (2, 0.02), (3, 0.02), (4, 0.03), (5, 0.10), (6, 0.10), (7, 0.15), (8, 0.15),
        (9, 0.20), (10, 0.20), (11, 0.20), (12, 0.20), (14, 0.20), (15, 0.20), (16, 0.15),
        (19, 0.15), (20, 0.15), (21, 0.10), (26, 0.10), (27, 0.10), (28, 0.05), (35, 0.05),
        (36, 0.05),
    ],
)  # fmt: skip
def test_a_look_between_two_of_the_plan_spends_what_the_next_would(
    rounds: int, share: float
) -> None:
    assert alpha_of_look(0.01, rounds) == pytest.approx(0.01 * share)


@pytest.mark.parametrize("rounds", [MOST_ROUNDS + 1, 1000])
def test_more_rounds_than_planned_have_no_error_left_to_spend(rounds: int) -> None:
    with pytest.raises(ValueError, match=f"{rounds} rounds, and no look is planned after 36"):
        alpha_of_look(0.01, rounds)


def test_looking_at_every_planned_look_proves_a_change_that_is_none_in_no_more_than_alpha() -> None:
    alpha, sequences = 0.05, 4000
    null = np.random.default_rng(7).normal(0, 0.02, (sequences, MOST_ROUNDS))
    false_alarms = sum(
        any(compare(rounds[:look], alpha_of_look(alpha, look)).low > 0 for look in SHARES)
        for rounds in null.tolist()
    )
    assert false_alarms <= alpha * sequences
    assert false_alarms >= alpha * sequences / 2  # nor is most of the error left unspent
