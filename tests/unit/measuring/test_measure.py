"""One measurement: several runs, on the fault server as a process."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_modelgate.config.markers import GateSpec
from pytest_modelgate.config.specs import DriftSpec, LoadSpec
from pytest_modelgate.errors import ServerError
from pytest_modelgate.load.recording import Answers, LoadResult
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring.answer_book import AnswerBook
from pytest_modelgate.measuring.measure import (
    _measurement,
    describe_load,
    measure,
    prepared,
    recorded_only,
)
from pytest_modelgate.measuring.one_run import one_run
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.runs import Recorded
from pytest_modelgate.thresholds import parse_threshold

INPUTS = {f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(4)}
LOAD = LoadSpec(requests=40, warmup_requests=2)


def gate(thresholds: dict[str, str] | None = None, drift: DriftSpec | None = None) -> GateSpec:
    parsed = {name: parse_threshold(Metrics()[name], t) for name, t in (thresholds or {}).items()}
    return GateSpec(
        nodeid="t.py::t",
        test="t.py::t",
        server="toy",
        load=LOAD,
        thresholds=parsed,
        own_thresholds=frozenset(parsed),
        drift=drift,
    )


def measured_by(rig, spec, *, runs):
    with prepared(rig, spec, INPUTS) as workload:
        return measure(rig, spec, workload, runs=runs)


def test_a_measurement_makes_so_many_runs_and_says_so_while_it_does(make_rig):
    rig = make_rig()
    measured = measured_by(rig, gate(), runs=2)
    assert len(measured.runs) == 2
    assert rig.progress.said == ["toy: run 1 of 2", "toy: run 2 of 2", "done"]
    assert measured.fingerprint["workload"]
    assert measured.fingerprint["protocol"] == "oip-http"
    assert measured.unmeasured == {"image.size": "this server has no image"}
    assert measured.notes == ()


def test_percentiles_that_thresholds_name_are_measured_beside_the_usual_ones(make_rig):
    measured = measured_by(make_rig(), gate({"latency.p75": "< 1 s"}), runs=1)
    names = {name for name in measured.runs[0].values if name.startswith("latency.p")}
    assert names == {f"latency.p{p}" for p in ("50", "75", "90", "95", "99", "99.9")}


@pytest.mark.parametrize(
    ("drift", "kept"), [(None, 1), (DriftSpec(inputs=3), 3), (DriftSpec(inputs=9), 4)]
)
def test_as_many_answers_are_kept_as_are_compared(make_rig, drift, kept):
    assert len(measured_by(make_rig(), gate(drift=drift), runs=1).answers) == kept


def test_answers_that_could_not_be_kept_are_counted(make_rig):
    """Three of an input that is compared; those to another are none of the drift gate's."""
    rig = make_rig()
    with Workload.spool(INPUTS, rig.protocol.encode) as workload:
        book = AnswerBook(rig.protocol, workload, keep=1)
        outcome = one_run(rig, LOAD, ["50"], workload, book)
        lost = Answers({}, {}, np.zeros(7, np.uint32), {0: 3, 1: 4})
        book.check(LoadResult(np.ones(7, np.int64), 0, (), 1.0, 0.1, lost))
        measured = _measurement(rig, LOAD, workload, book, [outcome])
    assert (measured.unchecked, measured.notes) == (3, ())


def test_progress_is_done_also_where_the_measurement_fails(make_rig):
    rig = make_rig(fault="crash-at-start")
    with pytest.raises(ServerError, match="ended before it was live"):
        measured_by(rig, gate(), runs=1)
    assert rig.progress.said[-1] == "done"


def test_a_test_that_only_records_has_no_runs(make_rig):
    number = Recorded("recall", 0.9, "higher", "> 0.8")
    measured = recorded_only(make_rig(), [number])
    assert (measured.runs, measured.exact, measured.recorded) == ((), {"recall": 0.9}, (number,))
    assert measured.fingerprint["os"]


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (LOAD, "closed loop, concurrency 1, 40 requests, warm-up 2"),
        (
            LoadSpec(concurrency=4, requests=None, duration_s=1.5),
            "closed loop, concurrency 4, 1.5 s, warm-up 50",
        ),
    ],
)
def test_a_load_is_described_in_full(load, said):
    assert describe_load(load) == said
