"""Latencies kept small: HdrHistogram's buckets, with the failed requests beyond them all."""

from __future__ import annotations

import binascii
import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from hdrh.codec import (  # type: ignore[import-untyped]  # the library has no types
    HdrCookieException,
    HdrLengthException,
)
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # likewise

from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from collections.abc import Iterable

Int64s = npt.NDArray[np.int64]

LONGEST_NS = 3_600 * 10**9
"""One hour; anything longer is kept as this."""

_NOT_DECODABLE = (
    HdrCookieException, HdrLengthException, zlib.error, struct.error,
    ValueError, IndexError, ArithmeticError,
)  # fmt: skip
"""What the library raises at a text that is damaged, according to where."""

_SIGNIFICANT_DIGITS = 3
_EXACT_BITS = 11  # 2^11 sub-buckets: the least power of two that keeps three digits, as HDR has it


class SketchError(ModelgateError):
    """A sketch that is empty where a value was asked of it, or an encoding that is none."""


@dataclass(frozen=True, eq=False)
class LatencySketch:
    """The latencies of one window, or of several, to three significant digits.

    A failed request counts as infinitely slow: it is a sample, and lies beyond every latency, so
    that a server cannot win by failing.

    :ivar lowest_ns: the lowest latency of each bucket that holds any, ascending, shape (buckets,).
        The buckets are those of HdrHistogram from 1 ns to 1 h: exact below 2,048 ns, and never
        wider than 0.1 % of their value.
    :ivar counts: how many latencies each bucket holds, shape (buckets,).
    :ivar failures: how many requests failed.
    """

    lowest_ns: Int64s
    counts: Int64s
    failures: int

    @classmethod
    def from_latencies_ns(cls, latencies_ns: Int64s, failures: int = 0) -> LatencySketch:
        """Make a sketch of answered requests' latencies, shape (answered,), in any order."""
        clipped = np.clip(np.asarray(latencies_ns, dtype=np.int64), 1, LONGEST_NS)
        shifts = _shifts(clipped)
        lowest_ns, counts = np.unique(clipped >> shifts << shifts, return_counts=True)
        return cls(lowest_ns, counts.astype(np.int64), failures)

    @classmethod
    def merge(cls, sketches: Iterable[LatencySketch]) -> LatencySketch:
        """Pool sketches: the same as one sketch of all their latencies."""
        every = list(sketches)
        if not every:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64), 0)
        values = np.concatenate([sketch.lowest_ns for sketch in every])
        lowest_ns, places = np.unique(values, return_inverse=True)
        counts = np.zeros(lowest_ns.size, np.int64)
        np.add.at(counts, places, np.concatenate([sketch.counts for sketch in every]))
        return cls(lowest_ns, counts, sum(sketch.failures for sketch in every))

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return int(self.counts.sum())

    @property
    def count(self) -> int:
        """How many requests were sent: answered and failed."""
        return self.answered + self.failures

    @property
    def mean_s(self) -> float:
        """The mean of the *answered* requests; raises SketchError if there are none."""
        if not self.counts.size:
            raise SketchError("no answered request: their mean latency does not exist")
        middles_ns = (self.lowest_ns + _highest_ns(self.lowest_ns)) / 2
        return float(np.average(middles_ns, weights=self.counts)) / 1e9

    def quantile_s(self, q: float) -> float:
        """Return the least latency that at least a share ``q`` of all requests did not exceed.

        That is the inverse of the empirical distribution function (Hyndman & Fan's type 1), and of
        its bucket the upper end, as HdrHistogram reports it: never better than it was. Infinite if
        the rank falls among the failed requests. Raises SketchError if there are no requests.
        """
        return self.at_rank_s(quantile_rank(self.count, q))[1]

    def at_rank_s(self, rank: int) -> tuple[float, float]:
        """Return both ends of the bucket of the ``rank``-th fastest request, the first being 1.

        Rank 0 and less lie before every request: (0, 0); a rank among the failed requests, or
        beyond every request: (inf, inf).
        """
        if rank <= 0:
            return 0.0, 0.0
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        if place == self.counts.size:
            return math.inf, math.inf
        lowest_ns = self.lowest_ns[place : place + 1]
        return int(lowest_ns[0]) / 1e9, int(_highest_ns(lowest_ns)[0]) / 1e9

    def encode(self) -> str:
        """Return ``failures:histogram``, the latter in HdrHistogram's V2 compressed format.

        The same sketch always gives the same text; HdrHistogram's tools can read the second part.
        """
        histogram = _new_histogram()
        for lowest_ns, count in zip(self.lowest_ns.tolist(), self.counts.tolist(), strict=True):
            histogram.record_value(lowest_ns, count)
        return f"{self.failures}:{histogram.encode().decode('ascii')}"

    @classmethod
    def decode(cls, text: str) -> LatencySketch:
        """Return the sketch that `encode` wrote; raises SketchError if the text is not one."""
        failures, _, encoded = text.partition(":")
        try:
            # b64decode itself drops what is not base64, and would accept a damaged text.
            binascii.a2b_base64(encoded, strict_mode=True)
            histogram = HdrHistogram.decode(encoded)
            sketch = cls._of_histogram(histogram, int(failures))
        except _NOT_DECODABLE as error:
            raise _not_a_sketch(text, str(error)) from error
        if sketch.failures < 0 or _settings(histogram) != _settings(_new_histogram()):
            raise _not_a_sketch(text, "other settings than this version's")
        return sketch

    @classmethod
    def _of_histogram(cls, histogram: HdrHistogram, failures: int) -> LatencySketch:
        counts = np.frombuffer(histogram.counts, dtype=np.uint64).astype(np.int64)
        filled = np.flatnonzero(counts)
        lowest = [histogram.get_value_from_index(index) for index in filled.tolist()]
        return cls(np.array(lowest, dtype=np.int64), counts[filled], failures)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LatencySketch):
            return NotImplemented
        return (
            self.failures == other.failures
            and np.array_equal(self.lowest_ns, other.lowest_ns)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays


def quantile_rank(count: int, q: float) -> int:
    """Return the rank in 1..count of the ``q`` quantile; raises SketchError if count is 0."""
    if count <= 0:
        raise SketchError("no requests: a quantile of none does not exist")
    # rounded first: 0.07 × 100 is 7.000000000000001 in floating point, and its rank is 7
    return min(max(math.ceil(round(q * count, 6)), 1), count)


def _shifts(values_ns: Int64s) -> Int64s:
    """Return by how many bits each value's bucket is coarser than 1 ns."""
    bits = np.frexp(values_ns.astype(np.float64))[1].astype(np.int64)  # exact: an hour is < 2^53 ns
    return np.maximum(bits - _EXACT_BITS, 0)


def _highest_ns(lowest_ns: Int64s) -> Int64s:
    widths: Int64s = np.left_shift(np.int64(1), _shifts(lowest_ns))
    return lowest_ns + widths - 1


def _new_histogram() -> HdrHistogram:
    return HdrHistogram(1, LONGEST_NS, _SIGNIFICANT_DIGITS)


def _settings(histogram: HdrHistogram) -> tuple[int, int, int]:
    return (
        histogram.lowest_trackable_value,
        histogram.highest_trackable_value,
        histogram.significant_figures,
    )


def _not_a_sketch(text: str, why: str) -> SketchError:
    return SketchError(
        "a latency sketch cannot be read",
        expected="failures:HdrHistogram",
        got=f"{text!r:.60}: {why}",
    )
