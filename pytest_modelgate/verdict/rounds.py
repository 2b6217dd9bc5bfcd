"""Tolerances, judged by the rounds in which the baseline's server ran beside the candidate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modelgate.stats.comparison import compare_rounds, rounds_to_detect
from pytest_modelgate.stats.sequential import LEAST_ROUNDS, MOST_ROUNDS, alpha_of_look
from pytest_modelgate.verdict.absolute import too_few_samples
from pytest_modelgate.verdict.observed import plural, run_value
from pytest_modelgate.verdict.relative import Standing
from pytest_modelgate.verdict.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.runs import Round, Run


def rounds_standing(metric: Metric, rounds: Sequence[Round], *, alpha: float) -> Standing:
    """Compare round by round.

    :param alpha: error allowed to all looks at the rounds together.
    """
    obstacle = _obstacle(metric, rounds)
    if obstacle is not None:
        return Standing(obstacle=obstacle, method="side-by-side")
    ratios = [_log_ratio(metric, one) for one in rounds]
    if all(ratio == math.inf for ratio in ratios):  # the candidate's alone fall among its failures
        everything = Interval(math.inf, math.inf, math.inf)
        return Standing(everything, 0.0, method="side-by-side")
    if not all(map(math.isfinite, ratios)):
        return Standing(
            obstacle=f"{metric.name} is no positive, finite number in every round",
            method="side-by-side",
        )
    found = compare_rounds(ratios, better=metric.better, alpha=alpha_of_look(alpha, len(rounds)))
    return Standing(
        Interval(found.change, found.low, found.high),
        found.smallest_detectable_change,
        method="side-by-side",
    )


def more_rounds(metric: Metric, rounds: Sequence[Round], tolerance: float, *, alpha: float) -> str:
    """Say what would make the rounds see a change of the tolerance."""
    ratios = [_log_ratio(metric, one) for one in rounds]
    look = alpha_of_look(alpha, len(rounds))
    needed = rounds_to_detect(tolerance, ratios, better=metric.better, alpha=look)
    more = ""
    if needed is not None and needed <= MOST_ROUNDS:  # no budget makes more
        more = f"about {needed} rounds instead of {len(rounds)} (--modelgate-budget), "
    return f"{more}a quieter machine or a wider threshold"


def _obstacle(metric: Metric, rounds: Sequence[Round]) -> str | None:
    if len(rounds) < LEAST_ROUNDS:
        return (
            f"only {plural(len(rounds), 'round')} side by side fitted the time, and it takes "
            f"{LEAST_ROUNDS}: raise --modelgate-budget"
        )
    runs = [run for one in rounds for run in (one.baseline, one.candidate)]
    missing = [run for run in runs if run_value(metric, run) is None]
    if missing:
        reasons = dict.fromkeys(
            run.unmeasured[metric.name] for run in missing if metric.name in run.unmeasured
        )
        why = f": {'; '.join(reasons)}" if reasons else ""
        return f"not measured in every round{why}"
    return too_few_samples(metric, min(run.latencies.count for run in runs), " in a round")


def _log_ratio(metric: Metric, one: Round) -> float:
    """Return candidate ÷ baseline; infinite or NaN where that is no ratio of two numbers."""
    if metric.name in one.paired:
        return one.paired[metric.name]
    return _log(metric, one.candidate) - _log(metric, one.baseline)


def _log(metric: Metric, run: Run) -> float:
    value = run_value(metric, run)
    return math.log(value) if value is not None and value > 0 else math.nan
