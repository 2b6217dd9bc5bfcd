from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from verdict_samples import (
    METRICS,
    a_run,
    judged,
    measured,
    metric_of,
    recorded,
    runs_of,
    runs_with_median,
)

from pytest_modelgate.config.specs import DriftSpec
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.runs import Measurement, Recorded
from pytest_modelgate.thresholds import parse_threshold
from pytest_modelgate.verdict import Verdict, statistical_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.record import Baseline

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE

QUIET = runs_with_median(8_000_000, 8_010_000, 7_990_000)


def number(value: float, threshold: str | None, name: str = "recall") -> Measurement:
    """What modelgate.record(name, value, better="higher", threshold=…) leaves."""
    return measured(exact={name: value}, recorded=(Recorded(name, value, "higher", threshold),))


SILENT_PASSES_OF_OTHERS: dict[str, tuple[Measurement, Baseline | None, Mapping[str, str]]] = {
    "a renamed test, which has no baseline": (measured(*QUIET), None, {"latency.p50": "+5 %"}),
    "a value that is not a number": (
        measured(*runs_of("memory.peak", 1, math.nan)),
        recorded(*runs_of("memory.peak", 1, 1)),
        {"memory.peak": "+5 %"},
    ),
    "a recorded value that is not a number": (
        measured(*runs_of("memory.peak", 1, 1)),
        recorded(*runs_of("memory.peak", 1, math.nan)),
        {"memory.peak": "+5 %"},
    ),
    "a value that is not a number, under a limit": (
        measured(*runs_of("memory.peak", math.nan)),
        None,
        {"memory.peak": "< 5 B"},
    ),
    "an exact value that is not a number": (
        measured(exact={"image.size": math.nan}),
        recorded(exact={"image.size": math.nan}),
        {"image.size": "< 5 B, +5 %"},
    ),
    "zero samples under a percentile's limit": (
        measured(a_run()),
        None,
        {"latency.p99": "< 200 ms"},
    ),
    "zero requests under a limit of failures": (measured(a_run()), None, {"errors.rate": "<= 0"}),
    "zero runs": (measured(), None, {"latency.p50": "< 200 ms"}),
    "zero runs against a baseline": (measured(), recorded(*QUIET), {"latency.p50": "+5 %"}),
    "a metric that no run could measure": (
        measured(*QUIET, unmeasured={"memory.peak": "remote"}),
        recorded(*runs_of("memory.peak", 1, 1)),
        {"memory.peak": "+5 %"},
    ),
    "a metric that one run could not measure": (
        measured(*runs_of("memory.peak", 1, 1), *QUIET),
        recorded(*runs_of("memory.peak", 1, 1)),
        {"memory.peak": "< 5 B"},
    ),
    "a metric that was measured for the first time": (
        measured(*runs_of("memory.peak", 1, 1)),
        recorded(*QUIET),
        {"memory.peak": "+5 %"},
    ),
    "too few samples for a p99": (measured(a_run([5] * 100)), None, {"latency.p99": "< 1 s"}),
    "another machine": (
        measured(*QUIET, fingerprint={"cpu_model": "B"}),
        recorded(*QUIET),
        {"latency.p50": "+5 %"},
    ),
    "one run, whose noise nobody knows": (
        measured(QUIET[0]),
        recorded(*QUIET),
        {"latency.p50": "+5 %"},
    ),
    "no threshold at all": (measured(*QUIET), recorded(*QUIET), {}),
    "a number of the user's own without a threshold": (number(0.9, None), None, {}),
    "a number of the user's own without a baseline": (number(0.9, "-1 %"), None, {}),
}


@pytest.mark.parametrize("case", SILENT_PASSES_OF_OTHERS)
def test_what_was_not_measured_or_not_compared_is_inconclusive(case: str) -> None:
    measurement, baseline, thresholds = SILENT_PASSES_OF_OTHERS[case]
    gate = judged(measurement, baseline, thresholds)
    assert gate.verdict is INCONCLUSIVE
    unclear = [metric for metric in gate.metrics if metric.verdict is not PASS]
    assert gate.reason or any(metric.reason for metric in unclear)


def test_a_gate_passes_where_all_its_metrics_do() -> None:
    gate = judged(measured(*QUIET), recorded(*QUIET), {"latency.p50": "< 40 ms, +5 %"})
    assert (gate.verdict, gate.reason, gate.notes) == (PASS, None, ())


def test_a_gate_is_as_bad_as_its_worst_metric() -> None:
    thresholds = {"latency.p50": "< 40 ms", "latency.p90": "+5 %", "latency.p99": "< 1 ms"}
    gate = judged(measured(*QUIET), None, thresholds)
    verdicts = [metric_of(gate, name).verdict for name in thresholds]
    assert (gate.verdict, verdicts) == (BREACH, [PASS, INCONCLUSIVE, BREACH])


def test_a_test_to_which_no_threshold_applies_gates_nothing() -> None:
    gate = judged(measured(*QUIET), recorded(*QUIET))
    assert gate.verdict is INCONCLUSIVE
    assert gate.reason == "this test gates nothing: no threshold applies to it"
    assert metric_of(gate, "errors.rate").verdict is PASS


def test_what_was_measured_without_threshold_is_shown_and_not_gated() -> None:
    gate = judged(measured(*QUIET), recorded(*QUIET), {"latency.p50": "+5 %"})
    metric = metric_of(gate, "latency.p90")
    assert (metric.threshold, metric.method, metric.verdict) == (None, None, None)
    assert metric.value is not None
    assert metric.change is not None
    assert metric.smallest_detectable_change is not None


