"""Measurements and baselines to judge, made of a few numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_modelgate.baselines.record import Baseline, from_measurement
from pytest_modelgate.metrics import Evidence, Metric, Metrics
from pytest_modelgate.runs import Measurement, Round, Run, SideBySide
from pytest_modelgate.stats.sketch import LatencySketch
from pytest_modelgate.thresholds import parse_threshold
from pytest_modelgate.verdict import GateVerdict, MetricVerdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.config.specs import DriftSpec

TEST = "tests/test_it.py::test_it"
CONDITIONS = {"cpu_model": "A", "cpu_count": "2", "workload": "w1"}
ALPHA = 0.001

# a third party's: a value a run, and one that has no noise
ADDED = (Metric("gpu.peak", "B"), Metric("model.size", "B", evidence=Evidence.EXACT))
METRICS = Metrics(ADDED)


def a_run(latencies_ns: Sequence[int] | np.ndarray = (), *, failures: int = 0, **more: Any) -> Run:
    """A run with these answered requests, their percentiles, and whatever values are given."""
    answered = np.asarray(latencies_ns, dtype=np.int64)
    sketch = LatencySketch.from_latencies_ns(answered, failures)
    values = dict(more.pop("values", {}))
    if sketch.count:
        quantiles = {f"latency.p{p:g}": sketch.quantile_s(p / 100) for p in (50, 90, 99)}
        values = {**{k: v for k, v in quantiles.items() if np.isfinite(v)}, **values}
    return Run(values, sketch.count, failures, sketch, **more)


def runs_of(metric: str, *values: float) -> tuple[Run, ...]:
    """One run of 1,000 requests for each value of a metric."""
    return tuple(a_run(np.full(1000, 1000), values={metric: value}) for value in values)


def runs_with_median(*medians_ns: int) -> tuple[Run, ...]:
    """One run for each median: 1,001 requests spread evenly 10 % about it."""
    return tuple(a_run(np.linspace(0.9 * m, 1.1 * m, 1001)) for m in medians_ns)


def rounds_of(metric: str, *pairs: tuple[float, float]) -> tuple[Round, ...]:
    """One round for each (baseline's, candidate's) value of a metric."""
    return tuple(
        Round(*(a_run(np.full(1000, 1000), values={metric: value}) for value in pair))
        for pair in pairs
    )


def rounds_with_ratios(metric: str, *ratios: float) -> tuple[Round, ...]:
    """One round for each ratio, estimated pair by pair; the runs' own values say 1."""
    return tuple(
        Round(a_run(np.full(1000, 1000)), a_run(np.full(1000, 1000)), {metric: math.log(ratio)})
        for ratio in ratios
    )


def beside(*rounds: Round, settles: Sequence[str], **more: Any) -> SideBySide:
    return SideBySide(frozenset(settles), rounds, **more)


def measured(*runs: Run, **more: Any) -> Measurement:
    fields: dict[str, Any] = {
        "server": "classifier",
        "runs": runs,
        "exact": {},
        "recorded": (),
        "answers": {},
        "contract": None,
        "fingerprint": CONDITIONS,
        "provenance": {},
    }
    return Measurement(**{**fields, **more})


def recorded(*runs: Run, **more: Any) -> Baseline:
    return from_measurement(measured(*runs, **more), TEST, datetime(2025, 1, 1, tzinfo=UTC))


def judged(
    measurement: Measurement,
    baseline: Baseline | None = None,
    thresholds: Mapping[str, str] | None = None,
    *,
    drift: DriftSpec | None = None,
    strict: bool = False,
) -> GateVerdict:
    parsed = {
        name: parse_threshold(METRICS[name], text) for name, text in (thresholds or {}).items()
    }
    return judge(
        TEST,
        parsed,
        measurement,
        baseline,
        metrics=METRICS,
        drift=drift,
        alpha=ALPHA,
        strict=strict,
    )


def metric_of(gate: GateVerdict, name: str) -> MetricVerdict:
    return next(metric for metric in gate.metrics if metric.name == name)


def judged_metric(
    name: str,
    threshold: str,
    measurement: Measurement,
    baseline: Baseline | None = None,
    *,
    strict: bool = False,
) -> MetricVerdict:
    return metric_of(judged(measurement, baseline, {name: threshold}, strict=strict), name)
