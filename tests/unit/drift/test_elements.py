"""Two arrays, element by element: where the line lies, and that nothing slips past it."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from pytest_modelgate.drift import elements
from pytest_modelgate.drift.elements import Tolerance, compare_elements, is_comparable

EXACT = Tolerance(0, 0)


def compare(expected, got, rtol=0.0, atol=0.0, dtype=np.float64, **more):
    e, g = np.asarray(expected, dtype), np.asarray(got, dtype)
    return compare_elements(e, g, Tolerance(rtol, atol, **more))


finite = st.floats(-1e100, 1e100)
pairs = st_np.array_shapes(max_dims=3, max_side=5).flatmap(
    lambda shape: st.tuples(*[st_np.arrays(np.float64, shape, elements=finite)] * 2)
)
tolerances = st.floats(0, 1e101, allow_subnormal=False)


@given(pairs, tolerances, tolerances)
def test_finite_floats_match_where_numpy_says_that_they_are_close(pair, rtol, atol):
    expected, got = pair
    close = np.isclose(got, expected, rtol=rtol, atol=atol)
    moved = compare(expected, got, rtol, atol)
    assert moved.mismatched == np.count_nonzero(~close)
    assert moved.max_abs == np.abs(got - expected).max()
    assert (moved.position is None) == close.all()
    if moved.position is not None:
        assert not close.ravel()[moved.position]


def test_the_tolerance_is_relative_to_what_was_expected_not_to_what_came():
    assert compare([10.0], [11.0], rtol=0.095).mismatched == 1
    assert compare([11.0], [10.0], rtol=0.095).mismatched == 0


@pytest.mark.parametrize(
    ("dtype", "expected", "at", "above"),
    [
        (np.float64, 1.0, 1.25, np.nextafter(1.25, 2)),
        (np.float32, 1.0, 1.25, np.nextafter(np.float32(1.25), np.float32(2))),
        (np.float16, 1.0, 1.25, np.nextafter(np.float16(1.25), np.float16(2))),
        (ml_dtypes.bfloat16, 1.0, 1.25, 1.2578125),
        (np.int8, 2, 2, 3),
    ],
)
def test_an_element_at_the_limit_matches_and_one_just_above_does_not(dtype, expected, at, above):
    below = (expected + at) / 2
    for value, mismatched in ((below, 0), (at, 0), (above, 1)):
        assert compare([expected], [value], 0.125, 0.125, dtype).mismatched == mismatched
        moved = compare([-expected], [-dtype(value)], 0.125, 0.125, dtype)
        assert moved.mismatched == mismatched


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_the_largest_numbers_of_a_dtype_are_told_apart_without_overflow(dtype):
    top = float(ml_dtypes.finfo(dtype).max)
    moved = compare([top, top], [-top, top], rtol=1.9, dtype=dtype)
    assert moved.mismatched == 1
    assert moved.position == 0
    assert compare([top], [top], dtype=dtype).max_abs == 0


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (math.nan, math.nan),
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (math.inf, -math.inf),
        (math.inf, 1.0),
        (1.0, math.inf),
        (math.inf, math.nan),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("equal_nan", [False, True])
def test_a_nan_or_infinity_matches_nothing_but_its_like_where_that_is_allowed(
    expected, got, dtype, equal_nan
):
    like = equal_nan and (expected == got or (math.isnan(expected) and math.isnan(got)))
    for rtol, atol in ((0, 0), (1e300, 1e300)):
        moved = compare([1, expected, 1], [1, got, 1], rtol, atol, dtype, equal_nan=equal_nan)
        assert moved.mismatched == (0 if like else 1)
        assert moved.max_abs == (0 if like else math.inf)
        assert moved.max_rel == (0 if like else math.inf)
        assert moved.position == (None if like else 1)


def test_an_expected_infinity_does_not_widen_the_tolerance_of_its_neighbours():
    moved = compare([math.inf, 1.0], [math.inf, 2.0], rtol=0.5, equal_nan=True)
    assert (moved.mismatched, moved.position, moved.max_abs) == (1, 1, 1.0)


def test_the_worst_element_is_the_one_furthest_beyond_what_it_is_allowed():
    moved = compare([1000.0, 1.0, 1.0], [1009.0, 3.0, 4.0], rtol=0.01)
    assert (moved.mismatched, moved.position, moved.excess) == (2, 2, 3 - 0.01)
    assert (moved.max_abs, moved.max_rel) == (9.0, 3.0)
    assert compare([1000.0, 1.0], [2000.0, math.nan]).position == 1


def test_the_first_of_equally_bad_elements_is_the_worst():
    assert compare([0.0, 1.0, 1.0], [0.0, 2.0, 2.0]).position == 1
    assert compare([0.0, 1.0, 1.0], [0.0, math.nan, math.inf]).position == 1


def test_the_relative_difference_at_zero_is_infinite_beyond_the_tolerance_and_left_out_within():
    for dtype in (np.float64, np.int64):
        assert compare([0, 10, 0], [0, 12, 0], 0, 2, dtype).max_rel == 0.2
        assert compare([0, 10, 0], [0, 12, 2], 0, 2, dtype).max_rel == 0.2
        assert compare([0, 10, 0], [0, 12, 3], 0, 2, dtype).max_rel == math.inf


def test_integers_are_allowed_the_absolute_tolerance_alone():
    assert compare([10_000], [10_001], rtol=0.5, dtype=np.int64).mismatched == 1
    assert compare([100], [102], atol=2, dtype=np.uint8).mismatched == 0
    assert compare([100], [103], atol=2, dtype=np.uint8).mismatched == 1
    assert compare([100], [98], atol=2.9, dtype=np.uint8).mismatched == 0
    assert compare([100], [97], atol=2.9, dtype=np.uint8).mismatched == 1


@pytest.mark.parametrize(
    ("dtype", "expected", "got", "distance"),
    [
        (np.int64, 2**53, 2**53 + 1, 1),
        (np.int64, -(2**63), 2**63 - 1, 2**64 - 1),
        (np.int64, 2**63 - 1, -(2**63), 2**64 - 1),
        (np.uint64, 0, 2**64 - 1, 2**64 - 1),
        (np.uint64, 2**64 - 1, 2**64 - 2, 1),
        (np.uint8, 0, 255, 255),
        (np.uint8, 255, 0, 255),
        (np.int8, -128, 127, 255),
        (np.int8, 127, -128, 255),
        (np.uint32, 1, 0, 1),
    ],
)
def test_integers_are_subtracted_without_wrapping_or_rounding(dtype, expected, got, distance):
    moved = compare([5, expected], [5, got], dtype=dtype)
    assert (moved.mismatched, moved.position, moved.max_abs) == (1, 1, float(distance))
    assert compare([expected], [got], atol=float(distance), dtype=dtype).mismatched == 0


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**53))
def test_the_distance_of_integers_is_python_s(expected, got, atol):
    moved = compare([expected], [got], atol=float(atol), dtype=np.int64)
    assert moved.mismatched == (abs(got - expected) > atol)
    assert moved.max_abs == float(abs(got - expected))


def test_a_tolerance_past_uint64_allows_every_integer():
    assert compare([-(2**63)], [2**63 - 1], atol=1e300, dtype=np.int64).mismatched == 0


def test_bools_must_be_equal_whatever_the_tolerance():
    moved = compare([True, False, True], [True, True, False], 10, 10, np.bool_)
    assert (moved.mismatched, moved.position, moved.max_abs) == (2, 1, 1.0)
    assert compare([True, False], [True, False], dtype=np.bool_).mismatched == 0


def test_texts_must_be_equal_and_have_no_distance():
    expected = np.array([b"a", b"b", b"c"], dtype=object)
    got = np.array([b"a", b"B", b"C"], dtype=object)
    moved = compare_elements(expected, got, Tolerance(10, 10))
    assert (moved.mismatched, moved.position) == (2, 1)
    assert (moved.max_abs, moved.max_rel) == (math.inf, math.inf)
    assert compare_elements(expected, expected.copy(), EXACT).mismatched == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, object])
def test_arrays_without_elements_have_not_moved(dtype):
    moved = compare_elements(np.empty((0, 3), dtype), np.empty((0, 3), dtype), EXACT)
    assert (moved.mismatched, moved.max_abs, moved.max_rel, moved.position) == (0, 0, 0, None)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.bool_])
def test_a_scalar_is_compared(dtype):
    assert compare(0, 1, dtype=dtype).position == 0


@given(st.integers(0, 22), st.integers(0, 22), st.sampled_from([np.float32, np.int16, object]))
def test_a_difference_is_found_at_its_place_in_whichever_block_it_stands(first, second, dtype):
    expected = np.zeros(23, dtype) if dtype is not object else np.full(23, b"", dtype)
    got = expected.copy()
    got[first], got[second] = (b"1", b"2") if dtype is object else (1, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "_BLOCK", 5)
        moved = compare_elements(expected, got, EXACT)
    assert moved.mismatched == len({first, second})
    assert moved.position == (min(first, second) if dtype is object else second)


def test_strided_arrays_are_compared_in_row_major_order_block_by_block():
    expected = np.arange(24.0).reshape(4, 6)
    got = expected.copy()
    got[2, 1] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "_BLOCK", 5)
        assert compare_elements(expected, np.asfortranarray(got), EXACT).position == 13
        assert compare_elements(expected.T, got.T, EXACT).position == 6
        assert compare_elements(expected[:, ::-1], got[:, ::-1], EXACT).position == 16


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u8", "?", "O", ml_dtypes.bfloat16])
def test_real_numbers_bools_and_texts_can_be_compared(dtype):
    assert is_comparable(np.dtype(dtype))


@pytest.mark.parametrize("dtype", ["c8", "M8[s]", "m8[s]", "U3", "V4"])
def test_nothing_else_can(dtype):
    assert not is_comparable(np.dtype(dtype))