def test_a_failed_request_is_a_breach_where_no_threshold_says_otherwise() -> None:
    failing = a_run([5] * 9_999, failures=1, failure_examples=("reset",))
    gate = judged(measured(failing), None, {"latency.p50": "< 1 s"})
    metric = metric_of(gate, "errors.rate")
    assert (gate.verdict, metric.verdict, metric.threshold) == (BREACH, BREACH, "<= 0")
    assert metric.reason == "1 of 10,000 requests failed: reset"
    allowed = judged(measured(failing), None, {"latency.p50": "< 1 s", "errors.rate": "< 1 %"})
    assert allowed.verdict is PASS


def test_failed_requests_are_noted_beside_the_numbers_that_leave_them_out() -> None:
    gate = judged(measured(a_run([5] * 9_999, failures=1)), None, {"errors.rate": "< 1 %"})
    (note,) = gate.notes
    assert note == (
        "1 failed request: in the window infinitely slow to the percentiles, and left out of "
        "latency.mean and throughput"
    )


def test_a_run_that_could_not_be_measured_says_why() -> None:
    bound = a_run(np.full(500, 1000), unmeasured={"throughput": "client-bound: use fewer"})
    good = runs_of("throughput", 500, 500)
    gate = judged(measured(*good, bound), None, {"throughput": "> 100/s"})
    metric = metric_of(gate, "throughput")
    assert metric.verdict is INCONCLUSIVE
    assert metric.reason == "not measured in 1 of 3 runs: client-bound: use fewer"
    every = judged(measured(bound, bound), None, {"throughput": "> 100/s"})
    assert metric_of(every, "throughput").reason == "not measured: client-bound: use fewer"


def test_what_no_run_could_have_says_why() -> None:
    gate = judged(measured(unmeasured={"image.size": "no image"}), None, {"image.size": "< 5 B"})
    assert metric_of(gate, "image.size").reason == "not measured: no image"


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.95, PASS), (0.93, PASS), (0.9208, PASS), (0.9206, BREACH)]
)
def test_a_number_of_the_users_own_is_judged_by_its_own_threshold(
    value: float, verdict: Verdict
) -> None:
    gate = judged(number(value, "-1 %"), recorded(exact={"recall": 0.93}))
    metric = metric_of(gate, "recall")
    assert (gate.verdict, metric.verdict, metric.threshold) == (verdict, verdict, "-1 %")


def test_a_number_of_the_users_own_may_have_a_limit_and_is_better_lower_if_said_so() -> None:
    for value, verdict in ((4.9, PASS), (5.0, BREACH), (5.1, BREACH)):
        own = Recorded("perplexity", value, "lower", "< 5")
        gate = judged(measured(exact={"perplexity": value}, recorded=(own,)))
        assert gate.verdict is verdict


def test_a_negative_number_gets_worse_by_its_distance() -> None:
    own = Recorded("loglik", -5.5, "higher", "-5 %")
    measurement = measured(exact={"loglik": -5.5}, recorded=(own,))
    gate = judged(measurement, recorded(exact={"loglik": -5.0}))
    assert gate.verdict is BREACH
    assert metric_of(gate, "loglik").reason == "worse by 10 %; 5 % is allowed"


def test_a_number_that_the_baseline_holds_and_the_test_no_longer_records_is_noted() -> None:
    baseline = recorded(*QUIET, exact={"recall": 0.9, "image.size": 5.0})
    gate = judged(measured(*QUIET), baseline, {"latency.p50": "+5 %"})
    assert gate.notes == ("the baseline holds recall, which the test did not record this time",)


def test_what_was_served_may_differ_and_is_noted() -> None:
    gate = judged(
        measured(*QUIET, provenance={"image": "c:2", "os": "x"}),
        recorded(*QUIET, provenance={"image": "c:1", "os": "x"}),
        {"latency.p50": "+5 %"},
    )
    assert gate.verdict is PASS
    assert gate.notes == ("what was served: image: recorded 'c:1', now 'c:2'",)


def test_a_test_with_a_drift_gate_alone_gates_something() -> None:
    answers = {"0": ({"y": np.ones(3)},)}
    gate = judged(measured(answers=answers), recorded(answers=answers), drift=DriftSpec())
    assert (gate.verdict, gate.reason) == (PASS, None)


def test_a_drift_gate_on_a_test_that_only_recorded_numbers_is_no_pass() -> None:
    gate = judged(number(0.9, "> 0.5"), number_recorded(0.9), drift=DriftSpec())
    assert metric_of(gate, "recall").verdict is PASS
    assert gate.verdict is INCONCLUSIVE


def number_recorded(value: float) -> Baseline:
    return recorded(exact={"recall": value})


def test_a_name_that_is_no_metric_is_an_error_and_never_ignored() -> None:
    with pytest.raises(ConfigError, match="unknown metric 'recall'"):
        judged(measured(exact={"recall": 0.9}), None, {"image.size": "< 5 B"})


def test_what_shares_the_error_rate_is_each_proof_on_a_value_with_noise() -> None:
    texts = {
        "latency.p50": "+5 %",
        "latency.p99": "< 40 ms, +5 %",
        "memory.peak": "< 1 GiB",
        "errors.rate": "< 1 %",
        "image.size": "< 1 GiB, +5 %",
        "drift.max_abs": "< 1",
    }
    thresholds = {name: parse_threshold(METRICS[name], text) for name, text in texts.items()}
    assert statistical_metrics(METRICS, thresholds) == 5
