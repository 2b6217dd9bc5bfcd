from __future__ import annotations

import json
import math
from itertools import combinations_with_replacement

import jsonschema
import numpy as np
from verdict_samples import a_run, judged, measured, metric_of, recorded, runs_with_median

from pytest_modelgate.verdict import Interval, Verdict, worst

NUMBER = {"type": ["number", "null"]}
INTERVAL = {
    "type": ["object", "null"],
    "properties": {"value": NUMBER, "low": NUMBER, "high": NUMBER},
    "required": ["value", "low", "high"],
    "additionalProperties": False,
}
METRIC = {
    "properties": {
        "name": {"type": "string"},
        "unit": {"type": "string"},
        "value": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
        "baseline": INTERVAL,
        "change": INTERVAL,
        "threshold": {"type": ["string", "null"]},
        "method": {"enum": ["absolute", "stored", "side-by-side", None]},
        "verdict": {"enum": ["pass", "breach", "inconclusive", None]},
        "reason": {"type": ["string", "null"]},
        "smallest_detectable_change": NUMBER,
        "samples": {"type": "integer"},
        "runs": {"type": "integer"},
        "improved": {"type": "boolean"},
    },
    "additionalProperties": False,
}
METRIC["required"] = list(METRIC["properties"])


def test_the_worst_verdict_is_a_breach_then_what_is_inconclusive() -> None:
    p, i, b = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.BREACH
    pairs = {pair: worst(pair) for pair in combinations_with_replacement((p, i, b), 2)}
    assert pairs == {(p, p): p, (p, i): i, (p, b): b, (i, i): i, (i, b): b, (b, b): b}


def test_no_verdict_at_all_is_no_pass() -> None:
    assert worst([]) is Verdict.INCONCLUSIVE


def test_what_is_not_finite_is_null_in_json() -> None:
    assert Interval(1.0, -math.inf, math.nan).to_json() == {"value": 1.0, "low": None, "high": None}


def test_every_metric_keeps_to_the_reports_schema() -> None:
    runs = (*runs_with_median(8_000_000, 8_010_000), a_run([8_000_000] * 999, failures=3))
    thresholds = {"latency.p50": "< 40 ms, +5 %", "latency.p99": "< 1 s", "memory.peak": "+5 %"}
    gate = judged(measured(*runs, exact={"image.size": math.nan}), recorded(*runs), thresholds)
    for metric in gate.metrics:
        shown = json.loads(json.dumps(metric.to_json(), allow_nan=False))
        jsonschema.validate(shown, METRIC)


def test_a_gate_shows_its_test_server_verdict_reason_notes_and_metrics() -> None:
    gate = judged(measured(a_run([5] * 100)), thresholds={"latency.p50": "< 40 ms"})
    shown = gate.to_json()
    assert (shown["test"], shown["server"]) == ("tests/test_it.py::test_it", "classifier")
    assert (shown["verdict"], shown["reason"], shown["notes"]) == ("pass", None, [])
    assert shown["metrics"] == [metric.to_json() for metric in gate.metrics]


def test_percentiles_come_first_then_the_built_in_metrics_then_all_others() -> None:
    values = {"model.size": 1.0, "gpu.peak": 1.0, "memory.peak": 1.0, "throughput": 1.0}
    gate = judged(measured(a_run(np.full(1000, 5), values={**values, "latency.p99.9": 5e-9})))
    assert [metric.name for metric in gate.metrics] == [
        "latency.p50",
        "latency.p90",
        "latency.p99",
        "latency.p99.9",
        "throughput",
        "errors.rate",
        "memory.peak",
        "gpu.peak",
        "model.size",
    ]


def test_the_runs_and_samples_that_a_value_rests_on_are_counted_not_planned() -> None:
    gate = judged(
        measured(a_run([5] * 100), a_run([5] * 50, failures=2), exact={"image.size": 7.0})
    )
    p50, image = metric_of(gate, "latency.p50"), metric_of(gate, "image.size")
    assert (p50.samples, p50.runs) == (152, 2)
    assert (image.samples, image.runs) == (1, 0)
