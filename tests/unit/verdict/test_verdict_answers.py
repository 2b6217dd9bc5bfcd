from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from verdict_samples import CONDITIONS, judged, measured, metric_of, recorded

from pytest_modelgate.config.specs import DriftSpec
from pytest_modelgate.tensors import Contract, TensorSpec
from pytest_modelgate.verdict import Verdict

if TYPE_CHECKING:
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.runs import Measurement
    from pytest_modelgate.verdict import GateVerdict

PASS, BREACH, INCONCLUSIVE = Verdict.PASS, Verdict.BREACH, Verdict.INCONCLUSIVE
SPEC = DriftSpec(rtol=0.0, atol=0.01)
CONTRACT = Contract((TensorSpec("x", "FP32", (-1,)),), (TensorSpec("y", "FP32", (-1,)),))
OTHER = Contract((TensorSpec("x", "FP32", (-1,)),), (TensorSpec("y", "FP64", (-1,)),))


def answer(*values: float, dtype: str = "float32") -> dict[str, np.ndarray]:
    return {"y": np.array(values, dtype=dtype)}


def answering(*first: Any, **more: Any) -> Measurement:
    """A measurement whose inputs "0", "1", … got these answers."""
    answers = {
        str(i): given if isinstance(given, tuple) else (given,) for i, given in enumerate(first)
    }
    return measured(**{"answers": answers, **more})


def answered(*first: Any, **more: Any) -> Baseline:
    answers = {str(i): (given,) for i, given in enumerate(first)}
    return recorded(**{"answers": answers, **more})


def drift_of(measurement: Measurement, baseline: Baseline | None, **thresholds: str) -> GateVerdict:
    named = {name.replace("_", ".", 1): text for name, text in thresholds.items()}
    return judged(measurement, baseline, named, drift=SPEC)


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.0, PASS), (1.0099, PASS), (1.0101, BREACH), (math.nan, BREACH)]
)
def test_an_answer_that_moved_by_more_than_allowed_is_a_breach(
    value: float, verdict: Verdict
) -> None:
    gate = drift_of(answering(answer(value, 2)), answered(answer(1, 2)))
    metric = metric_of(gate, "drift.mismatched")
    assert (gate.verdict, metric.verdict, metric.threshold) == (verdict, verdict, "<= 0")
    assert (metric.method, metric.samples) == ("stored", 2)
    assert gate.drift is not None
    if verdict is BREACH:
        assert metric.reason == "1 of 2 elements differ from the baseline's by more than allowed"


def test_every_distinct_answer_to_an_input_is_compared() -> None:
    gate = drift_of(answering((answer(1), answer(2))), answered(answer(1)))
    assert metric_of(gate, "drift.mismatched").value == 1
    assert gate.verdict is BREACH


def test_distances_are_shown_and_judged_only_where_a_threshold_is_given() -> None:
    measurement, baseline = answering(answer(1.005)), answered(answer(1))
    shown = metric_of(drift_of(measurement, baseline), "drift.max_abs")
    assert shown.value == pytest.approx(0.005, rel=1e-3)
    assert (shown.threshold, shown.verdict) == (None, None)
    for limit, verdict in (("< 0.004", BREACH), ("< 0.006", PASS)):
        gate = drift_of(measurement, baseline, drift_max_abs=limit)
        assert gate.verdict is metric_of(gate, "drift.max_abs").verdict is verdict


def test_a_distance_beyond_its_limit_is_told_as_one() -> None:
    gate = drift_of(answering(answer(1.3125)), answered(answer(1)), drift_max_abs="<= 0.1")
    reason = metric_of(gate, "drift.max_abs").reason
    assert reason == "0.3125 is beyond the limit <= 0.1"


@pytest.mark.parametrize(
    ("value", "unchecked", "verdict"),
    [(1, 0, PASS), (1, 1, INCONCLUSIVE), (1, 1200, INCONCLUSIVE), (9, 1200, BREACH)],
)
def test_answers_that_could_not_be_compared_are_no_pass(
    value: float, unchecked: int, verdict: Verdict
) -> None:
    measurement = answering(answer(value), unchecked=unchecked)
    gate = drift_of(measurement, answered(answer(1)), drift_max_abs="< 1")
    for name in ("drift.mismatched", "drift.max_abs"):
        metric = metric_of(gate, name)
        assert metric.verdict is verdict
        if verdict is INCONCLUSIVE:
            assert str(metric.reason).endswith("not compared: too many that differ")
            assert str(metric.reason).startswith(f"{unchecked:,} answer")
    assert metric_of(gate, "contract").verdict is PASS


def test_a_threshold_of_the_users_own_stands_in_for_none_mismatched() -> None:
    measurement, baseline = answering(answer(2, 1)), answered(answer(1, 1))
    for limit, verdict in (("< 1", BREACH), ("<= 1", PASS), ("< 2", PASS)):
        assert drift_of(measurement, baseline, drift_mismatched=limit).verdict is verdict


