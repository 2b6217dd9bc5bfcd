"""Answers as the bytes of a safetensors file, and back.

A tensor's key is ``input/output``, both percent-encoded. What safetensors cannot say (which tensors
are BYTES, and their shapes) is returned beside the bytes, and kept in the baseline's JSON: the
metadata that a safetensors file can hold come in random order, and the same answers must give the
same bytes.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from pytest_modelgate.errors import BaselineError
from pytest_modelgate.tensors import is_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.tensors import Array, Tensors

_BYTES = "BYTES"
_BYTE_TENSOR_TAG = "U8"
_NUMERIC = (
    np.bool_, np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64,
    np.float16, np.float32, np.float64,
)  # fmt: skip
_DTYPES = {np.dtype(scalar).name: np.dtype(scalar) for scalar in (*_NUMERIC, ml_dtypes.bfloat16)}
_TAGS = {
    "bool": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
}  # fmt: skip
_KEPT = " !#$&'()*+,:;=?@[]"  # characters of a name that need no escape in a key
_DECLARED = re.compile(r"(\w+)\[((?:\d+(?:,\d+)*)?)\]", re.ASCII)
_LENGTH = struct.Struct("<I")


def encode_answers(answers: Mapping[str, Tensors]) -> tuple[bytes, dict[str, str]]:
    """Return the file's bytes, and key → declaration (``"float32[1,214]"``, ``"BYTES[2]"``).

    :param answers: input name → output name → array of any shape, in any memory layout.
    :raises BaselineError: an answer without outputs, or of a dtype that cannot be kept.
    """
    tensors: dict[str, Array] = {}
    declared: dict[str, str] = {}
    for input_name, outputs in answers.items():
        if not outputs:
            raise BaselineError(f"the answer to input {input_name!r} has no outputs to record")
        for output, array in outputs.items():
            key = f"{_escaped(input_name)}/{_escaped(output)}"
            dtype = _BYTES if is_bytes(array) else array.dtype.name
            tensors[key] = _storable(array, f"output {output!r} for input {input_name!r}")
            declared[key] = f"{dtype}[{','.join(map(str, array.shape))}]"
    return safetensors.numpy.save(tensors), declared


def decode_answers(content: bytes, declared: Mapping[str, str]) -> dict[str, dict[str, Array]]:
    """Return what encode_answers was given; arrays come back read-only and little-endian.

    :raises BaselineError: the bytes are no safetensors file, or not the one that was declared.
    """
    try:
        # no-untyped-call: the library's stubs leave this one function untyped
        stored = dict(safetensors.deserialize(content))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise BaselineError("not a safetensors file", got=str(error)) from error
    if stored.keys() != declared.keys():
        raise BaselineError(
            "not the tensors that the baseline declares",
            expected=", ".join(sorted(declared)),
            got=", ".join(sorted(stored)),
        )
    answers: dict[str, dict[str, Array]] = {}
    for key, declaration in declared.items():
        input_name, _, output = key.partition("/")
        tensor = stored[key]
        array = _restored(key, declaration, tensor["dtype"], tensor["shape"], tensor["data"])
        array.flags.writeable = False
        answers.setdefault(_unescaped(input_name), {})[_unescaped(output)] = array
    return answers


def _escaped(name: str) -> str:
    return quote(name, safe=_KEPT, errors="surrogatepass")


def _unescaped(name: str) -> str:
    return unquote(name, errors="surrogatepass")


def _storable(array: Array, what: str) -> Array:
    if is_bytes(array):
        return _packed(array, what)
    if array.dtype.name not in _DTYPES:
        raise BaselineError(
            f"{what} cannot be recorded", expected=", ".join(_DTYPES), got=array.dtype.name
        )
    # safetensors.numpy takes an array's memory as it lies, and would keep a transposed one wrongly.
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _packed(array: Array, what: str) -> Array:
    """Return BYTES elements as Triton's wire format: each with its length in 4 bytes before it."""
    elements = array.ravel(order="C").tolist()
    for element in elements:
        if not isinstance(element, bytes):
            raise BaselineError(
                f"{what} cannot be recorded", expected="elements of type bytes", got=repr(element)
            )
    packed = b"".join(_LENGTH.pack(len(element)) + element for element in elements)
    return np.frombuffer(packed, dtype=np.uint8)


def _restored(key: str, declaration: str, tag: str, shape: list[int], data: bytes) -> Array:
    match = _DECLARED.fullmatch(declaration)
    dtype = match.group(1) if match else ""
    dimensions = [int(size) for size in match.group(2).split(",") if size] if match else []
    if dtype == _BYTES and tag == _BYTE_TENSOR_TAG:
        return _unpacked(key, data, dimensions)
    if tag != _TAGS.get(dtype) or shape != dimensions:
        raise BaselineError(
            f"tensor {key!r} is not what the baseline declares",
            expected=declaration,
            got=f"{tag}{shape}",
        )
    return np.frombuffer(data, dtype=_DTYPES[dtype].newbyteorder("<")).reshape(dimensions)


def _unpacked(key: str, data: bytes, shape: list[int]) -> Array:
    elements: list[bytes] = []
    position = 0
    while position + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size + length
        elements.append(bytes(data[position - length : position]))
    if position != len(data) or len(elements) != np.prod(shape, dtype=int):
        raise BaselineError(f"tensor {key!r} does not hold {shape} BYTES elements")
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)
