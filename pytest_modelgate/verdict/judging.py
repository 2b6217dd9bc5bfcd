"""One gated test: its thresholds, what it measured and what was recorded, to one verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modelgate.baselines.conditions import differences
from pytest_modelgate.metrics import BUILT_IN, Evidence, Metric
from pytest_modelgate.thresholds import Limit, Threshold, parse_threshold
from pytest_modelgate.verdict.answers import DRIFT_METRICS, judge_answers
from pytest_modelgate.verdict.bench import Bench
from pytest_modelgate.verdict.observed import plural
from pytest_modelgate.verdict.relative import other_conditions
from pytest_modelgate.verdict.values import (
    GateVerdict,
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
    strict: bool = False,
) -> GateVerdict:
    """Judge everything that a test measured; whatever cannot be judged is never a pass.

    :param thresholds: metric name → threshold, other than those of the user's own numbers, which
        come with ``measurement.recorded``.
    :param baseline: None where there is none.
    :param drift: how answers are compared; None where this test does not gate them.
    :param alpha: false alarms allowed to each proof of a breach, see `statistical_metrics`.
    :param strict: whether an improvement beyond the tolerance is a breach, too.
    :raises ConfigError: a name or threshold that nobody checked before.
    """
    bench = Bench(measurement, baseline, alpha, strict)
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


def statistical_metrics(
    metrics: Metrics, thresholds: Mapping[str, Threshold], *, strict: bool = False
) -> int:
    """Count what shares the error rate: each limit and each tolerance on a value that has noise.

    :param strict: whether each tolerance fails what is better, too, and so counts twice.
    """
    return sum(
        (threshold.limit is not None) + (1 + strict) * (threshold.tolerance is not None)
        for name, threshold in thresholds.items()
        if metrics[name].evidence is not Evidence.EXACT
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
    failures = sum(run.failures for run in measurement.all_runs)
    if failures:
        yield (
            f"{plural(failures, 'failed request')}: in the window infinitely slow to the "
            "percentiles, and left out of latency.mean and throughput"
        )
    if baseline is None:
        return
    yield from _notes_of_rounds(measurement, baseline)
    for difference in differences(baseline.provenance, measurement.provenance):
        yield f"what was served: {difference}"
    for name in sorted(baseline.exact.keys() - measurement.exact.keys()):
        if name not in metrics:
            yield f"the baseline holds {name}, which the test did not record this time"


def _notes_of_rounds(measurement: Measurement, baseline: Baseline) -> Iterable[str]:
    beside = measurement.side_by_side
    if beside is None or beside.obstacle is not None:
        return
    names = ", ".join(sorted(beside.settles))
    yield f"settled side by side, in {plural(len(beside.rounds), 'round')}: {names}"
    mismatch = other_conditions(baseline, measurement.fingerprint)
    if mismatch is not None:
        yield f"side by side both servers had today's conditions; {mismatch}"
    failed = sum(one.baseline.failures for one in beside.rounds)
    if failed:
        yield f"beside it, the baseline's server failed {plural(failed, 'request')}"
