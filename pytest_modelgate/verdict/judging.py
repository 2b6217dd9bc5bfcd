"""One gated test: its thresholds, what it measured and what was recorded, to one verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.conditions import differences
from pytest_modelgate.metrics import BUILT_IN, Evidence, Metric
from pytest_modelgate.thresholds import Limit, Threshold, parse_threshold
from pytest_modelgate.verdict.absolute import judge_limit
from pytest_modelgate.verdict.answers import DRIFT_METRICS, judge_answers
from pytest_modelgate.verdict.observed import Observed, observe, plural
from pytest_modelgate.verdict.relative import (
    NO_BASELINE,
    Standing,
    judge_tolerance,
    other_conditions,
    stored_standing,
)
from pytest_modelgate.verdict.values import (
    GateVerdict,
    Judgement,
    Method,
    MetricVerdict,
    Verdict,
    worst,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.config.specs import DriftSpec
    from pytest_modelgate.metrics import Better, Metrics
    from pytest_modelgate.runs import Measurement, Recorded

NO_FAILURES = Threshold("<= 0", Limit("<=", 0.0), None)
"""What holds for ``errors.rate`` where the user gave no threshold: a failed request is a breach."""

_ORDER = {metric.name: place for place, metric in enumerate(BUILT_IN)}


def judge(
    test: str,
    thresholds: Mapping[str, Threshold],
    measurement: Measurement,
    baseline: Baseline | None,
    *,
    metrics: Metrics,
    drift: DriftSpec | None,
    alpha: float,
) -> GateVerdict:
    """Judge everything that a test measured; whatever cannot be judged is never a pass.

    :param thresholds: metric name → threshold, other than those of the user's own numbers, which
        come with ``measurement.recorded``.
    :param baseline: None where there is none.
    :param drift: how answers are compared; None where this test does not gate them.
    :param alpha: false alarms allowed to each proof of a breach, see `statistical_metrics`.
    :raises ConfigError: a name or threshold that nobody checked before.
    """
    bench = _Bench(measurement, baseline, alpha)
    named = {recorded.name: _own_metric(recorded) for recorded in measurement.recorded}
    gates = {**thresholds, **_own_thresholds(measurement.recorded, named)}
    if measurement.runs:
        gates = {"errors.rate": NO_FAILURES, **gates}
    answers = judge_answers(measurement, baseline, drift, thresholds) if drift else None
    judged = list(answers.metrics) if answers else []
    for name in _measured_names(measurement) | gates.keys():
        if answers is None or name not in DRIFT_METRICS:
            judged.append(bench.judge(named.get(name) or metrics[name], gates.get(name)))
    judged.sort(key=lambda metric: _place(metric, metrics))
    gates_something = bool(drift or thresholds or gates.keys() & named.keys())
    verdicts = [metric.verdict for metric in judged if metric.verdict is not None]
    return GateVerdict(
        test=test,
        server=measurement.server,
        verdict=worst([*verdicts, *([] if gates_something else [Verdict.INCONCLUSIVE])]),
        metrics=tuple(judged),
        reason=None if gates_something else "this test gates nothing: no threshold applies to it",
        notes=tuple(_notes(measurement, baseline, metrics)),
        drift=answers.drift if answers else None,
    )


def statistical_metrics(metrics: Metrics, thresholds: Mapping[str, Threshold]) -> int:
    """Count what shares the error rate: each limit and each tolerance on a value that has noise."""
    return sum(
        (threshold.limit is not None) + (threshold.tolerance is not None)
        for name, threshold in thresholds.items()
        if metrics[name].evidence is not Evidence.EXACT
    )


@dataclass(frozen=True)
class _Bench:
    """What the metrics of one gate are judged with."""

    measurement: Measurement
    baseline: Baseline | None
    alpha: float

    def judge(self, metric: Metric, threshold: Threshold | None) -> MetricVerdict:
        now, recorded = self._candidate(metric), self._recorded(metric)
        standing = self._standing(metric, now, recorded)
        shown = MetricVerdict(
            name=metric.name,
            unit=metric.unit,
            value=now.interval.value if now.interval else None,
            low=now.interval.low if now.interval else None,
            high=now.interval.high if now.interval else None,
            baseline=recorded.interval,
            change=standing.change,
            threshold=None,
            method=None,
            verdict=None,
            reason=None,
            smallest_detectable_change=standing.smallest_detectable_change,
            samples=now.samples,
            runs=now.runs,
        )
        if threshold is None:
            return shown
        parts: dict[Method, Judgement] = {}
        if threshold.limit is not None:
            parts["absolute"] = self._explained(metric, judge_limit(metric, threshold.limit, now))
        if threshold.tolerance is not None:
            parts["stored"] = judge_tolerance(
                metric, threshold.tolerance, standing, now, recorded, alpha=self.alpha
            )
        return _decided(shown, threshold, parts)

    def _candidate(self, metric: Metric) -> Observed:
        measured = self.measurement
        if metric.name in DRIFT_METRICS:
            return Observed(gap="not measured: the test carries no drift marker")
        return observe(metric, measured.runs, measured.exact, measured.unmeasured, alpha=self.alpha)

    def _recorded(self, metric: Metric) -> Observed:
        if self.baseline is None:
            return Observed()
        return observe(metric, self.baseline.runs, self.baseline.exact, {}, alpha=self.alpha)

    def _standing(self, metric: Metric, now: Observed, recorded: Observed) -> Standing:
        if self.baseline is None:
            return Standing(obstacle=NO_BASELINE)
        if metric.conditions:
            mismatch = other_conditions(self.baseline, self.measurement.fingerprint)
            if mismatch is not None:
                return Standing(obstacle=mismatch)
        return stored_standing(metric, now, recorded, alpha=self.alpha)

    def _explained(self, metric: Metric, judgement: Judgement) -> Judgement:
        """Say which requests failed, and how."""
        if metric.evidence is not Evidence.COUNT or judgement.verdict is not Verdict.BREACH:
            return judgement
        runs = self.measurement.runs
        failures, requests = sum(r.failures for r in runs), sum(r.requests for r in runs)
        examples = dict.fromkeys(example for run in runs for example in run.failure_examples)
        said = f": {'; '.join(list(examples)[:3])}" if examples else ""
        counts = f"{failures:,} of {plural(requests, 'request')} failed{said}"
        return replace(judgement, reason=counts)


def _decided(
    shown: MetricVerdict, threshold: Threshold, parts: Mapping[Method, Judgement]
) -> MetricVerdict:
    """Let the worse of the parts decide; where they agree, each gives its reason."""
    verdict = worst(part.verdict for part in parts.values())
    deciding = {method: part for method, part in parts.items() if part.verdict is verdict}
    reasons = dict.fromkeys(part.reason for part in deciding.values() if part.reason)
    return replace(
        shown,
        threshold=threshold.text,
        method=list(deciding)[-1],
        verdict=verdict,
        reason="; ".join(reasons) or None,
    )


def _measured_names(measurement: Measurement) -> set[str]:
    return {name for run in measurement.runs for name in run.values} | measurement.exact.keys()


def _own_metric(recorded: Recorded) -> Metric:
    better: Better = "lower" if recorded.better == "lower" else "higher"
    return Metric(recorded.name, "1", better, Evidence.EXACT, conditions=False)


def _own_thresholds(
    recorded: Iterable[Recorded], named: Mapping[str, Metric]
) -> dict[str, Threshold]:
    return {
        number.name: parse_threshold(named[number.name], number.threshold)
        for number in recorded
        if number.threshold is not None
    }


def _place(metric: MetricVerdict, metrics: Metrics) -> tuple[int, float, str]:
    """Percentiles first, then the built-in metrics as they are listed, then all others by name."""
    quantile = metrics[metric.name].quantile if metric.name in metrics else None
    if quantile:
        return 0, quantile, ""
    return 1, _ORDER.get(metric.name, len(_ORDER)), metric.name


def _notes(measurement: Measurement, baseline: Baseline | None, metrics: Metrics) -> Iterable[str]:
    failures = sum(run.failures for run in measurement.runs)
    if failures:
        yield (
            f"{plural(failures, 'failed request')}: in the window infinitely slow to the "
            "percentiles, and left out of latency.mean and throughput"
        )
    if baseline is None:
        return
    for difference in differences(baseline.provenance, measurement.provenance):
        yield f"what was served: {difference}"
    for name in sorted(baseline.exact.keys() - measurement.exact.keys()):
        if name not in metrics:
            yield f"the baseline holds {name}, which the test did not record this time"
