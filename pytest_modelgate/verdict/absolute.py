"""Absolute limits, judged from the candidate's runs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modelgate.metrics import Evidence
from pytest_modelgate.stats.quantiles import sample_floor
from pytest_modelgate.verdict.observed import PASS_CONFIDENCE, confidence, plural, show
from pytest_modelgate.verdict.values import Judgement, Verdict

if TYPE_CHECKING:
    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.thresholds import Limit
    from pytest_modelgate.verdict.observed import Observed
    from pytest_modelgate.verdict.values import Interval


def judge_limit(metric: Metric, limit: Limit, observed: Observed) -> Judgement:
    """Pass if the whole interval keeps the limit; breach if it lies wholly beyond."""
    interval = observed.interval
    if observed.gap is not None or interval is None:
        return Judgement(Verdict.INCONCLUSIVE, observed.gap)
    too_few = too_few_samples(metric, observed.samples)
    if too_few is not None:
        return Judgement(Verdict.INCONCLUSIVE, too_few)
    if metric.evidence is Evidence.COUNT and limit.value == 0:
        # "None fails" is about these requests; of a rate, no number of them could prove it zero.
        return Judgement(Verdict.PASS if limit.allows(interval.value) else Verdict.BREACH)
    kept = {limit.allows(interval.low), limit.allows(interval.high)}
    if kept == {True}:
        return Judgement(Verdict.PASS, _less_sure(metric, observed))
    if kept == {False}:
        return Judgement(Verdict.BREACH, _beyond(metric, limit, observed))
    return Judgement(Verdict.INCONCLUSIVE, _too_close(metric, limit, interval))


def too_few_samples(metric: Metric, samples: int, where: str = "") -> str | None:
    """Say that a percentile has fewer samples than its floor (MLPerf LoadGen's)."""
    if not metric.quantile:
        return None
    floor = sample_floor(metric.quantile, PASS_CONFIDENCE)
    if samples >= floor:
        return None
    return (
        f"too few samples{where}: {samples:,} of at least {floor:,} for "
        f"{metric.name.removeprefix('latency.')} at {confidence(1 - PASS_CONFIDENCE)} confidence"
    )


def _limit(metric: Metric, limit: Limit) -> str:
    return f"the limit {limit.op} {show(metric, limit.value)}"


def _beyond(metric: Metric, limit: Limit, observed: Observed) -> str:
    if observed.is_exact:
        return f"beyond {_limit(metric, limit)}"
    alone = _one_run(metric, observed)
    sure = alone or f"at {confidence(observed.error)} confidence"
    return f"beyond {_limit(metric, limit)}, {sure}"


def _one_run(metric: Metric, observed: Observed) -> str | None:
    if observed.runs == 1 and metric.evidence is Evidence.PER_RUN:
        return "judged from one run: how far runs differ is unknown"
    return None


def _less_sure(metric: Metric, observed: Observed) -> str | None:
    """Say that a pass has less than the usual confidence: n runs' range has 1 − 2⁻ⁿ at best."""
    error = 2.0**-observed.runs
    if observed.is_exact or metric.evidence is not Evidence.PER_RUN or error <= 1 - PASS_CONFIDENCE:
        return None
    return _one_run(metric, observed) or (
        f"at {confidence(error)} confidence only: {plural(observed.runs, 'run')} give no more"
    )


def _too_close(metric: Metric, limit: Limit, interval: Interval) -> str:
    if metric.evidence is Evidence.COUNT and interval.value == 0:
        floor = sample_floor(1 - limit.value, PASS_CONFIDENCE)
        return (
            f"none failed, which rules out no rate below {show(metric, interval.high)}; "
            f"{_limit(metric, limit)} needs {plural(floor, 'request')}"
        )
    low, high = show(metric, interval.low), show(metric, interval.high)
    return (
        f"too close to {_limit(metric, limit)} to tell: it lies between {low} and {high}; "
        "more runs or a longer load would narrow that"
    )
