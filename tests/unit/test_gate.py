"""One gated test, from what it recorded to what comes of it; no server is started here."""

import dataclasses

import pytest

from pytest_modelgate.config.markers import GateSpec
from pytest_modelgate.config.specs import DriftSpec, LoadSpec, ServerSpec, Settings
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.gate import Gate, unfinished
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.protocols.json_http import json_http
from pytest_modelgate.registry import Registry
from pytest_modelgate.reports.progress import NoProgress
from pytest_modelgate.session import GateSession
from pytest_modelgate.thresholds import parse_threshold

SERVER = ServerSpec("toy", "process", "json", command=("./toy",), path="/predict")
METRICS = Metrics()


@pytest.fixture
def make_gate(tmp_path):
    """Make gates of one project: ``make_gate({"latency.p50": "+5 %"}, update_baseline=True)``."""

    def make(thresholds=None, *, own=None, drift=None, **settings):
        given = {name: parse_threshold(METRICS[name], t) for name, t in (thresholds or {}).items()}
        spec = GateSpec(
            nodeid="t.py::t",
            test="t.py::t",
            server="toy",
            load=LoadSpec(),
            thresholds=given,
            own_thresholds=frozenset(given if own is None else own),
            drift=drift,
        )
        found = Settings(
            tmp_path, servers={"toy": SERVER}, baselines=tmp_path / "baselines", **settings
        )
        registry = Registry({"process": object()}, {"json": json_http}, (), METRICS)
        return Gate(spec, GateSession(found, registry, NoProgress()))

    return make


def concluded(gate, value=0.93, *, threshold="-1 %"):
    gate.record("recall", value, threshold=threshold)
    return gate.conclude()


def test_a_kept_absolute_threshold_is_a_pass_without_a_message(make_gate):
    conclusion = concluded(make_gate(), threshold="> 0.9")
    assert (conclusion.failure, conclusion.warning) == (None, None)
    assert conclusion.report["verdict"] == "pass"
    assert conclusion.report["recorded"] is None


def test_a_broken_one_is_a_breach_whose_message_says_it(make_gate):
    conclusion = concluded(make_gate(), 0.5, threshold="> 0.9")
    assert conclusion.report["verdict"] == "breach"
    assert conclusion.failure.startswith("modelgate: breach — toy: recall\n  recall: breach")


def test_without_a_baseline_a_tolerance_is_inconclusive_and_fails_or_warns_as_set(make_gate):
    assert "no baseline" in concluded(make_gate()).failure
    warned = concluded(make_gate(inconclusive="warn"))
    assert warned.failure is None
    assert "no baseline" in warned.warning
    assert warned.report["verdict"] == "inconclusive"


def test_a_breach_does_not_merely_warn(make_gate):
    assert concluded(make_gate(inconclusive="warn"), 0.5, threshold="> 0.9").failure is not None


def test_an_update_records_and_what_was_recorded_is_held_against(make_gate):
    assert concluded(make_gate(update_baseline=True)).report["recorded"] == "recorded"
    assert concluded(make_gate(), 0.925).failure is None
    assert "recall: breach" in concluded(make_gate(), 0.5).failure


def test_an_update_with_the_same_numbers_changes_nothing(make_gate, tmp_path):
    concluded(make_gate(update_baseline=True))
    (document,) = tmp_path.rglob("baseline.json")
    before = document.stat()
    assert concluded(make_gate(update_baseline=True)).report["recorded"] == "unchanged"
    assert document.stat() == before


def test_an_update_shows_the_old_value_beside_the_new(make_gate):
    first = concluded(make_gate(update_baseline=True)).report["metrics"][0]
    assert (first["baseline"], first["change"]) == (None, None)
    second = concluded(make_gate(update_baseline=True), 0.5).report["metrics"][0]
    assert second["baseline"]["value"] == 0.93
    assert second["change"]["value"] == pytest.approx(-0.43 / 0.93)
    assert second["verdict"] == "pass"


def test_a_number_recorded_for_the_first_time_has_nothing_old_beside_it(make_gate):
    concluded(make_gate(update_baseline=True))
    gate = make_gate(update_baseline=True)
    gate.record("f1", 0.5)
    metrics = {m["name"]: m for m in concluded(gate).report["metrics"]}
    assert metrics["f1"]["baseline"] is None
    assert metrics["recall"]["baseline"]["value"] == 0.93


def test_an_update_that_breaks_an_absolute_threshold_is_refused(make_gate, tmp_path):
    conclusion = concluded(make_gate(update_baseline=True), 0.5, threshold="> 0.9")
    assert conclusion.report["recorded"] == "refused"
    assert "nothing was recorded" in conclusion.failure
    assert not (tmp_path / "baselines").exists()


def test_a_baseline_that_cannot_be_read_is_the_failure_and_an_update_replaces_it(
    make_gate, tmp_path
):
    concluded(make_gate(update_baseline=True))
    (document,) = tmp_path.rglob("baseline.json")
    document.write_text("{")
    conclusion = concluded(make_gate())
    assert conclusion.failure.startswith("modelgate: cannot use the baseline")
    assert conclusion.report["verdict"] == "inconclusive"
    assert concluded(make_gate(update_baseline=True)).failure is None


def test_organisation_wide_thresholds_on_the_load_do_not_concern_a_test_that_only_records(
    make_gate,
):
    gate = make_gate({"latency.p50": "< 1 s"}, own=())
    assert concluded(gate, threshold="> 0.9").failure is None


def test_the_tests_own_threshold_on_the_load_needs_a_load(make_gate):
    conclusion = concluded(make_gate({"latency.p50": "< 1 s"}), threshold="> 0.9")
    assert "latency.p50: inconclusive" in conclusion.failure


def test_a_drift_marker_needs_a_check(make_gate):
    conclusion = concluded(make_gate(drift=DriftSpec()), threshold="> 0.9")
    assert "modelgate.check()" in conclusion.failure


def test_a_test_that_recorded_nothing_gates_nothing(make_gate):
    conclusion = make_gate({"latency.p50": "< 1 s"}).conclude()
    assert "this test gates nothing" in conclusion.failure
    assert conclusion.report["metrics"] == []


def test_a_number_without_a_threshold_gates_nothing(make_gate):
    assert "no threshold applies" in concluded(make_gate(), threshold=None).failure


def test_a_number_that_was_refused_fails_the_test_also_where_it_caught_the_error(make_gate):
    gate = make_gate()
    with pytest.raises(ConfigError):
        gate.record("recall", float("nan"))
    assert "not a number that can be gated" in concluded(gate, threshold="> 0.9").failure


def test_a_name_can_be_recorded_once(make_gate):
    gate = make_gate()
    gate.record("recall", 0.9)
    with pytest.raises(ConfigError, match="the name is taken"):
        gate.record("recall", 0.9)


def test_a_gate_without_a_verdict_is_inconclusive_with_its_reason():
    report = unfinished(test="t", server="toy", reason="did not run", skipped=True)
    assert (report["verdict"], report["reason"]) == ("inconclusive", "did not run")
    assert report["skipped"]


def test_closing_a_gate_that_started_no_server_does_nothing(make_gate):
    gate = make_gate()
    gate.close()
    gate.close()


def test_a_conclusion_is_a_value(make_gate):
    with pytest.raises(dataclasses.FrozenInstanceError):
        concluded(make_gate(), threshold="> 0.9").failure = "x"