def test_without_a_baseline_drift_and_contract_are_inconclusive() -> None:
    gate = drift_of(answering(answer(1)), None, drift_max_abs="< 1")
    assert gate.verdict is INCONCLUSIVE
    assert {metric.name for metric in gate.metrics} == {
        "drift.mismatched",
        "drift.max_abs",
        "contract",
    }
    for metric in gate.metrics:
        assert metric.verdict is INCONCLUSIVE
        assert str(metric.reason).startswith("no baseline recorded for this test")


def test_answers_do_not_depend_on_the_machine() -> None:
    elsewhere = answering(answer(1), fingerprint={**CONDITIONS, "cpu_model": "B"})
    assert drift_of(elsewhere, answered(answer(1))).verdict is PASS


def test_answers_to_another_workload_are_not_compared() -> None:
    other = answering(answer(1), fingerprint={**CONDITIONS, "workload": "w2"})
    gate = drift_of(other, answered(answer(1)))
    assert (gate.verdict, gate.drift) == (INCONCLUSIVE, None)
    assert "another workload" in str(metric_of(gate, "drift.mismatched").reason)


def test_a_baseline_without_answers_is_inconclusive() -> None:
    gate = drift_of(answering(answer(1)), answered())
    assert gate.verdict is INCONCLUSIVE
    assert "holds no answers" in str(metric_of(gate, "contract").reason)


@pytest.mark.parametrize("measurement", [answering(answer()), answering()])
def test_no_element_compared_is_no_pass(measurement: Measurement) -> None:
    gate = drift_of(measurement, answered(answer()))
    assert gate.verdict is INCONCLUSIVE
    assert metric_of(gate, "drift.mismatched").reason == "no element of any answer was compared"


@pytest.mark.parametrize("more", ["measured", "recorded"])
def test_inputs_on_one_side_only_are_no_pass(more: str) -> None:
    one, two = (answer(1),), (answer(1), answer(2))
    now, before = (two, one) if more == "measured" else (one, two)
    gate = drift_of(answering(*now), answered(*before))
    assert gate.verdict is INCONCLUSIVE
    assert "of which 1 are the same" in str(metric_of(gate, "drift.mismatched").reason)


def test_a_breach_among_the_common_inputs_is_one_whatever_the_others() -> None:
    gate = drift_of(answering(answer(9), answer(2)), answered(answer(1)))
    assert gate.verdict is BREACH


@pytest.mark.parametrize(
    ("now", "difference"),
    [
        (answer(1, dtype="float64"), "output 'y' has dtype float64, the baseline float32"),
        (answer(1, 1), "output 'y' has shape [2], the baseline [1]"),
        ({"z": answer(1)["y"]}, "output 'y' is missing"),
        ({**answer(1), "z": answer(1)["y"]}, "output 'z' is new"),
    ],
)
def test_other_names_shapes_and_dtypes_break_the_contract(
    now: dict[str, np.ndarray], difference: str
) -> None:
    gate = drift_of(answering(now), answered(answer(1)))
    metric = metric_of(gate, "contract")
    assert (gate.verdict, metric.verdict) == (BREACH, BREACH)
    assert difference in str(metric.reason)
    assert metric.value is not None
    assert metric.value >= 1


@pytest.mark.parametrize(
    ("before", "now", "verdict", "reason"),
    [
        (None, None, PASS, None),
        (CONTRACT, CONTRACT, PASS, None),
        (CONTRACT, OTHER, BREACH, "output 'y' is FP64, was FP32"),
        (CONTRACT, None, BREACH, "the server no longer declares its inputs and outputs"),
        (None, CONTRACT, INCONCLUSIVE, "now declares a contract, which the baseline does not hold"),
    ],
)
def test_what_the_server_declares_must_be_what_it_declared(
    before: Contract | None, now: Contract | None, verdict: Verdict, reason: str | None
) -> None:
    gate = drift_of(answering(answer(1), contract=now), answered(answer(1), contract=before))
    metric = metric_of(gate, "contract")
    assert metric.verdict is verdict
    assert (metric.reason is None) if reason is None else (reason in str(metric.reason))


def test_a_contract_may_change_as_often_as_the_user_allows() -> None:
    measurement = answering(answer(1), contract=OTHER)
    gate = judged(
        measurement, answered(answer(1), contract=CONTRACT), {"contract": "<= 1"}, drift=SPEC
    )
    metric = metric_of(gate, "contract")
    assert (metric.verdict, metric.value, metric.threshold) == (PASS, 1, "<= 1")
    assert metric.reason == "output 'y' is FP64, was FP32"


def test_a_drift_threshold_on_a_test_without_drift_marker_is_no_pass() -> None:
    gate = judged(answering(answer(1)), answered(answer(1)), {"drift.max_abs": "< 1"})
    metric = metric_of(gate, "drift.max_abs")
    assert (gate.verdict, metric.verdict) == (INCONCLUSIVE, INCONCLUSIVE)
    assert metric.reason == "not measured: the test carries no drift marker"


def test_without_drift_marker_and_threshold_answers_are_not_compared() -> None:
    gate = judged(answering(answer(1)), answered(answer(2)))
    assert not [metric for metric in gate.metrics if metric.name.startswith(("drift", "contract"))]
