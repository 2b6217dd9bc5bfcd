"""Tensors of the Open Inference Protocol as JSON, written and read strictly."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.json_body import excerpt, json_type, read_floats, utf8
from pytest_modelgate.tensors import DATATYPES, datatype_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.tensors import Array

_ACCEPTED: Mapping[str, tuple[frozenset[type], str]] = {
    "b": (frozenset({bool}), "true or false"),
    "i": (frozenset({int}), "a whole number"),
    "u": (frozenset({int}), "a whole number"),
    "f": (frozenset({int, float}), "a number"),
    "V": (frozenset({int, float}), "a number"),  # numpy's kind of bfloat16
    "O": (frozenset({str}), "a string"),
}
"""Kind of dtype → the types of parsed JSON that its elements may have, and their description."""


def json_tensor(name: object, tensor: object) -> dict[str, object]:
    """Return one input of a request, its data flat in row-major order.

    Only numpy arrays and scalars are taken: a list would leave its datatype to be guessed.
    Raises ProtocolError naming the input, and where it can the element.
    """
    if not isinstance(name, str) or not name:
        raise ProtocolError("an input's name must be a text", got=excerpt(name))
    if isinstance(tensor, np.ma.MaskedArray) or not isinstance(tensor, (np.ndarray, np.generic)):
        raise ProtocolError(
            f"input {name!r} must be a numpy array",
            expected="an array whose dtype is the datatype that the model declares",
            got=f"{type(tensor).__name__}: {excerpt(tensor)}",
            hint="np.asarray(value, dtype=np.float32), say, or .filled() for a masked array",
        )
    array = np.asarray(tensor)
    datatype = datatype_of(array.dtype)
    if datatype is None:
        raise ProtocolError(
            f"input {name!r} has dtype {array.dtype}, which the protocol does not know",
            expected="the dtype of one of " + ", ".join(DATATYPES),
        )
    utf8(name, "an input's name")
    data = _texts(name, array) if datatype == "BYTES" else _numbers(name, array)
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": data}


def read_tensor(entry: Mapping[str, object], where: str) -> Array:
    """Return the array in one output of an answer; ``where`` names it in messages.

    Raises ProtocolError where shape, datatype and data are missing or contradict one another.
    """
    shape = read_shape(entry, where, lowest=0)
    dtype = DATATYPES[read_datatype(entry, where)]
    flat = _flat(entry.get("data"), shape, where)
    _check_types(flat, dtype, shape, where)
    if dtype.kind == "O":
        array = np.array([utf8(text, where) for text in flat], dtype=object)
    elif dtype.kind in "iu":
        array = _integers(flat, dtype, shape, where)
    elif dtype.kind == "b":
        array = np.array(flat, dtype=dtype)
    else:
        array = _floats(flat, dtype, shape, where)
    try:
        return array.reshape(shape)
    except ValueError as error:  # more than 64 dimensions, or one past the address space
        raise ProtocolError(f"{where} has an impossible shape", got=excerpt(list(shape))) from error


def read_datatype(entry: Mapping[str, object], where: str) -> str:
    """Return the declared datatype; raises ProtocolError for one that is unknown."""
    datatype = entry.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise ProtocolError(
            f"{where} has no valid datatype",
            expected="one of " + ", ".join(DATATYPES),
            got=json_type(datatype) if "datatype" in entry else "no such key",
        )
    return datatype


def read_shape(entry: Mapping[str, object], where: str, *, lowest: int) -> tuple[int, ...]:
    """Return the declared shape, no dimension below ``lowest``; raises ProtocolError."""
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= lowest for n in shape):
        raise ProtocolError(
            f"{where} has no valid shape",
            expected=f"an array of whole numbers, none below {lowest}",
            got=excerpt(shape) if "shape" in entry else "no such key",
        )
    return tuple(shape)


def _numbers(name: str, array: Array) -> list[object]:
    if array.dtype.kind in "fV":
        finite = np.isfinite(array)
        if not finite.all():
            index = tuple(int(i) for i in np.argwhere(~finite)[0])
            raise ProtocolError(
                f"input {name!r} holds {array[index]} at {list(index)}, which JSON cannot carry",
                expected="finite numbers",
            )
    flat: list[object] = array.ravel().tolist()
    return flat


def _texts(name: str, array: Array) -> list[str]:
    return [
        _text(f"input {name!r} at {_index(position, array.shape)}", element)
        for position, element in enumerate(array.ravel())
    ]


def _text(where: str, element: object) -> str:
    if isinstance(element, bytes):
        try:
            return element.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError(
                f"{where} is not UTF-8, and the protocol does not say how JSON carries other bytes",
                got=excerpt(element),
                hint="send what your server expects there, base64 text for example",
            ) from error
    if not isinstance(element, str):
        raise ProtocolError(
            f"{where} is neither str nor bytes",
            expected="text in every element of an object array; numbers in an array of their dtype",
            got=f"{type(element).__name__}: {excerpt(element)}",
        )
    utf8(element, where)
    return element


def _flat(data: object, shape: Sequence[int], where: str) -> list[Any]:
    """Return the elements in row-major order, from flat data or data nested as the shape says."""
    if not isinstance(data, list):
        raise ProtocolError(
            f"{where} has no data",
            expected="an array; the binary extension is not spoken here",
            got="no such key" if data is None else json_type(data),
        )
    level = data
    if any(type(part) is list for part in data):
        level = [data]
        for axis, length in enumerate(shape):
            for part in level:
                if type(part) is not list or len(part) != length:
                    raise ProtocolError(
                        f"{where} has data that is not nested as its shape {list(shape)} says",
                        expected=f"an array of {length} along axis {axis}",
                        got=json_type(part),
                    )
            level = list(chain.from_iterable(level))
    if len(level) != math.prod(shape):
        raise ProtocolError(
            f"{where} has data that does not fill its shape",
            expected=f"{math.prod(shape)} elements for shape {list(shape)}",
            got=f"{len(level)} elements",
        )
    return level


def _check_types(
    flat: Sequence[object], dtype: np.dtype[Any], shape: Sequence[int], where: str
) -> None:
    accepted, description = _ACCEPTED[dtype.kind]
    if not set(map(type, flat)) <= accepted:
        position = next(n for n, element in enumerate(flat) if type(element) not in accepted)
        raise ProtocolError(
            f"{where} holds at {_index(position, shape)} what is no {datatype_of(dtype)}",
            expected=description,
            got=json_type(flat[position]),
        )


def _integers(flat: Sequence[int], dtype: np.dtype[Any], shape: Sequence[int], where: str) -> Array:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if flat and not (low <= min(flat) and max(flat) <= high):
        position = next(n for n, element in enumerate(flat) if not low <= element <= high)
        _out_of_range(dtype, position, shape, where, flat[position])
    return np.array(flat, dtype=dtype)


def _floats(flat: Sequence[float], dtype: np.dtype[Any], shape: Sequence[int], where: str) -> Array:
    array, overflow = read_floats(flat, dtype)
    if overflow is not None:
        _out_of_range(dtype, overflow, shape, where, flat[overflow])
    return array


def _out_of_range(
    dtype: np.dtype[Any], position: int, shape: Sequence[int], where: str, element: float
) -> NoReturn:
    raise ProtocolError(
        f"{where} holds at {_index(position, shape)} a number out of {datatype_of(dtype)}'s range",
        got="a number past float64's range" if math.inf == abs(element) else excerpt(element),
    )


def _index(position: int, shape: Sequence[int]) -> list[int]:
    index: list[int] = []
    for length in reversed(shape):
        position, step = divmod(position, length)
        index.insert(0, step)
    return index
