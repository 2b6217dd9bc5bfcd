"""What one side, candidate or baseline, shows of one metric, and how sure one can be of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_modelgate.metrics import Evidence
from pytest_modelgate.stats.proportions import proportion_interval
from pytest_modelgate.stats.quantiles import median_interval, quantile_interval
from pytest_modelgate.stats.sketch import LatencySketch
from pytest_modelgate.units import format_percent, format_value
from pytest_modelgate.verdict.values import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.runs import Run

PASS_CONFIDENCE = 0.95
"""That the true value keeps a limit which its interval keeps: MLPerf LoadGen's."""


@dataclass(frozen=True)
class Observed:
    """A metric as one side has it.

    :ivar values: one value a run, in the runs' order; one alone for what has no noise.
    :ivar interval: the estimate over all runs and its bounds; None without any value.
    :ivar error: probability that the true value is better than the bound that would prove a breach.
    :ivar samples: requests in all runs with a value.
    :ivar fewest_samples: requests in that of them which has the fewest.
    :ivar runs: how many runs have a value; 0 for what has no noise.
    :ivar gap: why nothing may be judged from this.
    """

    values: tuple[float, ...] = ()
    interval: Interval | None = None
    error: float = 0.0
    samples: int = 0
    fewest_samples: int = 0
    runs: int = 0
    gap: str | None = None

    @property
    def is_exact(self) -> bool:
        """Tell whether this has no noise."""
        return self.interval is not None and not self.runs


def observe(
    metric: Metric,
    runs: Sequence[Run],
    exact: Mapping[str, float],
    unmeasured: Mapping[str, str],
    *,
    alpha: float,
) -> Observed:
    """Return what runs and exact values show of a metric.

    :param unmeasured: metric name → why no run could have a value.
    :param alpha: error allowed to the bound that would prove a breach.
    """
    if metric.name in exact:
        value = exact[metric.name]
        gap = "its value is not a number" if math.isnan(value) else None
        return Observed((value,), Interval(value, value, value), samples=1, gap=gap)
    if metric.name in unmeasured:
        return Observed(gap=f"not measured: {unmeasured[metric.name]}")
    if not runs:
        return Observed(gap="not measured: no run was made")
    return _observe_runs(metric, runs, alpha)


def _observe_runs(metric: Metric, runs: Sequence[Run], alpha: float) -> Observed:
    values = [run_value(metric, run) for run in runs]
    having = [run for run, value in zip(runs, values, strict=True) if value is not None]
    present = tuple(value for value in values if value is not None)
    gap = _gap(metric, runs, values)
    if not present or any(map(math.isnan, present)):
        return Observed(present, runs=len(present), gap=gap)
    return Observed(
        values=present,
        interval=_interval(metric, having, present, alpha),
        error=_error(metric, len(present), alpha),
        samples=sum(
            run.requests if metric.evidence is Evidence.COUNT else run.latencies.count
            for run in having
        ),
        fewest_samples=min(run.latencies.count for run in having),
        runs=len(present),
        gap=gap,
    )


def run_value(metric: Metric, run: Run) -> float | None:
    """Return the metric's value in one run, None where the run has none."""
    if metric.evidence is Evidence.COUNT:
        return run.failures / run.requests if run.requests else None
    value = run.values.get(metric.name)
    if value is None and metric.quantile and run.latencies.count:
        # That it falls among the failed requests is known, although it is no number to record.
        quantile_s = run.latencies.quantile_s(metric.quantile)
        return quantile_s if math.isinf(quantile_s) else None
    return value


def _gap(metric: Metric, runs: Sequence[Run], values: Sequence[float | None]) -> str | None:
    missing = [run for run, value in zip(runs, values, strict=True) if value is None]
    if missing:
        reasons = dict.fromkeys(
            run.unmeasured[metric.name] for run in missing if metric.name in run.unmeasured
        )
        where = "" if len(missing) == len(runs) else f" in {len(missing)} of {len(runs)} runs"
        why = f": {'; '.join(reasons)}" if reasons else ""
        return f"not measured{where}{why}"
    if any(value is not None and math.isnan(value) for value in values):
        return "a run's value is not a number"
    return None


def _interval(
    metric: Metric, runs: Sequence[Run], values: Sequence[float], alpha: float
) -> Interval:
    proving, passing = 1 - alpha, PASS_CONFIDENCE
    low_confidence, high_confidence = (
        (proving, passing) if metric.better == "lower" else (passing, proving)
    )
    if metric.evidence is Evidence.COUNT:
        failures, requests = sum(run.failures for run in runs), sum(run.requests for run in runs)
        bounds = proportion_interval(
            failures, requests, low_confidence=low_confidence, high_confidence=high_confidence
        )
        return Interval(failures / requests, *bounds)
    low, high = median_interval(
        values, low_confidence=low_confidence, high_confidence=high_confidence
    )
    if not metric.quantile:
        return Interval(median(values), low, high)
    pooled = LatencySketch.merge(run.latencies for run in runs)
    pooled_low, pooled_high = quantile_interval(
        pooled, metric.quantile, low_confidence=low_confidence, high_confidence=high_confidence
    )
    # The samples of a run are not independent: as wide as the samples say, or the runs, if wider.
    return Interval(
        pooled.quantile_s(metric.quantile), min(low, pooled_low), max(high, pooled_high)
    )


def _error(metric: Metric, runs: int, alpha: float) -> float:
    if metric.quantile or metric.evidence is Evidence.COUNT:
        return alpha
    return max(alpha, 2.0**-runs)  # what the range of so few runs can give at best


def show(metric: Metric, value: float) -> str:
    """Return a value as people read it."""
    if metric.evidence is Evidence.COUNT:
        return format_percent(value)
    return format_value(value, metric.unit)


def plural(count: int, thing: str) -> str:
    """Return ``"1 run"`` or ``"2,000 runs"``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def confidence(error: float) -> str:
    """Return ``"99.93 %"`` for an error of 0.0007: never rounded up to certainty."""
    decimals = max(math.ceil(-math.log10(error)) - 2, 0)
    return f"{100 * (1 - error):.{decimals}f} %"
