from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from verdict_samples import ALPHA, CONDITIONS, recorded, runs_of, runs_with_median

from pytest_modelgate.tensors import Contract
from pytest_modelgate.verdict import moved

PEAKS = (100.0, 101.0, 99.0, 100.5, 99.5)


def peaks(*values: float, **more: Any) -> Any:
    return recorded(*runs_of("memory.peak", *values), **more)


def test_the_same_numbers_have_not_moved() -> None:
    assert moved(peaks(*PEAKS), peaks(*PEAKS), ALPHA) == ()


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_numbers_within_the_noise_have_not_moved(factor: float) -> None:
    new = peaks(*(value * factor for value in PEAKS))
    assert moved(peaks(*PEAKS), new, ALPHA) == ()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_numbers_beyond_the_noise_moved_whichever_way(factor: float) -> None:
    new = peaks(*(value * factor for value in PEAKS))
    assert moved(peaks(*PEAKS), new, ALPHA) == ("memory.peak moved",)


def test_percentiles_move_with_the_latencies() -> None:
    old, new = (
        recorded(*runs_with_median(*(int(m * factor) for m in (800, 801, 802))))
        for factor in (1, 2)
    )
    assert moved(old, new, ALPHA) == (
        "latency.p50 moved",
        "latency.p90 moved",
        "latency.p99 moved",
    )


@pytest.mark.parametrize(
    ("before", "now", "has_moved"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), False),
        ((-1.0, 0.0, 2.0), (2.0, 3.0, 4.0), False),
        ((-1.0, 0.0, 2.0), (2.1, 3.0, 4.0), True),
        ((2.1, 3.0, 4.0), (-1.0, 0.0, 2.0), True),
        ((5.0,), (5.0,), False),
        ((5.0,), (5.1,), True),
    ],
)
def test_what_makes_no_ratio_has_moved_if_the_ranges_do_not_touch(
    before: tuple[float, ...], now: tuple[float, ...], has_moved: bool
) -> None:
    old, new = (recorded(*runs_of("memory.growth", *values)) for values in (before, now))
    assert bool(moved(old, new, ALPHA)) is has_moved


def test_another_number_of_runs_is_worth_recording() -> None:
    more = peaks(*PEAKS, *PEAKS)
    assert moved(peaks(*PEAKS), more, ALPHA) == ("10 runs instead of 5",)


def test_a_metric_that_came_or_went_has_moved() -> None:
    with_growth = recorded(*runs_of("memory.growth", 1, 1))
    without = recorded(*runs_with_median(1000, 1000))
    found = moved(without, with_growth, ALPHA)
    assert "memory.growth: 0 and now 2 values" in found


def test_a_recording_without_runs_has_moved_when_there_are_some_and_back() -> None:
    some, none = peaks(*PEAKS), recorded()
    assert "memory.peak: 0 and now 5 values" in moved(none, some, ALPHA)
    assert "memory.peak: 5 and now 0 values" in moved(some, none, ALPHA)
    assert moved(none, none, ALPHA) == ()


@pytest.mark.parametrize(
    ("before", "now"), [((1.0,), ()), ((), (1.0,)), ((1.0,), (9.0,)), ((1.0, 1.0), (9.0, 9.0))]
)
def test_a_metric_that_only_some_runs_of_both_have_comes_and_goes_by_chance(
    before: tuple[float, ...], now: tuple[float, ...]
) -> None:
    others = runs_with_median(1000, 1001, 1002)
    old, new = (
        recorded(*[*runs_of("memory.growth", *some), *others][:3]) for some in (before, now)
    )
    assert moved(old, new, ALPHA) == ()


def test_what_has_no_noise_moved_if_it_changed_at_all() -> None:
    old = recorded(exact={"image.size": 5.0, "same": 2.0})
    new = recorded(exact={"image.size": 6.0, "same": 2.0, "r": 1.0})
    assert moved(old, new, ALPHA) == ("image.size: 5.0 and now 6.0", "r: None and now 1.0")


def test_other_conditions_are_worth_recording_and_other_provenance_is_not() -> None:
    old = peaks(*PEAKS, provenance={"git_commit": "a"})
    assert moved(old, peaks(*PEAKS, provenance={"git_commit": "b"}), ALPHA) == ()
    other = peaks(*PEAKS, fingerprint={**CONDITIONS, "kernel": "6"})
    assert moved(old, other, ALPHA) == ("kernel: recorded nothing, now '6'",)


def test_another_contract_is_worth_recording() -> None:
    found = moved(peaks(*PEAKS), peaks(*PEAKS, contract=Contract((), ())), ALPHA)
    assert found == ("the declared contract changed",)


@pytest.mark.parametrize(
    ("before", "now", "has_moved"),
    [
        ([1.0, np.nan], [1.0, np.nan], False),
        ([1.0, 2.0], [1.000001, 2.0], False),  # within float32's own tolerance
        ([1.0, 2.0], [1.1, 2.0], True),
        ([1.0, 2.0], [1.0], True),
    ],
)
def test_answers_moved_if_they_differ_by_more_than_their_dtype_allows(
    before: list[float], now: list[float], has_moved: bool
) -> None:
    old, new = (
        recorded(answers={"0": ({"y": np.array(values, dtype="float32")},)})
        for values in (before, now)
    )
    assert bool(moved(old, new, ALPHA)) is has_moved


def test_answers_to_other_inputs_are_worth_recording() -> None:
    answer = ({"y": np.ones(1)},)
    old, new = recorded(answers={"0": answer}), recorded(answers={"0": answer, "1": answer})
    assert moved(old, new, ALPHA)
    assert moved(new, old, ALPHA)
