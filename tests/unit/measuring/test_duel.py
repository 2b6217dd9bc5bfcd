"""Rounds side by side, of two fault servers as processes; and the load that they are given."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import psutil
import pytest

from pytest_modelgate.config.markers import GateSpec
from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.errors import BaselineServerError, LoadError, ProtocolError, ServerError
from pytest_modelgate.load.paired import PairedLoad
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring import duel
from pytest_modelgate.measuring.duel import LEAST_PAIRS, WINDOW_S, Duel, paired_load
from pytest_modelgate.metrics import Metric, Metrics
from pytest_modelgate.runs import Run, SideBySide
from pytest_modelgate.stats.sketch import LatencySketch
from pytest_modelgate.thresholds import parse_threshold

INPUTS = {f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(4)}
P50 = frozenset({"latency.p50"})
P99 = frozenset({"latency.p50", "latency.p99"})


def runs_of(*medians_s: float) -> list[Run]:
    return [
        Run({}, 1, 0, LatencySketch.from_latencies_ns(np.asarray([median_s * 1e9], np.int64)))
        for median_s in medians_s
    ]


def load_of(requests: int | None = 1000, concurrency: int = 1) -> LoadSpec:
    duration_s = None if requests else 5.0
    return LoadSpec(concurrency, requests=requests, duration_s=duration_s, warmup_requests=7)


def test_a_round_has_as_many_pairs_as_take_its_time_and_the_loads_warm_up():
    """At 9.95 ms a request a pair takes 19.9 ms, of which 2 s have 100."""
    assert paired_load(load_of(), runs_of(0.00995, 0.00995), P50) == PairedLoad(1, 100, 7)
    assert WINDOW_S == 2


def test_how_long_a_request_takes_is_the_median_of_the_runs():
    assert paired_load(load_of(), runs_of(0.0199, 5, 0.001), P50).pairs == 50


@pytest.mark.parametrize(("requests", "pairs"), [(99, 99), (100, 100), (101, 100)])
def test_a_round_has_no_more_pairs_than_a_run_has_requests(requests, pairs):
    assert paired_load(load_of(requests), runs_of(0.00995), P50).pairs == pairs


@pytest.mark.parametrize(("requests", "pairs"), [(120, 30), (121, 31)])
def test_the_requests_of_a_block_are_as_many_as_the_connections(requests, pairs):
    assert paired_load(load_of(requests, concurrency=4), runs_of(0.001), P50).pairs == pairs


@pytest.mark.parametrize(
    ("requests", "pairs"), [(LEAST_PAIRS - 1, LEAST_PAIRS), (LEAST_PAIRS + 1, LEAST_PAIRS + 1)]
)
def test_a_round_has_the_least_of_pairs_whatever_was_asked_for(requests, pairs):
    assert paired_load(load_of(requests), runs_of(0.001), P50).pairs == pairs


def test_a_server_that_is_slow_gets_the_least_of_pairs():
    assert paired_load(load_of(), runs_of(1.0), P50).pairs == LEAST_PAIRS


@pytest.mark.parametrize(("concurrency", "pairs"), [(1, 299), (4, 75)])
def test_a_p99_in_it_gets_its_299_samples(concurrency, pairs):
    assert paired_load(load_of(50, concurrency), runs_of(0.1), P99).pairs == pairs


def test_a_load_of_a_time_has_as_many_pairs_as_a_round_has_time_for():
    assert paired_load(load_of(None), runs_of(0.00798), P50).pairs == 125


def test_requests_that_mostly_fail_say_nothing_of_the_time_and_get_the_least_of_pairs():
    failing = LatencySketch.from_latencies_ns(np.asarray([1000]), failures=9)
    for load in (load_of(), load_of(None)):
        assert paired_load(load, [Run({}, 10, 9, failing)], P50).pairs == LEAST_PAIRS


PAIRS = 20
ASKED = SideBySide(P50)


@dataclass(frozen=True)
class First(Random):
    """Always has the same of the two first."""

    index: int

    def randrange(self, *_: object) -> int:
        return self.index


@pytest.fixture(params=[0, 1], ids=["baseline-first", "candidate-first"])
def first(request, monkeypatch):
    """Which of the two servers is started and asked first."""
    monkeypatch.setattr(duel, "Random", lambda: First(request.param))


@pytest.fixture
def rigs(make_rig, fault_binary):
    """Makes the rigs of two servers; nothing of theirs may be left."""

    def rigs(baseline, candidate):
        rig = make_rig(**baseline)
        return replace(rig, spec=replace(rig.spec, name="toy (baseline)")), make_rig(**candidate)

    yield rigs
    left = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and process.exe() == str(fault_binary)
    ]
    assert left == []


def settle(baseline, candidate, *, is_settled=lambda _: True, budget_s=60.0, asked=ASKED):
    thresholds = {name: parse_threshold(Metrics()[name], "+5 %") for name in asked.settles}
    gate = GateSpec("t.py::t", "t.py::t", "toy", load_of(), thresholds, frozenset(), None)
    load = PairedLoad(1, PAIRS, warmup_requests=2)
    with Workload.spool(INPUTS, candidate.protocol.encode) as workload:
        contest = Duel(baseline, candidate, gate, workload, load)
        return contest.settle(asked, is_settled=is_settled, budget_s=budget_s)


def test_a_round_has_the_values_of_both_sides_and_what_pairs_tell(rigs):
    found = settle(*rigs({"work": "200us"}, {"work": "2ms"}))
    assert found.settles == P50
    assert found.obstacle is None
    for one in found.rounds:
        for run in (one.baseline, one.candidate):
            assert run.values.keys() >= {
                "startup.live", "startup.ready", "startup.first_answer",
                "memory.idle", "memory.peak", "memory.after", "cpu.per_request",
                "latency.p50", "latency.mean", "throughput", "errors.rate",
            }  # fmt: skip
            assert (run.requests, run.failures) == (2 + PAIRS, 0)
            assert run.latencies.count == PAIRS
        ratio = one.candidate.values["latency.p50"] / one.baseline.values["latency.p50"]
        assert ratio > 1
        assert one.paired["latency.p50"] > 0


def test_pairs_tell_nothing_where_a_request_failed_as_that_is_in_no_pair(rigs):
    """Each second request of the candidate fails, once it has given its first answer."""
    found = settle(*rigs({}, {"fault": "error-500", "after": 1, "every": 2}))
    for one in found.rounds:
        assert one.candidate.failures > 0
        assert one.candidate.latencies.answered < one.candidate.latencies.count == PAIRS
        assert one.paired == {}


def test_the_percentiles_of_the_thresholds_are_measured_in_rounds(rigs):
    found = settle(*rigs({}, {}), asked=SideBySide(frozenset({"latency.p75"})))
    assert "latency.p75" in found.rounds[0].baseline.values
    assert "latency.p75" in found.rounds[0].candidate.values


def test_it_stops_at_the_look_that_settles_it(rigs):
    looks = []

    def is_settled(found):
        looks.append(len(found.rounds))
        return len(found.rounds) == 6

    baseline, candidate = rigs({}, {})
    found = settle(baseline, candidate, is_settled=is_settled)
    assert len(found.rounds) == 6
    assert looks == [3, 4, 6]
    assert candidate.progress.said == [
        *(f"toy: side by side, round {number}" for number in range(1, 7)), "done",
    ]  # fmt: skip


def test_it_ends_after_the_most_of_rounds_when_nothing_settles_it(rigs, monkeypatch):
    monkeypatch.setattr(duel, "MOST_ROUNDS", 4)
    assert len(settle(*rigs({}, {}), is_settled=lambda _: False).rounds) == 4


class TakesTenSeconds:
    """A probe that reads nothing, and whose attaching once a round takes 10 s by the clock."""

    source = ""
    metrics: tuple[Metric, ...] = ()

    def __init__(self) -> None:
        self.now_s = 1000.0

    def attach(self, _server):
        self.now_s += 10
        return self

    def begin(self, _completed):
        pass

    def end(self):
        return {}

    def unmeasured(self):
        return {}


@pytest.mark.parametrize(
    ("budget_s", "rounds"), [(0.001, 1), (19.9, 1), (20, 2), (29.9, 2), (30, 3)]
)
def test_it_ends_when_another_round_would_not_fit_the_budget(rigs, budget_s, rounds):
    baseline, candidate = rigs({}, {})
    slow = TakesTenSeconds()
    candidate = replace(candidate, probes=(slow,), clock=lambda: slow.now_s)
    found = settle(baseline, candidate, is_settled=lambda _: False, budget_s=budget_s)
    assert len(found.rounds) == rounds


def test_the_longest_round_is_what_another_is_expected_to_take(rigs):
    """Rounds of 30 s, 10 s and 10 s: after 50 s another of 30 s would not fit into 79 s."""
    baseline, candidate = rigs({}, {})
    slow, more_s = TakesTenSeconds(), itertools.chain([20.0], itertools.repeat(0.0))

    def attach(_server):
        slow.now_s += 10 + next(more_s)
        return slow

    slow.attach = attach
    candidate = replace(candidate, probes=(slow,), clock=lambda: slow.now_s)
    found = settle(baseline, candidate, is_settled=lambda _: False, budget_s=79)
    assert len(found.rounds) == 3


FATAL = "fatal: tensor arena exhausted"
FAILURES = {
    "crash-at-start": ({"fault": "crash-at-start"}, ServerError, "exit 3"),
    "dies-mid-load": ({"fault": "exit", "after": 10}, ServerError, "exit 3"),
    "dies-in-the-warm-up": ({"fault": "exit", "after": 2}, ServerError, "exit 3"),
    "garbage": ({"fault": "garbage"}, ProtocolError, "cannot be used"),
    "answers-no-more": ({"fault": "error-500", "after": 10}, LoadError, "3 blocks of requests"),
    "hangs": (
        {"fault": "hang", "after": 10, "request_timeout_s": 0.1},
        LoadError,
        "no answer within 0.1 s",
    ),
}
failing = pytest.mark.parametrize(("flags", "kind", "what"), FAILURES.values(), ids=FAILURES)


def assert_it_is_only_its_own_log(error):
    """The other server is one that talks all the time."""
    assert error.log
    assert not [line for line in error.log if "cache miss" in line or "plain line" in line]


@failing
@pytest.mark.usefixtures("first")
def test_whatever_the_baselines_server_does_wrong_is_blamed_on_it(rigs, flags, kind, what):
    with pytest.raises(BaselineServerError, match=what) as caught:
        settle(*rigs(flags, {"fault": "chatty"}))
    error = caught.value
    assert error.what.startswith("the baseline's server cannot be measured: ")
    assert isinstance(error.__cause__, kind)
    assert_it_is_only_its_own_log(error)


@failing
@pytest.mark.usefixtures("first")
def test_whatever_the_candidate_does_wrong_is_its_own_error(rigs, flags, kind, what):
    baseline, candidate = rigs({"fault": "chatty"}, flags)
    with pytest.raises(kind, match=what) as caught:
        settle(baseline, candidate)
    assert type(caught.value) is kind
    assert "baseline" not in str(caught.value)
    assert_it_is_only_its_own_log(caught.value)
    assert candidate.progress.said == ["toy: side by side, round 1", "done"]


@pytest.mark.usefixtures("first")
def test_the_log_has_the_last_words_of_whoever_ended(rigs):
    with pytest.raises(BaselineServerError) as caught:
        settle(*rigs({"fault": "exit", "after": 10}, {"fault": "chatty"}))
    assert caught.value.log[-1].endswith(FATAL)


def test_a_baselines_server_that_cannot_be_run_is_told_before_any_round(rigs):
    baseline, candidate = rigs({}, {})
    baseline = replace(baseline, spec=replace(baseline.spec, command=("./absent",)))
    with pytest.raises(BaselineServerError, match="there is no program"):
        settle(baseline, candidate)
    assert candidate.progress.said == ["done"]


def test_requests_that_fail_in_a_round_count_on_the_side_that_failed_them(rigs):
    found = settle(*rigs({}, {"fault": "error-500", "after": 10, "for_": 2}))
    for one in found.rounds:
        assert one.baseline.failures == 0
        assert one.candidate.failures == 2
        assert one.candidate.latencies.failures == 2


def test_answers_that_are_garbage_under_load_are_failed_requests_of_the_baseline(rigs):
    found = settle(*rigs({"fault": "garbage", "after": 10}, {}))
    for one in found.rounds:
        assert one.baseline.failures == PAIRS + 3 - 10
        assert one.baseline.unmeasured["latency.p50"].startswith("falls among the failed requests")
        assert one.candidate.failures == 0
