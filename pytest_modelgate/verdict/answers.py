"""The drift gate: the answers and the declared contract, held against the baseline's.

Neither depends on the machine, so only another workload makes the two not comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.drift.compare import compare_answers
from pytest_modelgate.drift.contract import contract_differences
from pytest_modelgate.thresholds import Limit, Threshold
from pytest_modelgate.verdict.observed import plural
from pytest_modelgate.verdict.relative import NO_BASELINE, RECORD, other_workload
from pytest_modelgate.verdict.values import Judgement, MetricVerdict, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.config.specs import DriftSpec
    from pytest_modelgate.drift.report import DriftReport
    from pytest_modelgate.runs import Measurement

NONE_ALLOWED = Threshold("<= 0", Limit("<=", 0.0), None)
"""What holds where the user gave no threshold of their own."""

DRIFT_METRICS = ("drift.max_abs", "drift.max_rel", "drift.mismatched", "contract")


@dataclass(frozen=True)
class AnswersVerdict:
    """The drift gate's metrics, and the comparison they come from, None where there was none."""

    metrics: tuple[MetricVerdict, ...]
    drift: DriftReport | None


def judge_answers(
    measurement: Measurement,
    baseline: Baseline | None,
    spec: DriftSpec,
    thresholds: Mapping[str, Threshold],
) -> AnswersVerdict:
    """Compare every answer with the baseline's, and what the server declares with what it did."""
    obstacle = _obstacle(measurement, baseline)
    if baseline is None or obstacle is not None:
        unknown = Judgement(Verdict.INCONCLUSIVE, obstacle)
        unjudged = (_metric(n, None, t, unknown) for n, t in _gated(thresholds).items())
        return AnswersVerdict(tuple(unjudged), None)
    common = [name for name in baseline.answers if name in measurement.answers]
    report = compare_answers(
        {name: baseline.answers[name] for name in common},
        {name: measurement.answers[name] for name in common},
        spec,
    )
    not_compared = _not_compared(measurement, baseline, report)
    gated = _gated(thresholds)
    values = {
        "drift.max_abs": report.max_abs,
        "drift.max_rel": report.max_rel,
        "drift.mismatched": float(report.mismatched),
    }
    metrics = [
        _drift_metric(name, value, gated.get(name), report, not_compared)
        for name, value in values.items()
    ]
    contract = _contract_metric(measurement, baseline, report, gated["contract"])
    return AnswersVerdict((*metrics, contract), report)


def _gated(thresholds: Mapping[str, Threshold]) -> dict[str, Threshold]:
    given = {name: thresholds[name] for name in DRIFT_METRICS if name in thresholds}
    return {"drift.mismatched": NONE_ALLOWED, "contract": NONE_ALLOWED, **given}


def _obstacle(measurement: Measurement, baseline: Baseline | None) -> str | None:
    if baseline is None:
        return NO_BASELINE
    if not baseline.answers:
        return f"the baseline holds no answers: {RECORD}"
    return other_workload(baseline, measurement.fingerprint)


def _not_compared(measurement: Measurement, baseline: Baseline, report: DriftReport) -> str | None:
    """Say what of the answers was not compared; what the server answers otherwise is no such."""
    if not report.elements:
        return "no element of any answer was compared"
    if measurement.unchecked:
        return (
            f"{plural(measurement.unchecked, 'answer')} under load were not compared: "
            "too many that differ"
        )
    if baseline.answers.keys() != measurement.answers.keys():
        return (
            f"the baseline holds the answers to {plural(len(baseline.answers), 'input')}, "
            f"this test compares {len(measurement.answers):,}, of which {report.inputs:,} are "
            f"the same: {RECORD}"
        )
    return None


def _drift_metric(
    name: str,
    value: float,
    threshold: Threshold | None,
    report: DriftReport,
    not_compared: str | None,
) -> MetricVerdict:
    if threshold is None or threshold.limit is None:
        return _metric(name, value, None, None, samples=report.elements)
    if report.elements and not threshold.limit.allows(value):
        judgement = Judgement(Verdict.BREACH, _breach(name, value, threshold, report))
    elif not_compared is not None:
        judgement = Judgement(Verdict.INCONCLUSIVE, not_compared)
    else:
        judgement = Judgement(Verdict.PASS)
    return _metric(name, value, threshold, judgement, samples=report.elements)


def _breach(name: str, value: float, threshold: Threshold, report: DriftReport) -> str:
    if name != "drift.mismatched":
        return f"{value:g} is beyond the limit {threshold.text}"
    counts = f"{report.mismatched:,} of {plural(report.elements, 'element')}"
    return f"{counts} differ from the baseline's by more than allowed"


def _contract_metric(
    measurement: Measurement, baseline: Baseline, report: DriftReport, threshold: Threshold
) -> MetricVerdict:
    found = [*_declared_differences(measurement, baseline), *report.structure]
    value = float(len(found))
    if threshold.limit is not None and not threshold.limit.allows(value):
        judgement = Judgement(Verdict.BREACH, "; ".join(found))
    elif baseline.contract is None and measurement.contract is not None:
        judgement = Judgement(
            Verdict.INCONCLUSIVE,
            f"the server now declares a contract, which the baseline does not hold: {RECORD}",
        )
    else:
        judgement = Judgement(Verdict.PASS, "; ".join(found) or None)
    return _metric("contract", value, threshold, judgement, samples=report.inputs)


def _declared_differences(measurement: Measurement, baseline: Baseline) -> tuple[str, ...]:
    if baseline.contract is None:
        return ()
    if measurement.contract is None:
        return ("the server no longer declares its inputs and outputs",)
    return contract_differences(baseline.contract, measurement.contract)


def _metric(
    name: str,
    value: float | None,
    threshold: Threshold | None,
    judgement: Judgement | None,
    *,
    samples: int = 0,
) -> MetricVerdict:
    return MetricVerdict(
        name=name,
        unit="1",
        value=value,
        low=value,
        high=value,
        baseline=None,
        change=None,
        threshold=threshold.text if threshold else None,
        method="stored" if judgement else None,
        verdict=judgement.verdict if judgement else None,
        reason=judgement.reason if judgement else None,
        smallest_detectable_change=None,
        samples=samples,
        runs=0,
    )
