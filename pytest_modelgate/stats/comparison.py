"""Did it get worse? Runs, or rounds side by side, compared as a ratio.

The run is the unit: requests within a run share its memory layout, its neighbours and its garbage
collections, and counting them as independent samples is how benchmark gates cry wolf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TYPE_CHECKING, Literal

# Not scipy.stats: its import alone takes most of a second, and its calls a hundred times as long.
from scipy.special import nctdtrinc, stdtrit

from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from collections.abc import Sequence


_MOST_RUNS = 100
_HOPELESS = 10_000.0
"""Standard errors to a critical value (two runs, a tiny alpha) beyond which nothing is detected,
and beyond which scipy's inverse of the noncentral t may not return."""


class NotComparableError(ModelgateError):
    """The runs cannot be compared as a ratio; the message says why."""


@dataclass(frozen=True)
class Comparison:
    """The candidate's geometric mean against the baseline's, as relative changes (0.05 is +5 %).

    :ivar change: estimate, positive where the candidate's value is larger.
    :ivar low: one-sided lower bound of the change, at confidence 1 − alpha.
    :ivar high: one-sided upper bound, likewise.
    :ivar smallest_detectable_change: the least true worsening that such runs would have shown as
        one (against a tolerance of 0) with the asked power; a positive number either way.
    """

    change: float
    low: float
    high: float
    smallest_detectable_change: float


def compare_runs(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    better: Literal["lower", "higher"],
    alpha: float,
    power: float = 0.8,
) -> Comparison:
    """Compare one positive value a run, on a log scale, where a slowdown is a shift.

    Welch's t interval, with Welch and Satterthwaite's degrees of freedom (Welch, *Biometrika* 34,
    1947). The smallest detectable change is the shift at which Student's t, then noncentral,
    exceeds its critical value with the asked power (Owen, *JASA* 60, 1965); the usual shortcut
    (t₁₋ₐ + t_power) × SE claims a tenth too much at few runs and a small alpha.
    Raises NotComparableError.

    :param better: which way the metric is better; a worsening is a rise or a fall accordingly.
    :param alpha: error allowed on each side.
    """
    before, after = _logs("recorded", baseline), _logs("measured", candidate)
    shift = fmean(after) - fmean(before)
    error = _standard_error((variance(before), len(before)), (variance(after), len(after)))
    return _comparison(shift, error, better, alpha, power)


def compare_rounds(
    log_ratios: Sequence[float],
    *,
    better: Literal["lower", "higher"],
    alpha: float,
    power: float = 0.8,
) -> Comparison:
    """Compare by rounds side by side, of which each has a log ratio of its own.

    Student's t interval; the rest is as in `compare_runs`. Raises NotComparableError.

    :param log_ratios: (rounds,), candidate ÷ baseline.
    """
    rounds = len(log_ratios)
    if rounds < 2:
        raise NotComparableError(f"how far rounds differ needs at least 2 rounds, {rounds} made")
    error = _standard_error((variance(log_ratios), rounds))
    return _comparison(fmean(log_ratios), error, better, alpha, power)


def _comparison(
    shift: float,
    error: _StandardError,
    better: Literal["lower", "higher"],
    alpha: float,
    power: float,
) -> Comparison:
    margin = float(stdtrit(error.freedom, 1 - alpha)) * error.value
    return Comparison(
        change=_relative(shift),
        low=_relative(shift - margin),
        high=_relative(shift + margin),
        smallest_detectable_change=_detectable(error, better, alpha, power),
    )


def runs_to_detect(
    change: float,
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    better: Literal["lower", "higher"],
    alpha: float,
    power: float = 0.8,
) -> int | None:
    """Return how many runs a side would see a worsening by ``change``, if all differ as these do.

    None where a hundred would not. Raises NotComparableError.
    """
    before, after = variance(_logs("recorded", baseline)), variance(_logs("measured", candidate))
    return next(
        (
            runs
            for runs in range(2, _MOST_RUNS + 1)
            if _detectable(_standard_error((before, runs), (after, runs)), better, alpha, power)
            <= change
        ),
        None,
    )


def rounds_to_detect(
    change: float,
    log_ratios: Sequence[float],
    *,
    better: Literal["lower", "higher"],
    alpha: float,
    power: float = 0.8,
) -> int | None:
    """Return how many rounds would see a worsening by ``change``, if all differ as these do.

    None where a hundred would not.
    """
    spread = variance(log_ratios)
    return next(
        (
            rounds
            for rounds in range(2, _MOST_RUNS + 1)
            if _detectable(_standard_error((spread, rounds)), better, alpha, power) <= change
        ),
        None,
    )


@dataclass(frozen=True)
class _StandardError:
    """Of a mean, or of the difference of two."""

    value: float
    freedom: float


def _standard_error(*sides: tuple[float, int]) -> _StandardError:
    """Combine the (variance, runs) of each side."""
    parts = [(spread / runs, runs - 1) for spread, runs in sides]
    total = sum(part for part, _ in parts)
    if total == 0:
        return _StandardError(0.0, 1.0)  # no run differs from another: the difference is exact
    # as shares of the total, because the square of a tiny variance is 0 in floating point
    freedom = 1 / sum((part / total) ** 2 / degrees for part, degrees in parts)
    return _StandardError(math.sqrt(total), freedom)


def _detectable(
    error: _StandardError, better: Literal["lower", "higher"], alpha: float, power: float
) -> float:
    critical = float(stdtrit(error.freedom, 1 - alpha))
    if error.value == 0:
        return 0.0
    if critical > _HOPELESS:
        shift = math.inf
    else:
        shift = float(nctdtrinc(error.freedom, 1 - power, critical)) * error.value
    return _relative(shift) if better == "lower" else -_relative(-shift)


def _logs(side: str, values: Sequence[float]) -> list[float]:
    if len(values) < 2:
        raise NotComparableError(f"how far runs differ needs at least 2 runs, {len(values)} {side}")
    wrong = next((value for value in values if not (math.isfinite(value) and value > 0)), None)
    if wrong is not None:
        raise NotComparableError(
            f"only positive, finite values make a ratio, and a run {side} {wrong:g}"
        )
    return [math.log(value) for value in values]


def _relative(log_ratio: float) -> float:
    # a log ratio beyond what exp can hold is a change beyond what a float can
    return math.expm1(log_ratio) if log_ratio < 709 else math.inf
