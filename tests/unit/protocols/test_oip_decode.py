"""What is made of an answer of an Open Inference Protocol server, and what is refused."""

from __future__ import annotations

import json
import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.tensors import DATATYPES

PROTOCOL = oip_http(ServerSpec("s", "process", "oip-http", model="m"))


def body(data, datatype="FP32", shape=None, **more):
    shape = [len(data)] if shape is None else shape
    entry = {"name": "y", "datatype": datatype, "shape": shape, "data": data} | more
    return json.dumps({"model_name": "m", "outputs": [entry]}).encode()


def decoded(data, datatype="FP32", shape=None):
    return PROTOCOL.decode(body(data, datatype, shape))["y"]


def refused(raw):
    with pytest.raises(ProtocolError) as caught:
        PROTOCOL.decode(raw)
    return str(caught.value)


def without(key):
    entry = {"name": "y", "datatype": "FP32", "shape": [1], "data": [1]}
    del entry[key]
    return json.dumps({"outputs": [entry]}).encode()


shapes = st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
finite = {"allow_nan": False, "allow_infinity": False}
texts = st.text(st.characters(codec="utf-8")).map(str.encode)
arrays = st.one_of(
    st_np.arrays(st_np.boolean_dtypes(), shapes),
    st_np.arrays(st_np.integer_dtypes(endianness="="), shapes),
    st_np.arrays(st_np.unsigned_integer_dtypes(endianness="="), shapes),
    st_np.arrays(
        st_np.floating_dtypes(endianness="=", sizes=(16, 32, 64)), shapes, elements=finite
    ),
    st_np.arrays(np.float16, shapes, elements=finite).map(
        lambda array: array.astype(ml_dtypes.bfloat16)
    ),
    st_np.arrays(object, shapes, elements=texts),
)


@given(st.dictionaries(st.text(min_size=1, alphabet="ab.ü[]"), arrays, min_size=1, max_size=3))
def test_an_echo_of_the_request_is_decoded_to_the_arrays_that_were_sent(tensors):
    request = json.loads(PROTOCOL.encode(tensors))
    answer = PROTOCOL.decode(json.dumps({"outputs": request["inputs"]}).encode())
    assert list(answer) == list(tensors)
    for name, array in tensors.items():
        assert answer[name].dtype == array.dtype
        assert answer[name].shape == array.shape
        assert answer[name].tobytes() == array.tobytes() or array.dtype == object
        assert (answer[name] == array).all()


@pytest.mark.parametrize("datatype", DATATYPES)
def test_an_output_has_the_dtype_that_it_declares_also_without_elements(datatype):
    assert decoded([], datatype, [0, 3]).dtype == DATATYPES[datatype]
    assert decoded([], datatype, [0, 3]).shape == (0, 3)


@given(st_np.arrays(np.int32, st_np.array_shapes(min_side=0, max_side=3)))
def test_nested_data_and_flat_data_are_the_same_tensor(array):
    nested = decoded(array.tolist(), "INT32", list(array.shape))
    assert nested.shape == array.shape
    assert (nested == array).all()


def test_a_whole_number_is_a_float_where_the_output_declares_floats():
    assert decoded([1, 0.5], "FP64").tolist() == [1.0, 0.5]


@pytest.mark.parametrize("value", [0.1, 3.4028235e38, 1.4e-45, 16777217.0])
def test_a_float32_in_its_shortest_digits_is_read_as_that_float32(value):
    text = str(np.float32(value))
    raw = body([0.0]).replace(b"0.0", text.encode())
    assert PROTOCOL.decode(raw)["y"][0] == np.float32(value)


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_the_literals_nan_and_infinity_are_read_so_that_drift_sees_them(datatype):
    array = decoded([math.nan, math.inf, -math.inf], datatype)
    assert np.isnan(array[0])
    assert array[1:].tolist() == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("datatype", "fits", "overflows"),
    [
        ("FP16", "65519", "65520"),
        ("BF16", "3.39e38", "3.4e38"),
        ("FP32", "3.4028235e38", "3.4028236e38"),
        ("FP64", "1.7976931348623157e308", "1.7976931348623159e308"),
        ("FP64", "1" + "0" * 308, "1" + "0" * 309),
        ("FP32", "-3.4028235e38", "-1" + "0" * 400),
        ("INT8", "127", "128"),
        ("INT8", "-128", "-129"),
        ("UINT8", "255", "256"),
        ("UINT8", "0", "-1"),
        ("INT16", "-32768", "-32769"),
        ("INT32", "2147483647", "2147483648"),
        ("INT64", "9223372036854775807", "9223372036854775808"),
        ("INT64", "-9223372036854775808", "-9223372036854775809"),
        ("UINT64", "18446744073709551615", "18446744073709551616"),
    ],
)
def test_a_number_past_its_datatypes_range_is_refused_with_its_place(datatype, fits, overflows):
    raw = body([[0, 0], [0, 77]], datatype, [2, 2])
    assert PROTOCOL.decode(raw.replace(b"77", fits.encode()))["y"][1, 1] != 0 or fits == "0"
    message = refused(raw.replace(b"77", overflows.encode()))
    assert f"output 'y' holds at [1, 1] a number out of {datatype}'s range" in message


