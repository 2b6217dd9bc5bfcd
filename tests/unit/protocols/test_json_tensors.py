"""Any JSON value as named tensors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.json_body import dump_json, parse_json
from pytest_modelgate.protocols.json_tensors import json_tensors


def told(value):
    """Every tensor as (dtype, shape, elements)."""
    tensors = json_tensors(value, "answer")
    return {name: (str(a.dtype), a.shape, a.tolist()) for name, a in tensors.items()}


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (0.5, "float64", ()),
        ([0.5, 1], "float64", (2,)),
        ([[0.5, 2], [3, 4], [5, 6]], "float64", (3, 2)),
        (7, "int64", ()),
        ([5, -3], "int64", (2,)),
        (True, "bool", ()),
        ([[True], [False]], "bool", (2, 1)),
        ([], "float64", (0,)),
        ([[], []], "float64", (2, 0)),
    ],
)
def test_numbers_and_equal_lists_of_them_are_one_tensor(value, dtype, shape):
    assert told(value) == {"answer": (dtype, shape, value)}


@pytest.mark.parametrize("whole", [0, 1, -1, [0, 1, 0], [[-1], [1]]])
def test_a_score_that_saturated_has_the_dtype_of_one_that_did_not(whole):
    assert told(whole)["answer"][0] == "float64"


@pytest.mark.parametrize("whole", [2, -2, [0, 2], 2**63 - 1, -(2**63)])
def test_labels_and_counts_are_whole_numbers_exactly(whole):
    assert told(whole) == {"answer": ("int64", np.shape(whole), whole)}


@pytest.mark.parametrize("whole", [2**63, -(2**63) - 1, 10**100])
def test_a_whole_number_past_int64_stays_as_its_digits(whole):
    assert told(whole) == {"answer as JSON": ("object", (), str(whole).encode())}
    assert told([whole, 1.5]) == {"answer": ("float64", (2,), [float(whole), 1.5])}


def test_texts_are_bytes():
    assert told("ü") == {"answer": ("object", (), "ü".encode())}
    assert told([["a"], [""]]) == {"answer": ("object", (2, 1), [[b"a"], [b""]])}


def test_an_object_gives_the_tensors_of_its_members():
    value = {"label": "py", "scores": [0.5, 0.25], "meta": {"n": 3, "a.b": True}}
    assert told(value) == {
        "label": ("object", (), b"py"),
        "scores": ("float64", (2,), [0.5, 0.25]),
        "meta.n": ("int64", (), 3),
        'meta["a.b"]': ("bool", (), True),
    }


def test_an_array_of_objects_gives_the_tensors_of_each():
    assert told([{"label": "a", "score": 0.5}, {"label": "b"}]) == {
        "answer[0].label": ("object", (), b"a"),
        "answer[0].score": ("float64", (), 0.5),
        "answer[1].label": ("object", (), b"b"),
    }


def test_a_ragged_array_gives_a_tensor_for_each_row():
    assert told([[0.5, 2], [3.5], []]) == {
        "answer[0]": ("float64", (2,), [0.5, 2.0]),
        "answer[1]": ("float64", (1,), [3.5]),
        "answer[2]": ("float64", (0,), []),
    }


@pytest.mark.parametrize("value", [[1.5, "a", True], [[1.5], 2.5], [True, 1], [0.5, None]])
def test_a_mixed_array_gives_a_tensor_for_each_element(value):
    assert len(told(value)) == len(value)
    assert all(name.startswith("answer[") for name in told(value))


def test_null_and_the_empty_object_are_kept_and_equal_no_text():
    assert told(None) == {"answer as JSON": ("object", (), b"null")}
    assert told({"a": {}, "b": "{}"}) == {
        "a as JSON": ("object", (), b"{}"),
        "b": ("object", (), b"{}"),
    }
    assert told({}) == {"answer as JSON": ("object", (), b"{}")}
    assert told({"x as JSON": "null", "x": None}).keys() == {'["x as JSON"]', "x as JSON"}


def test_nan_and_infinity_are_seen():
    (array,) = json_tensors(parse_json(b"[NaN, Infinity, -Infinity]"), "answer").values()
    assert math.isnan(array[0])
    assert array[1:].tolist() == [math.inf, -math.inf]


@pytest.mark.parametrize("number", [b"1e309", b"-1e309", b"1" + b"0" * 309])
@pytest.mark.parametrize("form", [b"[0.5, %s]", b'{"answer": [0.5, %s]}'])
def test_a_number_past_float64s_range_is_refused(number, form):
    with pytest.raises(ProtocolError, match="answer holds a number past float64's range"):
        json_tensors(parse_json(form % number), "answer")


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(ProtocolError, match="answer is not valid Unicode"):
        json_tensors("\ud800", "answer")
    with pytest.raises(ProtocolError, match="a key in the answer is not valid Unicode"):
        json_tensors({"\ud800": 1}, "answer")


def nested(depth, leaf):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def test_arrays_nested_deeper_than_numpy_goes_are_taken_apart_up_to_a_limit():
    assert told(nested(64, 0.5))["answer"][1] == (1,) * 64
    assert told(nested(65, 0.5))["answer[0]"][1] == (1,) * 64
    with pytest.raises(ProtocolError, match="nested deeper than 64 at 'answer"):
        json_tensors(nested(200, 0.5), "answer")


@pytest.mark.parametrize(("wrap", "deepest"), [(lambda v: {"a": v}, 64), (lambda v: [v, None], 63)])
def test_objects_and_mixed_arrays_may_be_nested_up_to_a_limit(wrap, deepest):
    value = 0.5
    for _ in range(deepest):
        value = wrap(value)
    assert json_tensors(value, "answer")
    with pytest.raises(ProtocolError, match="nested deeper than 64"):
        json_tensors(wrap(value), "answer")


def canonical(value):
    """Numbers as floats, because 1 and 1.0 are one number, and so are 0 and -0."""
    if isinstance(value, list):
        return [canonical(v) for v in value]
    if isinstance(value, dict):
        return sorted((key, canonical(v)) for key, v in value.items())
    if type(value) in (int, float) and abs(value) < 1e300:
        return float(value) + 0.0
    return repr(value)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8")),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)


@given(json_values, json_values)
def test_values_with_equal_tensors_are_equal_but_for_how_numbers_are_written(one, other):
    if told(one) == told(other):
        assert canonical(one) == canonical(other)


@given(json_values)
def test_a_value_read_twice_gives_the_same_tensors(value):
    raw = dump_json(value)
    assert told(parse_json(raw)) == told(parse_json(raw)) == told(value)
