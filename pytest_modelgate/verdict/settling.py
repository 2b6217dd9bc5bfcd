"""What is settled side by side, and when it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_modelgate.metrics import Evidence
from pytest_modelgate.verdict.bench import Bench
from pytest_modelgate.verdict.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.metrics import Better, Metrics
    from pytest_modelgate.runs import Measurement, SideBySide
    from pytest_modelgate.thresholds import Threshold


USEFUL: Mapping[Better, float] = {"lower": 1.0, "higher": 0.5}
"""Numbers that would not show a doubling, or a halving of what should be high, are of no use."""


def to_record(thresholds: Mapping[str, Threshold], metrics: Metrics) -> dict[str, Threshold]:
    """Return what a recording is held to that is a baseline's server as well as its numbers.

    That they are too noisy for a narrow tolerance is no reason to refuse them, as they do not have
    the last word on it.
    """
    return {
        name: threshold
        if threshold.tolerance is None
        else replace(threshold, tolerance=max(threshold.tolerance, USEFUL[metrics[name].better]))
        for name, threshold in thresholds.items()
    }


def to_settle(
    thresholds: Mapping[str, Threshold],
    measurement: Measurement,
    baseline: Baseline,
    *,
    metrics: Metrics,
    alpha: float,
    always: bool,
) -> frozenset[str]:
    """Return the metrics that the stored comparison leaves open, or all that can be compared so.

    What has no noise is compared as it is recorded.

    :param always: whether to settle also what the stored comparison shows clearly.
    """
    bench = Bench(measurement, baseline, alpha)
    tolerances = {
        name: threshold.tolerance
        for name, threshold in thresholds.items()
        if threshold.tolerance is not None and metrics[name].evidence is not Evidence.EXACT
    }
    return frozenset(
        name
        for name, tolerance in tolerances.items()
        if always or not bench.is_clear(metrics[name], tolerance)
    )


def is_settled(
    thresholds: Mapping[str, Threshold],
    measurement: Measurement,
    found: SideBySide,
    *,
    metrics: Metrics,
    alpha: float,
) -> bool:
    """Tell whether more rounds would change nothing: all pass, or one is proven a breach."""
    bench = Bench(replace(measurement, side_by_side=found), None, alpha)
    verdicts = {
        bench.judge(metrics[name], replace(thresholds[name], limit=None)).verdict
        for name in found.settles
    }
    return Verdict.BREACH in verdicts or verdicts <= {Verdict.PASS}
