"""Answers against the baseline's."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from pytest_modelgate.config.specs import DriftSpec
from pytest_modelgate.drift.compare import compare_answers
from pytest_modelgate.errors import ConfigError

DEFAULTS = DriftSpec()


def array(*values, dtype=np.float32):
    return np.array(values, dtype)


def compare(expected, got, spec=DEFAULTS):
    """One input, one output."""
    return compare_answers({"a": {"y": expected}}, {"a": ({"y": got},)}, spec)


def structure(expected, *answers):
    return compare_answers({"a": expected}, {"a": answers}, DEFAULTS).structure


def test_equal_answers_match_in_every_element():
    expected = {n: {"y": array(0.5, 1.5), "z": array(1, dtype=np.int64)} for n in ("a", "b")}
    report = compare_answers(expected, {n: (t,) for n, t in expected.items()}, DEFAULTS)
    assert (report.inputs, report.elements, report.mismatched) == (2, 6, 0)
    assert (report.max_abs, report.max_rel, report.worst, report.structure) == (0, 0, None, ())


@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"),
    [
        (np.float16, 1e-3, 1e-5),
        (ml_dtypes.bfloat16, 1.6e-2, 1e-5),
        (np.float32, 1.3e-6, 1e-5),
        (np.float64, 1e-7, 1e-7),
    ],
)
def test_the_default_tolerances_are_those_of_torch_testing(dtype, rtol, atol):
    for expected in (1000.0, 2.0, 0.0078125):
        e = dtype(expected)
        allowed = atol + rtol * float(e)
        for factor, mismatched in ((0.5, 0), (2, 1)):
            got = np.array([float(e) + factor * allowed]).astype(dtype)
            if (float(got[0]) - float(e) > allowed) == bool(mismatched):  # the dtype can say it
                assert compare(np.array([e], dtype), got).mismatched == mismatched
    assert compare(array(0, dtype=dtype), array(atol * 0.9, dtype=dtype)).mismatched == 0
    assert compare(array(0, dtype=dtype), array(atol * 1.1, dtype=dtype)).mismatched == 1


def test_a_tolerance_left_out_takes_the_default_of_the_dtype():
    assert compare(array(100), array(100.5), DriftSpec(rtol=0.01)).mismatched == 0
    assert compare(array(0), array(9e-6), DriftSpec(rtol=0.01)).mismatched == 0
    assert compare(array(0), array(11e-6), DriftSpec(rtol=0.01)).mismatched == 1
    assert compare(array(0), array(9e-6), DriftSpec(rtol=0.01, atol=0)).mismatched == 1
    assert compare(array(1e6), array(1e6 + 1.25), DriftSpec(atol=0.01)).mismatched == 0
    assert compare(array(1e6), array(1e6 + 1.25), DriftSpec(rtol=0, atol=0.01)).mismatched == 1


def test_a_label_does_not_pass_for_its_neighbour_under_a_relative_tolerance():
    label = array(1000, dtype=np.int64)
    assert compare(label, label + 1, DriftSpec(rtol=0.01)).mismatched == 1
    assert compare(label, label + 1, DriftSpec(atol=1)).mismatched == 0


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
@pytest.mark.parametrize("key", ["rtol", "atol"])
def test_a_tolerance_that_would_allow_anything_is_refused(key, value):
    with pytest.raises(ConfigError, match=f"drift.{key}=.* is no tolerance"):
        compare(array(1), array(1), DriftSpec(**{key: value}))


def test_every_distinct_answer_is_compared():
    good, bad = {"y": array(1, 2)}, {"y": array(1, 3)}
    report = compare_answers({"a": good}, {"a": (good, bad, good)}, DEFAULTS)
    assert (report.inputs, report.elements, report.mismatched) == (1, 6, 1)


def test_the_worst_element_is_told_with_input_output_index_and_error():
    expected = {n: {"y": np.zeros((2, 3), np.float32)} for n in ("a", "b")}
    got = {n: ({"y": np.zeros((2, 3), np.float32)},) for n in ("a", "b")}
    got["a"][0]["y"][0, 0] = 0.1
    got["b"][0]["y"][1, 2] = 0.2
    report = compare_answers(expected, got, DEFAULTS)
    assert report.mismatched == 2
    worst = report.worst
    assert (worst.input_name, worst.output, worst.index) == ("b", "y", (1, 2))
    assert (worst.expected, worst.got) == ("0.0", "0.2")
    assert worst.error == "|Δ| = 0.2, allowed 1e-05"


@pytest.mark.parametrize(
    ("expected", "got", "shown", "error"),
    [
        (array(0.1), array(0.3), ("0.1", "0.3"), "|Δ| = 0.2, allowed 1.01e-05"),
        (
            array(1, dtype=np.float16),
            array(2, dtype=np.float16),
            ("1.0", "2.0"),
            "|Δ| = 1, allowed",
        ),
        (
            array(2**63 - 1, dtype=np.int64),
            array(-(2**63), dtype=np.int64),
            ("9223372036854775807", "-9223372036854775808"),
            "|Δ| = 18446744073709551615, allowed 0",
        ),
        (array(True, dtype=bool), array(False, dtype=bool), ("True", "False"), "must be equal"),
        (array(b"a", dtype=object), array(b"\xff", dtype=object), ("b'a'", r"b'\xff'"), "be equal"),
        (array(math.nan), array(math.nan), ("nan", "nan"), "unless drift(equal_nan=True)"),
        (array(1), array(-math.inf), ("1.0", "-inf"), "unless drift(equal_nan=True)"),
    ],
)
def test_the_worst_element_is_shown_with_all_its_digits(expected, got, shown, error):
    worst = compare(expected, got).worst
    assert (worst.expected, worst.got) == shown
    assert error in worst.error


def test_an_error_just_above_the_limit_is_shown_with_the_digits_that_tell_them_apart():
    worst = compare(array(0.0, dtype=float), array(1.0001, dtype=float), DriftSpec(0, 1)).worst
    assert worst.error == "|Δ| = 1.0001, allowed 1.0"


def test_a_nan_where_its_like_is_allowed_is_told_so():
    worst = compare(array(math.nan), array(1), DriftSpec(equal_nan=True)).worst
    assert worst.error == "a NaN or an infinity matches only its like"


def test_a_long_text_is_shown_in_short():
    short, long = b"a" * 57, b"a" * 58
    worst = compare(array(short, dtype=object), array(long, dtype=object)).worst
    assert worst.expected == repr(short)
    assert worst.got == repr(long)[:59] + "…"


def test_the_worst_of_several_outputs_is_the_furthest_beyond_its_own_tolerance():
    expected = {"f": array(0), "i": array(5, dtype=np.int64), "t": array(b"a", dtype=object)}
    got = {"f": array(3), "i": array(7, dtype=np.int64), "t": array(b"a", dtype=object)}
    assert compare_answers({"a": expected}, {"a": (got,)}, DEFAULTS).worst.output == "f"
    got["t"] = array(b"b", dtype=object)
    report = compare_answers({"a": expected}, {"a": (got,)}, DEFAULTS)
    assert (report.worst.output, report.mismatched, report.max_abs) == ("t", 3, math.inf)


def test_an_output_on_one_side_only_is_told_whichever_side_it_is():
    y, z = array(1), array(2)
    assert structure({"y": y, "z": z}, {"y": y}) == ("output 'z' is missing, for input 'a'",)
    assert structure({"y": y}, {"y": y, "z": z}) == ("output 'z' is new, for input 'a'",)
    assert structure({"y": y}, {}) == ("output 'y' is missing, for input 'a'",)
    assert structure({}, {"y": y}) == ("output 'y' is new, for input 'a'",)
    assert structure({"y": y}, {"y": y}, {"z": y}) == (
        "output 'y' is missing, for input 'a'",
        "output 'z' is new, for input 'a'",
    )


def test_an_input_on_one_side_only_is_told_whichever_side_it_is():
    y = {"y": array(1)}
    report = compare_answers({"a": y, "b": y, "c": y}, {"a": (y,), "c": (), "d": (y,)}, DEFAULTS)
    assert (report.inputs, report.elements) == (1, 1)
    assert report.structure == (
        "the answer is missing, for input 'b' and 1 more",
        "the baseline has no answer, for input 'd'",
    )


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (np.float32, np.float64, "dtype float64, the baseline float32"),
        (np.float64, np.float32, "dtype float32, the baseline float64"),
        (np.float16, ml_dtypes.bfloat16, "dtype bfloat16, the baseline float16"),
        (np.int32, np.int64, "dtype int64, the baseline int32"),
        (np.int8, np.bool_, "dtype bool, the baseline int8"),
    ],
)
def test_another_dtype_is_told_even_where_the_values_are_equal(before, now, told):
    report = compare(array(1, dtype=before), array(1, dtype=now))
    assert report.structure == (f"output 'y' has {told}, for input 'a'",)
    assert report.elements == 0


def test_a_text_where_a_number_was_is_told():
    (sentence,) = compare(array(1), array(b"1", dtype=object)).structure
    assert sentence == "output 'y' has dtype BYTES, the baseline float32, for input 'a'"


@pytest.mark.parametrize(
    ("before", "now"), [((2, 3), (3, 2)), ((3,), (2,)), ((2,), (3,)), ((1,), ()), ((0,), (0, 0))]
)
def test_another_shape_is_told_and_not_compared_as_far_as_it_goes(before, now):
    report = compare(np.zeros(before), np.zeros(now))
    told = f"output 'y' has shape {list(now)}, the baseline {list(before)}, for input 'a'"
    assert report.structure == (told,)
    assert report.elements == 0


def test_another_dtype_and_another_shape_are_two_sentences():
    assert len(structure({"y": np.zeros(2)}, {"y": np.zeros(3, np.float32)})) == 2


def test_a_dtype_that_cannot_be_compared_is_told():
    report = compare(np.zeros(2, np.complex64), np.zeros(2, np.complex64))
    assert report.structure == (
        "output 'y' has dtype complex64, which has no distance, for input 'a'",
    )


def test_a_change_of_many_inputs_is_one_sentence():
    expected = {str(n): {"y": np.zeros(2, np.float32)} for n in range(64)}
    got = {name: ({"y": np.zeros(2)}, {"y": np.zeros(2)}) for name in expected}
    assert compare_answers(expected, got, DEFAULTS).structure == (
        "output 'y' has dtype float64, the baseline float32, for input '0' and 63 more",
    )


@pytest.mark.parametrize("expected", [{}, {"a": {}}, {"a": {"y": np.zeros((0, 3))}}])
def test_answers_without_elements_are_visible_as_such(expected):
    report = compare_answers(expected, {n: (t,) for n, t in expected.items()}, DEFAULTS)
    assert (report.inputs, report.elements, report.structure) == (len(expected), 0, ())
