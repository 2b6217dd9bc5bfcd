"""One run, on the fault server as a process; and what its numbers are put together to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_modelgate.answers import AnswerBook
from pytest_modelgate.config import DriftSpec, LoadSpec, ServerSpec
from pytest_modelgate.errors import LoadError, ProtocolError, ServerError
from pytest_modelgate.load.recording import Answers, LoadResult
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.markers import GateSpec
from pytest_modelgate.measure import _notes, describe_load, measure, recorded_only
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.one_run import (
    CLIENT_BOUND_SHARE,
    _as_run,
    _Driver,
    fresh_server,
    one_run,
)
from pytest_modelgate.probes.cpu import CpuProbe
from pytest_modelgate.probes.memory import MemoryProbe
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.reports.progress import NoProgress
from pytest_modelgate.rig import Rig
from pytest_modelgate.runs import Recorded
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.session import Session
from pytest_modelgate.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INPUTS = {f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(4)}
LOAD = LoadSpec(requests=40, warmup_requests=2)


class Steps(NoProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, text: str) -> None:
        self.said.append(text)

    def done(self) -> None:
        self.said.append("done")


@pytest.fixture
def make_rig(fault_binary: Path, tmp_path: Path) -> Iterator[Any]:
    """Make rigs for the fault server: ``make_rig(fault="hang", after=3)``."""
    kind = ProcessKind(Session.current(), tmp_path)

    def make(*, request_timeout_s: float = 3, ready_timeout_s: float = 10, **flags: object) -> Rig:
        given = [f"--{name.rstrip('_')}={value}" for name, value in flags.items()]
        spec = ServerSpec(
            name="toy",
            runtime="process",
            protocol="oip-http",
            command=(str(fault_binary),),
            args=("--http", "{host}:{port}", *given),
            model="toy",
            request_timeout_s=request_timeout_s,
            ready_timeout_s=ready_timeout_s,
        )
        return Rig(tmp_path, spec, kind, oip_http(spec), (CpuProbe(), MemoryProbe()), Steps())

    yield make
    kind.stop_all()


def run(
    rig: Rig, load: LoadSpec = LOAD, percentiles: tuple[str, ...] = ("50", "99"), keep: int = 1
):
    with Workload.spool(INPUTS, rig.protocol.encode) as workload:
        book = AnswerBook(rig.protocol, workload, keep=keep)
        return one_run(rig, load, percentiles, workload, book), book


def test_a_run_has_the_numbers_of_its_window_and_of_its_start(make_rig):
    outcome, book = run(make_rig(), percentiles=("50", "75"))
    values = outcome.run.values
    assert values.keys() >= {
        "latency.p50", "latency.p75", "latency.mean", "throughput", "errors.rate",
        "memory.idle", "memory.peak", "memory.after", "cpu.per_request",
        "startup.live", "startup.ready", "startup.first_answer",
    }  # fmt: skip
    assert "latency.p99" not in values
    assert 0 < values["latency.p50"] <= values["latency.p75"]
    assert values["startup.live"] <= values["startup.ready"] <= values["startup.first_answer"]
    assert (outcome.run.requests, outcome.run.failures) == (40, 0)
    assert outcome.run.latencies.count == 40
    assert values["errors.rate"] == 0
    assert outcome.image_bytes is None
    assert outcome.conditions["accounting"].startswith("process")
    assert any("listening" in line for line in outcome.log)
    assert list(book.answers()) == ["row0"]
    assert book.contract is not None


def test_a_window_of_time_sends_as_many_as_it_can(make_rig):
    load = LoadSpec(requests=None, duration_s=0.2, warmup_requests=0)
    outcome, _ = run(make_rig(), load)
    assert outcome.run.requests > 10
    assert outcome.run.values["throughput"] > 0


def test_the_first_request_is_repeated_until_it_is_answered(make_rig):
    rig = make_rig(fault="error-500", for_=3)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)

    outcome, _ = run(replace(rig, sleep=sleep))
    assert pauses.count(0.02) == 3
    assert outcome.run.failures == 0  # a server that is not ready yet fails nobody


def test_a_server_that_is_ready_and_answers_nothing_is_told(make_rig):
    with pytest.raises(ServerError, match="is ready but answers no request") as caught:
        run(make_rig(fault="error-500", ready_timeout_s=0.4))
    assert "HTTP 500" in str(caught.value.got)
    assert any("listening" in line for line in caught.value.log)


def test_a_first_answer_that_is_none_ends_the_run_with_the_log(make_rig):
    with pytest.raises(ProtocolError, match="the answer to 'row0' cannot be used") as caught:
        run(make_rig(fault="garbage"))
    assert caught.value.log


def test_an_input_that_fails_before_the_load_is_repeated_and_counted(make_rig):
    outcome, book = run(make_rig(fault="error-500", after=1, for_=2), keep=2)
    assert outcome.run.failures == 2
    assert outcome.run.requests == 42
    assert list(book.answers()) == ["row0", "row1"]


def test_an_input_that_is_never_answered_is_named(make_rig):
    with pytest.raises(ServerError, match="does not answer 'row1'") as caught:
        run(make_rig(fault="error-500", after=1), keep=2)
    assert "HTTP 500" in str(caught.value.got)


def test_failures_under_load_are_counted_and_are_infinitely_slow(make_rig):
    """One request and the warm-up's two come first; the window's 11th and 12th fail."""
    outcome, _ = run(make_rig(fault="error-500", after=13, for_=2))
    found = outcome.run
    assert (found.requests, found.failures) == (40, 2)
    assert found.values["errors.rate"] == pytest.approx(2 / 40)
    assert found.latencies.count == 40
    assert found.latencies.failures == 2
    assert "latency.p50" in found.values
    assert "latency.p99" not in found.values
    assert found.unmeasured["latency.p99"].startswith("falls among the failed requests")
    assert len(found.failure_examples) == 1
    assert "HTTP 500" in found.failure_examples[0]


def test_each_answer_under_load_that_is_none_is_a_failure(make_rig):
    """One request and the warm-up's two come first; the window's last 23 are garbage."""
    outcome, _ = run(make_rig(fault="garbage", after=20))
    assert (outcome.run.requests, outcome.run.failures) == (40, 23)
    assert outcome.run.latencies.failures == 23
    assert outcome.run.values["errors.rate"] == pytest.approx(23 / 40)
    assert "latency.p50" in outcome.run.unmeasured
    assert "cannot be used" in outcome.run.failure_examples[0]


def test_every_distinct_answer_under_load_is_kept(make_rig):
    _, book = run(make_rig(fault="drift", after=20))
    assert len(book.answers()["row0"]) == 2


def test_a_server_that_ends_under_load_ends_the_run_with_its_log(make_rig):
    with pytest.raises(ServerError, match="the server 'toy' ended: exit 3") as caught:
        run(make_rig(fault="exit", after=20))
    assert caught.value.log


def test_a_server_that_ended_after_its_last_answer_is_found_out(make_rig):
    rig = make_rig()
    with fresh_server(rig) as (server, _), Workload.spool(INPUTS, rig.protocol.encode) as workload:
        driver = _Driver(rig, server, workload)
        driver.expect_alive()
        server.stop()
        with pytest.raises(ServerError, match="the server 'toy' ended: "):
            driver.expect_alive()


def test_a_server_that_hangs_ends_the_run(make_rig):
    with pytest.raises(LoadError, match="the server hangs") as caught:
        run(make_rig(fault="hang", after=20, request_timeout_s=0.3))
    assert caught.value.log


def loaded(latencies_ns=(1000,), failures=0, cpu=0.1, **changes) -> LoadResult:
    return LoadResult(
        latencies_ns=np.asarray(latencies_ns, dtype=np.int64),
        failures=failures,
        failure_examples=("HTTP 500",) * bool(failures),
        elapsed_s=2.0,
        client_cpu_share=cpu,
        answers=Answers({}, {}, np.zeros(len(latencies_ns), np.uint32), 0),
        **changes,
    )


@pytest.mark.parametrize(
    ("share", "is_bound"),
    [(CLIENT_BOUND_SHARE - 0.01, False), (CLIENT_BOUND_SHARE, False), (0.91, True)],
)
def test_a_client_at_its_limit_measures_no_latency_and_no_throughput(share, is_bound):
    found = _as_run(loaded(cpu=share), [], ["50"], {"memory.peak": 1.0}, {})
    for name in ("latency.p50", "latency.mean", "throughput"):
        assert (name in found.values) is not is_bound
        assert found.unmeasured.get(name, "").startswith("client-bound") is is_bound
    assert found.values["memory.peak"] == 1.0
    assert found.values["errors.rate"] == 0


@pytest.mark.parametrize(("failures", "has_p90"), [(9, True), (10, True), (11, False)])
def test_a_percentile_is_there_as_long_as_it_falls_among_the_answered(failures, has_p90):
    found = _as_run(loaded([1000] * (100 - failures), failures), [], ["90"], {}, {})
    assert ("latency.p90" in found.values) is has_p90
    assert ("latency.p90" in found.unmeasured) is not has_p90


def test_without_any_answer_there_is_no_mean_and_no_throughput():
    found = _as_run(loaded([], failures=3), [], ["50"], {}, {"memory.growth": "too short"})
    assert found.values == {"errors.rate": 1.0}
    assert found.unmeasured["memory.growth"] == "too short"
    assert found.unmeasured["latency.p50"].startswith("falls among the failed requests")


def test_throughput_is_what_was_answered_in_the_window():
    assert _as_run(loaded([1000] * 6), [], [], {}, {}).values["throughput"] == 3.0


def gate(thresholds: dict[str, str] | None = None, drift: DriftSpec | None = None) -> GateSpec:
    parsed = {name: parse_threshold(Metrics()[name], t) for name, t in (thresholds or {}).items()}
    return GateSpec(
        test="t.py::t",
        server="toy",
        load=LOAD,
        thresholds=parsed,
        own_thresholds=frozenset(parsed),
        drift=drift,
    )


def test_a_measurement_makes_so_many_runs_and_says_so_while_it_does(make_rig):
    rig = make_rig()
    measured = measure(rig, gate(), INPUTS, runs=2)
    assert len(measured.runs) == 2
    assert rig.progress.said == ["toy: run 1 of 2", "toy: run 2 of 2", "done"]
    assert measured.fingerprint["workload"]
    assert measured.fingerprint["protocol"] == "oip-http"
    assert measured.unmeasured == {"image.size": "this server has no image"}
    assert measured.notes == ()


def test_percentiles_that_thresholds_name_are_measured_beside_the_usual_ones(make_rig):
    measured = measure(make_rig(), gate({"latency.p75": "< 1 s"}), INPUTS, runs=1)
    names = {name for name in measured.runs[0].values if name.startswith("latency.p")}
    assert names == {f"latency.p{p}" for p in ("50", "75", "90", "95", "99", "99.9")}


@pytest.mark.parametrize(
    ("drift", "kept"), [(None, 1), (DriftSpec(inputs=3), 3), (DriftSpec(inputs=9), 4)]
)
def test_as_many_answers_are_kept_as_are_compared(make_rig, drift, kept):
    assert len(measure(make_rig(), gate(drift=drift), INPUTS, runs=1).answers) == kept


@pytest.mark.parametrize(("unchecked", "notes"), [(0, 0), (1, 1)])
def test_answers_that_were_not_kept_for_they_all_differ_are_a_note(make_rig, unchecked, notes):
    outcome, _ = run(make_rig())
    assert len(_notes([outcome, replace(outcome, unchecked=unchecked)])) == notes


def test_progress_is_done_also_where_the_measurement_fails(make_rig):
    rig = make_rig(fault="crash-at-start")
    with pytest.raises(ServerError, match="ended before it was live"):
        measure(rig, gate(), INPUTS, runs=1)
    assert rig.progress.said[-1] == "done"


def test_a_test_that_only_records_has_no_runs(make_rig):
    number = Recorded("recall", 0.9, "higher", "> 0.8")
    measured = recorded_only(make_rig(), [number])
    assert (measured.runs, measured.exact, measured.recorded) == ((), {"recall": 0.9}, (number,))
    assert measured.fingerprint["os"]


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (LOAD, "closed loop, 1 connections, 40 requests, warm-up 2"),
        (
            LoadSpec(concurrency=4, requests=None, duration_s=1.5),
            "closed loop, 4 connections, 1.5 s, warm-up 50",
        ),
    ],
)
def test_a_load_is_described_in_full(load, said):
    assert describe_load(load) == said
