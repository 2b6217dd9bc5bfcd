"""Tolerances, judged against what the baseline recorded, run level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.conditions import differences
from pytest_modelgate.stats.comparison import NotComparableError, compare_runs, runs_to_detect
from pytest_modelgate.units import format_percent
from pytest_modelgate.verdict.absolute import too_few_samples
from pytest_modelgate.verdict.observed import confidence
from pytest_modelgate.verdict.values import Interval, Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.verdict.observed import Observed
    from pytest_modelgate.verdict.values import Method

RECORD = "run pytest --modelgate --update-baseline and commit the result"
NO_BASELINE = f"no baseline recorded for this test: {RECORD}"
WORKLOAD = "workload"
"""The condition that holds the digest of the inputs."""


@dataclass(frozen=True)
class Standing:
    """How the candidate stands to the baseline, however that was found out.

    :ivar change: relative change with one-sided bounds at 1 − alpha; None: not comparable.
    :ivar smallest_detectable_change: the least worsening that would have been seen.
    :ivar obstacle: why the two are not comparable.
    :ivar method: how it was found out.
    :ivar is_exact: whether the change has no noise.
    """

    change: Interval | None = None
    smallest_detectable_change: float | None = None
    obstacle: str | None = None
    method: Method = "stored"
    is_exact: bool = False


def other_workload(baseline: Baseline, fingerprint: Mapping[str, str]) -> str | None:
    """Say that the baseline was recorded for other inputs; None if it was not."""
    if baseline.fingerprint.get(WORKLOAD) == fingerprint.get(WORKLOAD):
        return None
    return f"recorded for another workload: the inputs have changed since; {RECORD}"


def other_conditions(baseline: Baseline, fingerprint: Mapping[str, str]) -> str | None:
    """Say that the baseline was recorded under conditions that make its times another matter."""
    workload = other_workload(baseline, fingerprint)
    if workload is not None:
        return workload
    found = differences(baseline.fingerprint, fingerprint)
    return f"recorded under other conditions: {'; '.join(found)}" if found else None


def stored_standing(
    metric: Metric, candidate: Observed, recorded: Observed, *, alpha: float
) -> Standing:
    """Compare the candidate's runs with the recorded ones, or exact values with each other."""
    obstacle = _obstacle(metric, candidate, recorded)
    if obstacle is not None:
        return Standing(obstacle=obstacle)
    if candidate.is_exact:
        return _exact_standing(candidate.values[0], recorded.values[0])
    if all(map(math.isinf, candidate.values)) and all(map(math.isfinite, recorded.values)):
        return Standing(Interval(math.inf, math.inf, math.inf), 0.0)
    try:
        found = compare_runs(recorded.values, candidate.values, better=metric.better, alpha=alpha)
    except NotComparableError as error:
        return Standing(obstacle=error.what)
    change = Interval(found.change, found.low, found.high)
    return Standing(change, found.smallest_detectable_change)


def _obstacle(metric: Metric, candidate: Observed, recorded: Observed) -> str | None:
    if candidate.gap is not None:
        return candidate.gap
    if not recorded.values or candidate.is_exact != recorded.is_exact:
        return f"the baseline has no {metric.name}: {RECORD}"
    if recorded.gap is not None:
        return f"the baseline is incomplete: {recorded.gap}"
    return too_few_samples(
        metric, recorded.fewest_samples, " in a recorded run"
    ) or too_few_samples(metric, candidate.fewest_samples, " in a run")


def _exact_standing(value: float, recorded: float) -> Standing:
    if value == recorded:
        return Standing(Interval(0.0, 0.0, 0.0), 0.0, is_exact=True)
    if recorded == 0 or not (math.isfinite(value) and math.isfinite(recorded)):
        return Standing(obstacle=f"from {recorded:g} to {value:g} is no percentage")
    change = (value - recorded) / abs(recorded)
    return Standing(Interval(change, change, change), 0.0, is_exact=True)


def judge_tolerance(
    metric: Metric,
    tolerance: float,
    standing: Standing,
    *,
    alpha: float,
    advise: Callable[[], str],
) -> Judgement:
    """Breach if the worsening lies wholly beyond the tolerance; pass only if it would have shown.

    :param alpha: error allowed to a breach, for its message.
    :param advise: says what would help where a worsening would not have shown.
    """
    change, seen = standing.change, standing.smallest_detectable_change
    if change is None or seen is None:
        return Judgement(Verdict.INCONCLUSIVE, standing.obstacle)
    lower = metric.better == "lower"
    worse, surely_worse = (change.value, change.low) if lower else (-change.value, -change.high)
    allowed = f"{format_percent(tolerance)} is allowed"
    sure = "" if standing.is_exact else f", at {confidence(alpha)} confidence"
    if _exceeds(surely_worse, tolerance):
        least = "" if standing.is_exact else f", surely by {format_percent(surely_worse)} or more"
        return Judgement(
            Verdict.BREACH, f"worse by {format_percent(worse)}{least}; {allowed}{sure}"
        )
    surely_better = -change.high if lower else change.low
    improvement = None
    if _exceeds(surely_better, tolerance):
        least = "" if standing.is_exact else f", surely by {format_percent(surely_better)} or more"
        improvement = (
            f"improved by {format_percent(-worse)}{least}: consider --update-baseline{sure}"
        )
    if not seen <= tolerance:
        # Of an improvement too: a machine that is faster today makes one of anything.
        blind = (
            f"only a change of {format_percent(seen)} could have been seen, and {allowed}: "
            f"{advise()} would help"
        )
        reason = f"{improvement}; but {blind}" if improvement else blind
        return Judgement(Verdict.INCONCLUSIVE, reason, improved=improvement is not None)
    if improvement is not None:
        return Judgement(Verdict.PASS, improvement, improved=True)
    unproven = f"worse by {format_percent(worse)} as measured, but that much is not proven"
    return Judgement(Verdict.PASS, unproven if worse > tolerance else None)


def _exceeds(change: float, tolerance: float) -> bool:
    # 100 to 105 is 5 % and not more, however floating point divides
    return change > tolerance and not math.isclose(change, tolerance, rel_tol=1e-9)


def is_clear(standing: Standing, tolerance: float) -> bool:
    """Tell whether the whole interval of the change lies within the tolerance, either way.

    What seems much better may be as wrong as what seems much worse: the machine was slower then.
    """
    change, seen = standing.change, standing.smallest_detectable_change
    return (
        change is not None and seen is not None and max(-change.low, change.high, seen) <= tolerance
    )


def more_runs(
    metric: Metric, tolerance: float, candidate: Observed, recorded: Observed, *, alpha: float
) -> str:
    """Say what would make a stored comparison see a change of the tolerance."""
    needed = runs_to_detect(
        tolerance, recorded.values, candidate.values, better=metric.better, alpha=alpha
    )
    runs = f"about {needed} runs on each side (--modelgate-runs), " if needed else ""
    return f"{runs}a longer load, a quieter machine or a wider threshold"
