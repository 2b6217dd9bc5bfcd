"""Answers to safetensors and back."""

import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from baseline_samples import answers_equal, tensors_equal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_modelgate.baselines.answers_file import decode_answers, encode_answers
from pytest_modelgate.errors import BaselineError

NUMERIC = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "float32", "float64",
]  # fmt: skip


def round_trip(answers):
    content, declared = encode_answers(answers)
    return decode_answers(content, declared)


def one(array):
    return round_trip({"in": {"out": array}})["in"]["out"]


@pytest.mark.parametrize("dtype", [*NUMERIC, ml_dtypes.bfloat16])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,), (0, 4), (2, 0, 3)])
def test_every_dtype_and_shape_comes_back_to_the_bit(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    assert tensors_equal(one(array), array)


@given(
    hnp.arrays(
        st.sampled_from(NUMERIC).map(np.dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)
    )
)
def test_all_numbers_come_back_to_the_bit_nan_and_infinity_included(array):
    assert tensors_equal(one(array), array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::2],
        np.arange(10)[::-1],
        np.broadcast_to(np.float32(1.5), (2, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=["transposed", "strided", "reversed", "broadcast", "fortran"],
)
def test_the_memory_layout_of_an_array_does_not_matter(array):
    assert np.array_equal(one(array), array)


def test_big_endian_numbers_come_back_as_the_same_numbers():
    assert one(np.array([1.5, -2.0], dtype=">f4")).tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ([b"cat", b"", b"\x00\xff"], (3,)),
        ([b"a", b"b"], (2, 1)),
        ([b"scalar"], ()),
        ([], (0,)),
        ([], (2, 0)),
        ([b"x" * 70_000], (1,)),
    ],
)
def test_bytes_elements_come_back_in_their_shape(elements, shape):
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    assert tensors_equal(one(array.reshape(shape)), array.reshape(shape))


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_any_bytes_come_back(elements):
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    assert tensors_equal(one(array), array)


def test_bytes_elements_lie_in_the_file_as_on_tritons_wire():
    content, declared = encode_answers({"in": {"out": np.array([b"cat", b""], dtype=object)}})
    stored = safetensors.numpy.load(content)["in/out"]
    assert stored.tobytes() == b"\x03\x00\x00\x00cat\x00\x00\x00\x00"
    assert declared == {"in/out": "BYTES[2]"}


def test_the_declaration_says_dtype_and_shape():
    answers = {"a": {"x": np.zeros((1, 214), np.float32), "y": np.array(1, np.int64)}}
    assert encode_answers(answers)[1] == {"a/x": "float32[1,214]", "a/y": "int64[]"}


def test_what_comes_back_cannot_be_written_to():
    for array in (np.zeros(2), np.array([b"x"], dtype=object)):
        assert not one(array).flags.writeable


NAMES = st.text(st.characters(), max_size=12)  # lone surrogates, NUL and / included


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.just(np.ones(1)), min_size=1), max_size=4))
def test_any_names_of_inputs_and_outputs_come_back(answers):
    assert answers_equal(round_trip(answers), answers)


@pytest.mark.parametrize(
    "name", ["a/b", "../..", "a%2Fb", "__metadata__", "é", "\ud800", "\x00", ""]
)
def test_awkward_names_do_not_run_into_each_other(name):
    answers = {name: {name: np.ones(1)}, "a": {"b/c": np.zeros(1)}, "a/b": {"c": np.ones(2)}}
    assert answers_equal(round_trip(answers), answers)


def test_the_same_answers_give_the_same_bytes_in_whatever_order():
    x, y = np.arange(3), np.array([b"z"], dtype=object)
    one_way = encode_answers({"a": {"x": x, "y": y}, "b": {"x": x}})
    other_way = encode_answers({"b": {"x": x.copy()}, "a": {"y": y, "x": x}})
    assert one_way == other_way


def test_no_answers_are_an_empty_file_and_come_back():
    assert round_trip({}) == {}


def test_an_answer_without_outputs_is_refused_for_it_could_not_come_back():
    with pytest.raises(BaselineError, match="'in' has no outputs"):
        encode_answers({"in": {}})


@pytest.mark.parametrize("array", [np.zeros(1, "complex128"), np.array(["x"]), np.array([b"x"])])
def test_a_dtype_that_cannot_be_kept_is_refused_by_name(array):
    with pytest.raises(BaselineError, match="output 'out' for input 'in'") as caught:
        encode_answers({"in": {"out": array}})
    assert caught.value.got == array.dtype.name


def test_an_object_array_of_anything_but_bytes_is_refused():
    with pytest.raises(BaselineError, match="cannot be recorded") as caught:
        encode_answers({"in": {"out": np.array([b"x", "y"], dtype=object)}})
    assert caught.value.got == "'y'"


CONTENT, DECLARED = encode_answers({"in": {"out": np.zeros((2, 3), np.float32)}})


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 7, b"not tensors", CONTENT[:-1], CONTENT + b"\0"]
)
def test_bytes_that_are_no_safetensors_file_are_refused(content):
    with pytest.raises(BaselineError, match="not a safetensors file"):
        decode_answers(content, DECLARED)


@pytest.mark.parametrize(
    "declared", [{}, {"in/other": "float32[2,3]"}, {**DECLARED, "b/c": "bool[]"}]
)
def test_other_tensors_than_declared_are_refused(declared):
    with pytest.raises(BaselineError, match="not the tensors that the baseline declares"):
        decode_answers(CONTENT, declared)


@pytest.mark.parametrize(
    "declaration",
    ["float32[3,2]", "float32[6]", "int32[2,3]", "float64[2,3]", "BYTES[2]", "nonsense",
     "complex64[2,3]", "float32[2,3", ""],
)  # fmt: skip
def test_another_dtype_or_shape_than_declared_is_refused(declaration):
    with pytest.raises(BaselineError, match="'in/out' is not what the baseline declares"):
        decode_answers(CONTENT, {"in/out": declaration})


@pytest.mark.parametrize(
    "packed",
    [
        b"\x03\x00\x00\x00ca",
        b"\x03\x00\x00\x00cat\x00",
        struct.pack("<I", 2**32 - 1),
        b"",
        b"\x00" * 8,
    ],
)
def test_bytes_elements_that_do_not_fill_their_shape_are_refused(packed):
    content = safetensors.numpy.save({"in/out": np.frombuffer(packed, np.uint8)})
    with pytest.raises(BaselineError, match="does not hold"):
        decode_answers(content, {"in/out": "BYTES[1]"})
