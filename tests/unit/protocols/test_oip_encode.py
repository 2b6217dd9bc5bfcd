"""What becomes of an input on its way to an Open Inference Protocol server."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.oip_http import oip_http

PROTOCOL = oip_http(ServerSpec("s", "process", "oip-http", model="m"))


def encoded(tensor):
    (entry,) = json.loads(PROTOCOL.encode({"x": tensor}))["inputs"]
    assert list(entry) == ["name", "shape", "datatype", "data"]
    return entry["shape"], entry["datatype"], entry["data"]


def refused(model_input):
    with pytest.raises(ProtocolError) as caught:
        PROTOCOL.encode(model_input)
    return str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [
        (np.bool_, "BOOL"),
        (np.uint8, "UINT8"),
        (np.uint16, "UINT16"),
        (np.uint32, "UINT32"),
        (np.uint64, "UINT64"),
        (np.int8, "INT8"),
        (np.int16, "INT16"),
        (np.int32, "INT32"),
        (np.int64, "INT64"),
        (np.float16, "FP16"),
        (ml_dtypes.bfloat16, "BF16"),
        (np.float32, "FP32"),
        (np.float64, "FP64"),
        (">f4", "FP32"),
        ("<i8", "INT64"),
    ],
)
def test_every_dtype_is_sent_as_the_protocols_datatype(dtype, datatype):
    array = np.array([[0, 1, 1]], dtype=dtype)
    shape, sent, data = encoded(array)
    assert (shape, sent, data) == ([1, 3], datatype, [0, 1, 1])
    assert {type(element) for element in data} <= {
        bool if datatype == "BOOL" else float if "F" in datatype else int
    }


@pytest.mark.parametrize(
    "tensor",
    [
        np.array(["a", "ü"]),
        np.array([b"a", "ü".encode()]),
        np.array(["a", "ü".encode()], dtype=object),
        np.array(["a", "ü"], dtype=np.dtypes.StringDType()),
    ],
)
def test_text_of_every_kind_is_sent_as_bytes(tensor):
    assert encoded(tensor) == ([2], "BYTES", ["a", "ü"])


def test_a_strided_array_is_sent_in_row_major_order():
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert encoded(array.T) == ([3, 2], "INT32", [0, 3, 1, 4, 2, 5])
    assert encoded(np.asfortranarray(array)) == ([2, 3], "INT32", [0, 1, 2, 3, 4, 5])


def test_a_scalar_has_no_dimensions_and_one_element():
    assert encoded(np.float32(0.5)) == ([], "FP32", [0.5])
    assert encoded(np.array(7, np.int8)) == ([], "INT8", [7])


def test_an_array_without_elements_is_sent_with_its_shape():
    assert encoded(np.empty((0, 3), np.float32)) == ([0, 3], "FP32", [])


def test_the_ends_of_the_64_bit_integers_are_sent_exactly():
    assert encoded(np.array([-(2**63), 2**63 - 1]))[2] == [-(2**63), 2**63 - 1]
    assert encoded(np.array([2**64 - 1], np.uint64))[2] == [2**64 - 1]


def test_the_same_input_gives_the_same_bytes_in_the_order_of_the_mapping():
    model_input = {"b": np.ones(2, np.float32), "a": np.array(["x"])}
    body = PROTOCOL.encode(model_input)
    assert body == PROTOCOL.encode({name: array.copy() for name, array in model_input.items()})
    assert [entry["name"] for entry in json.loads(body)["inputs"]] == ["b", "a"]
    assert list(json.loads(body)) == ["inputs"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_a_float_that_json_cannot_carry_is_refused_with_its_place(value, dtype):
    array = np.zeros((2, 3), dtype)
    array[1, 2] = value
    message = refused({"pixels": array})
    assert f"'pixels' holds {value} at [1, 2]" in message


def test_a_scalar_that_is_not_finite_is_refused():
    assert "holds nan at []" in refused({"x": np.array(np.nan)})


@pytest.mark.parametrize(
    "tensor",
    [[1.0, 2.0], (1,), 0.5, "text", b"text", None, {"a": 1}, np.ma.masked_array([1, 2], [0, 1])],
)
def test_what_is_no_numpy_array_is_refused_by_name_because_its_dtype_would_be_a_guess(tensor):
    message = refused({"pixels": tensor})
    assert "input 'pixels' must be a numpy array" in message
    assert "np.asarray" in message


@pytest.mark.parametrize(
    "dtype", [np.complex64, np.longdouble, "datetime64[s]", "m8[s]", [("a", "i4")], "V4"]
)
def test_a_dtype_that_the_protocol_does_not_have_is_refused(dtype):
    message = refused({"pixels": np.zeros(2, dtype)})
    assert "'pixels' has dtype" in message
    assert "INT64" in message


@pytest.mark.parametrize("element", [1, None, 0.5, ["nested"]])
def test_an_object_array_must_hold_text(element):
    array = np.array(["a", None, "c", "d"], dtype=object).reshape(2, 2)
    array[0, 1] = element
    message = refused({"names": array})
    assert "'names' at [0, 1] is neither str nor bytes" in message


def test_bytes_that_are_no_text_are_refused_with_what_to_do():
    message = refused({"image": np.array([b"ok", b"\xff\xd8"], dtype=object)})
    assert "'image' at [1] is not UTF-8" in message
    assert "base64" in message


def test_half_a_surrogate_pair_is_refused_in_a_text_and_in_a_name():
    assert "at [0] is not valid Unicode" in refused({"x": np.array(["\ud800"], dtype=object)})
    assert "name is not valid Unicode" in refused({"\ud800": np.zeros(1)})


@pytest.mark.parametrize("model_input", [{}, [], None, np.zeros(3), "text"])
def test_an_input_must_be_a_mapping_with_tensors(model_input):
    assert "must be a mapping of tensor name to numpy array" in refused(model_input)


@pytest.mark.parametrize("name", ["", 1, None])
def test_a_tensors_name_must_be_a_text(name):
    assert "name must be a text" in refused({name: np.zeros(1)})
