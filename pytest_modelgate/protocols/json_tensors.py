"""Any JSON value as named tensors, so that two answers can be compared element by element.

JSON has no dtypes, and Go and JavaScript write the float 1.0 as ``1``. The rules below give a value
the same dtype whichever way it happens to round:

- numbers, and arrays of them of equal lengths, are one float64 tensor; but where all are whole and
  one lies outside −1 … 1 (a label, a count, a token, not a score that saturated) they are one int64
  tensor, which is compared exactly;
- ``true`` and ``false``, and arrays of them, are one bool tensor;
- texts, and arrays of them, are one BYTES tensor;
- an object gives the tensors of its members, named ``member.inner``;
- any other array (ragged, mixed, of objects) gives those of its elements, named ``name[0]`` …;
- ``null``, ``{}`` and whole numbers past int64 have no tensor of their own; they stay as their JSON
  text, in a BYTES tensor named ``name as JSON``, which no text with the same letters can equal.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.json_body import dump_json, excerpt, read_floats, utf8
from pytest_modelgate.protocols.json_path import path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modelgate.tensors import Array, Tensors

    Steps = tuple[str | int, ...]

_DEEPEST = 64
"""What numpy can hold as dimensions."""

_INT64 = np.iinfo(np.int64)


def json_tensors(value: object, name: str) -> Tensors:
    """Return a parsed value's tensors; an object's are named by its keys, any other by ``name``.

    Raises ProtocolError for nesting deeper than 64, text that is not Unicode, and a number past
    float64's range.
    """
    steps = () if isinstance(value, dict) and value else (name,)
    return dict(_tensors(value, steps))


def _tensors(value: object, steps: Steps) -> Iterator[tuple[str, Array]]:
    name = path_text(steps)
    utf8(name, "a key in the answer")
    if len(steps) > _DEEPEST:
        raise ProtocolError(f"the answer is nested deeper than {_DEEPEST} at {excerpt(name)}")
    array = _array(value, name)
    if array is not None:
        yield name, array
    elif isinstance(value, dict) and value:
        for key, member in value.items():
            yield from _tensors(member, (*steps, key))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _tensors(element, (*steps, index))
    else:
        yield f"{name} as JSON", np.array(dump_json(value), dtype=object)


def _array(value: object, name: str) -> Array | None:
    """Return a value as one array, None where it is none: ragged, mixed, null, or an object."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and set(map(type, level)) == {list} and len(shape) < _DEEPEST:
        lengths = set(map(len, level))
        if len(lengths) != 1:
            return None
        shape += lengths
        level = list(chain.from_iterable(level))
    flat = _flat_array(level, name)
    return None if flat is None else flat.reshape(shape)


def _flat_array(elements: Sequence[Any], name: str) -> Array | None:
    types = set(map(type, elements))
    if types == {str}:
        return np.array([utf8(text, name) for text in elements], dtype=object)
    if types == {bool}:
        return np.array(elements, dtype=np.bool_)
    if types == {int}:
        return _whole(elements)
    if types <= {int, float}:  # an array without elements among them
        return _real(elements, name)
    return None


def _whole(elements: Sequence[int]) -> Array | None:
    low, high = min(elements), max(elements)
    if low >= -1 and high <= 1:
        return np.array(elements, dtype=np.float64)
    if low >= _INT64.min and high <= _INT64.max:
        return np.array(elements, dtype=np.int64)
    return None


def _real(elements: Sequence[float], name: str) -> Array:
    array, overflow = read_floats(elements, np.dtype(np.float64))
    if overflow is not None:
        raise ProtocolError(f"{name} holds a number past float64's range")
    return array
