"""One run, on the fault server as a process; and what its numbers are put together to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.errors import ConfigError, LoadError, ProtocolError, ServerError
from pytest_modelgate.load.recording import Answers, LoadResult
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring.answer_book import AnswerBook
from pytest_modelgate.measuring.driver import Asked, Driver
from pytest_modelgate.measuring.one_run import CLIENT_BOUND_SHARE, as_run, one_run
from pytest_modelgate.measuring.started import fresh_server
from pytest_modelgate.measuring.window import probed_window
from pytest_modelgate.metrics import Metric

if TYPE_CHECKING:
    from pytest_modelgate.measuring.rig import Rig

INPUTS = {f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(4)}
LOAD = LoadSpec(requests=40, warmup_requests=2)


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
    assert (outcome.run.requests, outcome.run.failures) == (42, 0)
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

    outcome, _ = run(dataclasses.replace(rig, sleep=sleep))
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
    assert outcome.run.requests == 40 + 2 + 3
    assert outcome.run.latencies.count == 40
    assert list(book.answers()) == ["row0", "row1"]


def test_an_input_that_is_never_answered_is_named(make_rig):
    with pytest.raises(ServerError, match="does not answer 'row1'") as caught:
        run(make_rig(fault="error-500", after=1), keep=2)
    assert "HTTP 500" in str(caught.value.got)


def test_failures_under_load_are_counted_and_are_infinitely_slow(make_rig):
    """One request and the warm-up's two come first; the window's 11th and 12th fail."""
    outcome, _ = run(make_rig(fault="error-500", after=13, for_=2))
    found = outcome.run
    assert (found.requests, found.failures) == (42, 2)
    assert found.values["errors.rate"] == pytest.approx(2 / 42)
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
    assert (outcome.run.requests, outcome.run.failures) == (42, 23)
    assert outcome.run.latencies.failures == 23
    assert outcome.run.values["errors.rate"] == pytest.approx(23 / 42)
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
        driver = Driver(rig, server, workload)
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
        answers=Answers({}, {}, np.zeros(len(latencies_ns), np.uint32), {}),
        **changes,
    )


@pytest.mark.parametrize(
    ("share", "is_bound"),
    [(CLIENT_BOUND_SHARE - 0.01, False), (CLIENT_BOUND_SHARE, False), (0.91, True)],
)
def test_a_client_at_its_limit_measures_no_latency_and_no_throughput(share, is_bound):
    found = as_run(loaded(cpu=share), Asked(), ["50"], {"memory.peak": 1.0}, {})
    for name in ("latency.p50", "latency.mean", "throughput"):
        assert (name in found.values) is not is_bound
        assert found.unmeasured.get(name, "").startswith("client-bound") is is_bound
    assert found.values["memory.peak"] == 1.0
    assert found.values["errors.rate"] == 0


@pytest.mark.parametrize(("failures", "has_p90"), [(9, True), (10, True), (11, False)])
def test_a_percentile_is_there_as_long_as_it_falls_among_the_answered(failures, has_p90):
    found = as_run(loaded([1000] * (100 - failures), failures), Asked(), ["90"], {}, {})
    assert ("latency.p90" in found.values) is has_p90
    assert ("latency.p90" in found.unmeasured) is not has_p90


def test_without_any_answer_there_is_no_mean_and_no_throughput():
    found = as_run(loaded([], failures=3), Asked(), ["50"], {}, {"memory.growth": "too short"})
    assert found.values == {"errors.rate": 1.0}
    assert found.unmeasured["memory.growth"] == "too short"
    assert found.unmeasured["latency.p50"].startswith("falls among the failed requests")


def test_failures_before_the_window_are_in_the_error_rate_and_in_no_percentile():
    result = loaded([1000] * 100, warmup_requests=50, warmup_failures=11)
    found = as_run(result, Asked(4, ("HTTP 503",)), ["99"], {}, {})
    assert found.values["latency.p99"] == pytest.approx(1e-6, rel=0.01)
    assert (found.requests, found.failures) == (155, 12)
    assert found.values["errors.rate"] == pytest.approx(12 / 155)
    assert (found.latencies.count, found.latencies.failures) == (100, 0)
    assert found.failure_examples == ("HTTP 503",)


class Gauge:
    """A probe of one metric that reads what it is told, and remembers whether it is at work."""

    source = ""
    metrics = (Metric("gauge", "B"),)

    def __init__(self, **read):
        self.read = read
        self.at_work = False

    def begin(self, completed):
        self.at_work = True

    def end(self):
        self.at_work = False
        return self.read


class Broken(Gauge):
    """A probe that breaks at its work."""

    def __init__(self, when):
        super().__init__()
        self.when = when

    def begin(self, completed):
        if self.when == "begin":
            raise OSError("no sensor")

    def end(self):
        raise OSError("no sensor")


def probed(*gauges):
    values = {}
    with probed_window(gauges, gauges, values)(lambda: 0):
        assert all(gauge.at_work for gauge in gauges if type(gauge) is Gauge)
    return values


@pytest.mark.parametrize("read", [3, np.float32(3), np.int64(3), True + 2])
def test_what_a_probe_reads_becomes_a_float(read):
    (value,) = probed(Gauge(gauge=read)).values()
    assert (value, type(value)) == (3.0, float)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ({"gauge": 1, "guage": 2}, "Gauge read 'guage', which it does not declare"),
        ({"gauge": None}, "Gauge read what is no number"),
        ({"gauge": "many"}, "Gauge read what is no number"),
    ],
)
def test_a_probe_that_reads_what_it_may_not_is_told(read, message):
    with pytest.raises(ConfigError, match=message):
        probed(Gauge(**read))


@pytest.mark.parametrize("when", ["begin", "end"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_probe_that_breaks_leaves_no_other_at_work(when, is_first):
    gauge, broken = Gauge(gauge=1), Broken(when)
    with pytest.raises(OSError, match="no sensor"):
        probed(*((broken, gauge) if is_first else (gauge, broken)))
    assert not gauge.at_work


def test_throughput_is_what_was_answered_in_theprobed_window():
    assert as_run(loaded([1000] * 6), Asked(), [], {}, {}).values["throughput"] == 3.0
