"""Two arrays of one dtype and one shape, element by element.

An element matches where |got − expected| ≤ atol + rtol × |expected|, the formula of numpy.isclose
and torch.testing.assert_close. It is worked out in float64 (exactly, in uint64, for integers), a
block at a time: beside the two arrays it needs a few buffers of a block, whatever their size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.tensors import Array

_BLOCK = 1 << 16
"""Elements: three float64 buffers of a block are 1.5 MiB; larger blocks are no faster."""

_UINT64_MAX = 2**64 - 1


@dataclass(frozen=True)
class Tolerance:
    """How far an element may move; ``equal_nan`` lets a NaN or an infinity match its like."""

    rtol: float
    atol: float
    equal_nan: bool = False


@dataclass(frozen=True)
class Movement:
    """How far the elements of an array, or of a block of one, moved.

    :ivar mismatched: how many lie beyond the tolerance.
    :ivar max_abs: largest |got − expected|; infinite where a NaN or an infinity does not match, and
        where a text differs, which has no distance.
    :ivar max_rel: largest |got − expected| ÷ |expected|. Where zero was expected, infinite for an
        element beyond the tolerance; one within it is left out.
    :ivar excess: how far the worst element lies beyond what it is allowed.
    :ivar position: where that element stands in row-major order, None where all match.
    """

    mismatched: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    excess: float = -math.inf
    position: int | None = None

    def joined(self, other: Movement, offset: int) -> Movement:
        """Return both as one; the other's positions count from ``offset``. The first worst wins."""
        position, excess = self.position, self.excess
        if other.position is not None and (position is None or other.excess > excess):
            position, excess = other.position + offset, other.excess
        return Movement(
            self.mismatched + other.mismatched,
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            excess,
            position,
        )


def compare_elements(expected: Array, got: Array, tolerance: Tolerance) -> Movement:
    """Compare two arrays of the same shape and dtype; ``rtol`` is not for integers.

    A relative tolerance on an integer would let one label or token pass for its neighbour, so that
    integers are allowed ``atol`` alone; bool and BYTES elements must be equal.
    """
    compare = _comparison(expected.dtype, min(expected.size, _BLOCK), tolerance)
    movement = Movement()
    for offset in range(0, expected.size, _BLOCK):
        block = compare(_block(expected, offset), _block(got, offset))
        movement = movement.joined(block, offset)
    return movement


def is_comparable(dtype: np.dtype[Any]) -> bool:
    """Tell whether elements of a dtype can be compared: real numbers, bool and BYTES."""
    return dtype.kind in "biufO" or dtype == ml_dtypes.bfloat16


def _comparison(
    dtype: np.dtype[Any], length: int, tolerance: Tolerance
) -> Callable[[Array, Array], Movement]:
    if dtype.kind == "O":
        return _texts
    if dtype.kind == "b":
        return lambda e, g: _integers(e.view(np.uint8), g.view(np.uint8), 0.0)
    if dtype.kind in "iu":
        return lambda e, g: _integers(e, g, tolerance.atol)
    return _Floats(length, tolerance).compare


def _block(array: Array, offset: int) -> Array:
    """Return a block of an array in row-major order; of a strided one it is a copy."""
    flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
    return flat[offset : offset + _BLOCK]


def _texts(e: Array, g: Array) -> Movement:
    differing = np.flatnonzero(e != g)
    if not differing.size:
        return Movement()
    return Movement(differing.size, math.inf, math.inf, math.inf, int(differing[0]))


def _integers(e: Array, g: Array, atol: float) -> Movement:
    moved = np.flatnonzero(e != g)
    if not moved.size:
        return Movement()
    e = e[moved]
    distance = _distance(e, g[moved])
    beyond = distance > np.uint64(min(int(atol), _UINT64_MAX))
    magnitude = np.abs(e.astype(np.float64))
    with np.errstate(divide="ignore"):
        relative = distance / magnitude
    relative[(magnitude == 0) & ~beyond] = 0
    worst = int(np.argmax(distance))
    largest = float(distance[worst])
    return Movement(
        int(np.count_nonzero(beyond)),
        largest,
        float(relative.max()),
        largest - atol if beyond[worst] else -math.inf,
        int(moved[worst]) if beyond[worst] else None,
    )


def _distance(e: Array, g: Array) -> Array:
    """Return |g − e| in uint64, which holds it even between the ends of int64."""
    wide = np.int64 if e.dtype.kind == "i" else np.uint64
    low, high = np.minimum(e, g).astype(wide), np.maximum(e, g).astype(wide)
    return high.view(np.uint64) - low.view(np.uint64)


class _Floats:
    """The comparison of floats, with its buffers, which serve one block after another."""

    def __init__(self, length: int, tolerance: Tolerance) -> None:
        self._tolerance = tolerance
        self._buffers = np.empty((3, length))
        self._beyond = np.empty(length, np.bool_)

    def compare(self, e: Array, g: Array) -> Movement:
        difference, magnitude, relative = self._buffers[:, : e.size]
        beyond = self._beyond[: e.size]
        with np.errstate(all="ignore"):  # inf − inf, 0 ÷ 0: told apart below
            np.copyto(difference, g)
            np.copyto(magnitude, e)
            np.subtract(difference, magnitude, out=difference)
            np.abs(difference, out=difference)
            np.abs(magnitude, out=magnitude)
            if not math.isfinite(difference.max()):  # max passes a NaN on
                self._settle(e, g, difference, magnitude)
            np.divide(difference, magnitude, out=relative)
            allowed = magnitude  # in its buffer
            np.multiply(magnitude, self._tolerance.rtol, out=allowed)
            np.add(allowed, self._tolerance.atol, out=allowed)
            np.greater(difference, allowed, out=beyond)
            if not math.isfinite(relative.max()):  # zero was expected
                relative[~beyond & ~np.isfinite(relative)] = 0
            mismatched = int(np.count_nonzero(beyond))
            max_abs, max_rel = float(difference.max()), float(relative.max())
            if not mismatched:
                return Movement(0, max_abs, max_rel)
            excess = np.subtract(difference, allowed, out=difference)
            excess[~beyond] = -math.inf
            worst = int(np.argmax(excess))
        return Movement(mismatched, max_abs, max_rel, float(excess[worst]), worst)

    def _settle(self, e: Array, g: Array, difference: Array, magnitude: Array) -> None:
        """Give pairs without a finite distance an infinite one, or none where that is allowed.

        They hold a NaN or an infinity, or lie too far apart for float64. Their magnitude becomes
        zero: an expected infinity would make the tolerance infinite.
        """
        odd = ~np.isfinite(difference)
        difference[odd] = math.inf
        magnitude[odd] = 0
        if self._tolerance.equal_nan:
            alike = odd & ((e == g) | (np.isnan(e) & np.isnan(g)))
            difference[alike] = 0