@pytest.mark.parametrize(
    ("datatype", "element", "said"),
    [
        ("FP32", None, "null"),
        ("FP32", "NaN", "the string 'NaN'"),
        ("FP32", True, "true"),
        ("FP32", {}, "an object"),
        ("INT32", 1.5, "the number 1.5"),
        ("INT32", 1.0, "the number 1.0"),
        ("INT32", False, "false"),
        ("INT32", math.nan, "the number nan"),
        ("BOOL", 1, "the number 1"),
        ("BOOL", "true", "the string 'true'"),
        ("BYTES", 1, "the number 1"),
        ("BYTES", None, "null"),
    ],
)
def test_an_element_of_another_type_is_refused_with_its_place(datatype, element, said):
    good = {"BOOL": True, "BYTES": "a"}.get(datatype, 0)
    message = refused(body([good, good, good, element], datatype, [2, 2]))
    assert f"output 'y' holds at [1, 1] what is no {datatype}" in message
    assert f"got:      {said}" in message


@pytest.mark.parametrize("count", [5, 7])
def test_data_of_one_element_more_or_less_than_the_shape_is_refused(count):
    message = refused(body([0] * count, shape=[2, 3]))
    assert "6 elements for shape [2, 3]" in message
    assert f"{count} elements" in message


@pytest.mark.parametrize(
    "data", [[[1, 2], [3]], [[1, 2, 3], [4, 5, 6]], [[1, 2], 3], [[[1], [2]], [[3], [4]]], [[1, 2]]]
)
def test_data_that_is_not_nested_as_the_shape_says_is_refused(data):
    assert "output 'y'" in refused(body(data, shape=[2, 2]))


@pytest.mark.parametrize("shape", [None, 3, [1.0], [True], [-1], ["1"], {}])
def test_a_shape_must_be_whole_numbers_from_zero_on(shape):
    raw = body([1], more=0).replace(b'"shape": [1]', b'"shape": ' + json.dumps(shape).encode())
    assert "output 'y' has no valid shape" in refused(raw)


@pytest.mark.parametrize("shape", [[2**63, 0], [1] * 65])
def test_a_shape_that_no_array_can_have_is_refused(shape):
    data = [0] * math.prod(shape)
    assert "impossible shape" in refused(body(data, shape=shape))


def test_an_element_of_the_wrong_type_in_an_impossible_shape_is_refused():
    assert "what is no FP32" in refused(body([None], shape=[1] * 65))


@pytest.mark.parametrize("datatype", ["FLOAT", "fp32", None, 3, ["FP32"]])
def test_a_datatype_must_be_one_of_the_protocols(datatype):
    assert "output 'y' has no valid datatype" in refused(body([1], datatype))


@pytest.mark.parametrize("key", ["datatype", "shape", "data", "name"])
def test_a_key_that_is_missing_is_named(key):
    message = refused(without(key))
    assert f"no valid {key}" in message or f"has no {key}" in message
    assert "no such key" in message


@pytest.mark.parametrize("data", ["AAAA", 1, {}])
def test_data_must_be_an_array(data):
    assert "output 'y' has no data" in refused(body(data, shape=[1]))


def test_half_a_surrogate_pair_in_a_text_or_a_name_is_refused():
    assert "output 'y' is not valid Unicode" in refused(body(["\ud800"], "BYTES"))
    assert "name of tensor 0 is not valid" in refused(body([1]).replace(b'"y"', b'"\\ud800"'))


def test_two_outputs_of_one_name_are_refused():
    entry = {"name": "y", "datatype": "FP32", "shape": [1], "data": [1]}
    raw = json.dumps({"outputs": [entry, entry]}).encode()
    assert "two tensors have the name 'y'" in refused(raw)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the answer must be a JSON object"),
        ({}, "the answer has no array 'outputs'"),
        ({"outputs": {}}, "the answer has no array 'outputs'"),
        ({"outputs": []}, "empty list of outputs"),
        ({"outputs": [1]}, "tensor 0 must be a JSON object"),
        ({"outputs": [{"name": ""}]}, "tensor 0 has no name"),
        ({"outputs": [{"name": 5}]}, "the number 5"),
    ],
)
def test_a_document_of_another_form_is_refused(document, said):
    assert said in refused(json.dumps(document).encode())


@pytest.mark.parametrize("error", ["model busy", {"code": 3}, ""])
def test_the_text_of_an_error_body_is_passed_on(error):
    message = refused(json.dumps({"error": error}).encode())
    assert "the server answered with an error" in message
    assert str(error) in message


def test_an_error_of_null_is_none():
    document = json.loads(body([1])) | {"error": None}
    assert PROTOCOL.decode(json.dumps(document).encode())["y"].tolist() == [1]
