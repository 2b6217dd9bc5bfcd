"""An answer as named tensors, and what a server declares of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Any shape; numeric, bool, ml_dtypes.bfloat16, or object with every element ``bytes`` (BYTES)."""

Tensors = Mapping[str, Array]

DATATYPES: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),
}
"""The Open Inference Protocol's datatypes (its "Tensor Data Types"; BF16 as Triton has it), and the
dtype of their arrays, in native byte order."""

_NAMES = {dtype: name for name, dtype in DATATYPES.items()}


def is_bytes(array: Array) -> bool:
    """Tell whether an array holds BYTES elements rather than numbers."""
    return bool(array.dtype == np.dtype(object))


def datatype_of(dtype: np.dtype[Any]) -> str | None:
    """Return the datatype of a numpy dtype in either byte order, None where there is none.

    Text (``U``, ``S``, ``StringDType``) is BYTES, as an object array is.
    """
    if dtype.kind in "UST":
        return "BYTES"
    return _NAMES.get(dtype.newbyteorder("="))


@dataclass(frozen=True)
class TensorSpec:
    """One declared tensor: ``datatype`` in OIP's names (FP32 …), ``shape`` with -1 for "any"."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Contract:
    """The declared inputs and outputs of a model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
