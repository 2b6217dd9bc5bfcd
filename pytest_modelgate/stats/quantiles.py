"""How sure one can be of a quantile: distribution-free bounds from order statistics.

The number of samples at or below the true ``q`` quantile of a continuous distribution is binomial
(n, q), whatever that distribution is. So a sorted sample's r-th value is a bound for the quantile
with a confidence that only n, q and r decide. Source: David & Nagaraja, *Order Statistics*, 3rd ed.
(2003), §7.1; Conover, *Practical Nonparametric Statistics*, 3rd ed. (1999), §3.2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

# Not scipy.stats: its import alone takes most of a second, and its calls a hundred times as long.
from scipy.special import bdtr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modelgate.stats.sketch import LatencySketch


def quantile_ranks(
    count: int, q: float, *, low_confidence: float, high_confidence: float
) -> tuple[int, int]:
    """Return the ranks (of 1..count) whose values bound the ``q`` quantile, each on its own side.

    :param low_confidence: probability that the quantile is not below the lower value.
    :param high_confidence: probability that it is not above the upper value.
    :return: 0 and ``count + 1`` say that the samples are too few for such a bound.
    """
    # P(X_(r) ≤ quantile) = P(Bin(n, q) ≥ r) = 1 − cdf(r − 1): r − 1 needs cdf ≤ 1 − confidence
    low = bisect_right(
        range(count), 1 - low_confidence, key=lambda below: float(bdtr(below, count, q))
    )
    high = bisect_left(
        range(count), high_confidence, key=lambda below: float(bdtr(below, count, q))
    )
    return low, high + 1


def quantile_interval(
    sketch: LatencySketch, q: float, *, low_confidence: float, high_confidence: float
) -> tuple[float, float]:
    """Bound the ``q`` quantile of the latencies, in seconds.

    Each bound is that end of its bucket which claims less. 0 below and infinity above where the
    samples are too few, and infinity wherever a rank falls among the failed requests.
    """
    low, high = quantile_ranks(
        sketch.count, q, low_confidence=low_confidence, high_confidence=high_confidence
    )
    return sketch.at_rank_s(low)[0], sketch.at_rank_s(high)[1]


def sample_floor(q: float, confidence: float = 0.95, over: int = 0) -> int:
    """Return the fewest samples that can show, with ``over`` of them above it, a limit on ``q``.

    With fewer, the true quantile may lie beyond the limit with more than 1 − confidence even though
    only ``over`` samples do. Source: MLPerf LoadGen, "early stopping" (the least n with
    P(Bin(n, 1 − q) ≤ over) ≤ 1 − confidence); at 95 % and none over 59 for p95 and 299 for p99.
    """

    def shows(count: int) -> bool:
        return count > over and float(bdtr(over, count, 1 - q)) <= 1 - confidence

    enough = 1
    while not shows(enough):
        enough *= 2
    return bisect_left(range(enough), 1, key=shows)


def median_interval(
    values: Sequence[float], *, low_confidence: float, high_confidence: float
) -> tuple[float, float]:
    """Bound the median of what runs give, from one value a run, each bound on its own side.

    Where the runs are too few for that confidence a bound is the furthest run, whose confidence is
    1 − 2⁻ⁿ. Raises ValueError if there are no values.
    """
    if not values:
        raise ValueError("no values: their median does not exist")
    ordered = sorted(values)
    low, high = quantile_ranks(
        len(ordered), 0.5, low_confidence=low_confidence, high_confidence=high_confidence
    )
    return ordered[max(low, 1) - 1], ordered[min(high, len(ordered)) - 1]
