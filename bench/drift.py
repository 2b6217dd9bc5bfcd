"""Time and memory of comparing 10⁸ float32 with their baseline, against the bars of the design.

Run it with::

    python bench/drift.py [ELEMENTS]

It needs 4 GB of memory at 10⁸ elements. Every element has moved a little; once all are within the
tolerance, once all are beyond it. Printed is the best of three, the ratio to the bar, and the
time of ``numpy.allclose`` and ``numpy.array_equal`` as yardsticks. Memory is the growth of the
process's high-water mark over what the two arrays take. Exit 1 if a bar is missed.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.config.specs import DriftSpec
from pytest_modelgate.drift.compare import compare_answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.drift.report import DriftReport
    from pytest_modelgate.tensors import Array

BAR_S = 1.0
BAR_BYTES = 64 * 2**20
RUNS = 3


def main() -> int:
    elements = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**8
    expected, got = arrays(elements)

    def compare(rtol: float) -> DriftReport:
        answers = {"input": ({"output": got},)}
        return compare_answers({"input": {"output": expected}}, answers, DriftSpec(rtol, 0.0))

    before = peak_bytes()
    within_s = best_of(lambda: compare(1e-3))
    beyond_s = best_of(lambda: compare(1e-9))
    extra = peak_bytes() - before
    assert compare(1e-3).mismatched == 0
    assert compare(1e-9).mismatched > 0.9 * elements
    missed = [
        report("all within the tolerance", within_s, BAR_S, "s"),
        report("all beyond the tolerance", beyond_s, BAR_S, "s"),
        report("extra memory", extra / 2**20, BAR_BYTES / 2**20, "MiB"),
    ]
    for name, yardstick in (
        ("numpy.allclose", lambda: np.allclose(got, expected, rtol=1e-3, atol=0)),
        ("numpy.array_equal", lambda: np.array_equal(got, expected)),
    ):
        took_s = best_of(yardstick)
        print(f"{name:26} {took_s:8.3f} s     ({took_s / within_s:.2f} × ours)")
    return int(any(missed))


def arrays(elements: int) -> tuple[Array, Array]:
    """Two arrays that differ by about 1e-6 of each element, made without temporaries."""
    expected = np.random.default_rng(0).standard_normal(elements, dtype=np.float32)
    got = expected * np.float32(1 + 1e-6)
    return expected, got


def best_of(action: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def report(name: str, value: float, bar: float, unit: str) -> bool:
    """Print a measurement beside its bar; return whether it misses it."""
    print(f"{name:26} {value:8.3f} {unit:5} ({value / bar:.2f} × the bar of {bar:g} {unit})")
    return value > bar


if __name__ == "__main__":
    sys.exit(main())
