"""Markers, as plain data, become what a gated test asks for."""

from pathlib import Path

import pytest

from pytest_modelgate.config.markers import Mark, gate_spec
from pytest_modelgate.config.specs import DriftSpec, LoadSpec, ServerSpec, Settings
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import Metrics

SERVER = ServerSpec("classifier", "process", "oip-http", command=("./server",))
GATED = Mark("modelgate", ("classifier",))


def read(*marks, thresholds=None):
    settings = Settings(
        Path("/project"), servers={"classifier": SERVER}, thresholds=thresholds or {}
    )
    return gate_spec("test_a.py::test", "test_a.py::test", marks, settings, Metrics())


def refused(*marks):
    with pytest.raises(ConfigError) as caught:
        read(*marks)
    return str(caught.value)


def test_a_marker_alone_asks_for_the_default_load_and_no_drift():
    spec = read(GATED)
    assert spec.load == LoadSpec()
    assert spec.drift is None
    assert spec.thresholds == {}


def test_thresholds_are_named_after_their_metrics():
    spec = read(
        GATED,
        Mark("latency", kwargs={"p50": "+5 %", "p99_9": "< 40 ms"}),
        Mark("memory", kwargs={"growth": "< 1 KiB/request"}),
        Mark("drift", kwargs={"max_abs": "< 0.1"}),
    )
    names = {"latency.p50", "latency.p99.9", "memory.growth", "drift.max_abs"}
    assert set(spec.thresholds) == spec.own_thresholds == names


def test_the_closest_marker_wins_and_farther_ones_add():
    spec = read(
        GATED,
        Mark("latency", kwargs={"p50": "+5 %"}),
        Mark("latency", kwargs={"p50": "+9 %", "p90": "+7 %"}),
    )
    assert {name: t.text for name, t in spec.thresholds.items()} == {
        "latency.p50": "+5 %",
        "latency.p90": "+7 %",
    }


def test_a_marker_overrides_the_organisations_default():
    spec = read(
        GATED,
        Mark("latency", kwargs={"p50": "+5 %"}),
        thresholds={"latency.p50": "+1 %", "memory.peak": "+2 %"},
    )
    assert {name: t.text for name, t in spec.thresholds.items()} == {
        "latency.p50": "+5 %",
        "memory.peak": "+2 %",
    }
    assert spec.own_thresholds == {"latency.p50"}


def test_none_takes_the_organisations_default_away():
    spec = read(GATED, Mark("memory", kwargs={"peak": None}), thresholds={"memory.peak": "+2 %"})
    assert spec.thresholds == {}
    assert spec.own_thresholds == set()


def test_a_load_by_duration_has_no_number_of_requests():
    spec = read(GATED, Mark("load", kwargs={"duration": "2 s", "concurrency": 4, "warmup": 0}))
    assert spec.load == LoadSpec(concurrency=4, requests=None, duration_s=2.0, warmup_requests=0)


def test_drift_takes_tolerances():
    spec = read(
        GATED, Mark("drift", kwargs={"rtol": 0, "atol": 1e-5, "inputs": 3, "equal_nan": True})
    )
    assert spec.drift == DriftSpec(rtol=0.0, atol=1e-5, inputs=3, equal_nan=True)


@pytest.mark.parametrize(("name", "least"), [("concurrency", 1), ("requests", 1), ("warmup", 0)])
def test_a_count_below_its_least_is_refused(name, least):
    read(GATED, Mark("load", kwargs={name: least}))
    assert repr(least - 1) in refused(GATED, Mark("load", kwargs={name: least - 1}))


@pytest.mark.parametrize("value", [True, 1.0, "4", -1])
def test_a_count_is_a_whole_number(value):
    assert "a whole number, 1 or more" in refused(GATED, Mark("load", kwargs={"requests": value}))


@pytest.mark.parametrize("value", [True, -1e-9, float("inf"), float("nan"), "0.1"])
def test_a_tolerance_is_a_finite_number_of_zero_or_more(value):
    assert "a finite number, 0 or more" in refused(GATED, Mark("drift", kwargs={"rtol": value}))


def test_equal_nan_is_a_truth_value():
    assert "True or False" in refused(GATED, Mark("drift", kwargs={"equal_nan": 1}))


def test_requests_and_duration_exclude_each_other():
    message = refused(GATED, Mark("load", kwargs={"requests": 1, "duration": "1 s"}))
    assert "not both" in message


@pytest.mark.parametrize("duration", ["0 s", 0])
def test_a_window_of_no_length_is_refused(duration):
    refused(GATED, Mark("load", kwargs={"duration": duration}))


@pytest.mark.parametrize(
    ("marker", "keyword", "near"),
    [
        ("load", "request", "requests"),
        ("drift", "rtoll", "rtol"),
        ("latency", "meen", "mean"),
        ("memory", "peek", "peak"),
    ],
)
def test_an_unknown_argument_is_named_with_the_nearest_valid_one(marker, keyword, near):
    message = refused(GATED, Mark(marker, kwargs={keyword: "+5 %"}))
    assert keyword in message
    assert near in message.partition("did you mean")[2]


@pytest.mark.parametrize("value", [0.04, True, ["+5 %"]])
def test_a_threshold_is_a_string(value):
    assert "is not a threshold" in refused(GATED, Mark("latency", kwargs={"p50": value}))


def test_the_server_must_be_configured():
    message = refused(Mark("modelgate", ("clasifier",)))
    assert "no server 'clasifier'" in message
    assert "did you mean 'classifier'?" in message


def test_without_any_server_the_message_shows_the_table_to_write():
    with pytest.raises(ConfigError, match=r"\[tool\.modelgate\.servers\.toy\]"):
        gate_spec("t", "t", [Mark("modelgate", ("toy",))], Settings(Path("/project")), Metrics())


@pytest.mark.parametrize(
    "mark",
    [
        Mark("modelgate"),
        Mark("modelgate", (1,)),
        Mark("modelgate", ("a", "b")),
        Mark("modelgate", kwargs={"server": "a"}),
    ],
)
def test_the_modelgate_marker_takes_the_servers_name_alone(mark):
    assert "takes the server's name and nothing else" in refused(mark)


def test_positional_arguments_are_refused_with_the_call_shown():
    message = refused(GATED, Mark("latency", ("+5 %",), {"p99": "+1 %"}))
    assert "@pytest.mark.latency('+5 %', p99='+1 %')" in message


def test_any_metric_can_be_given_a_threshold_by_its_name():
    spec = read(GATED, Mark("thresholds", ({"throughput": "-5 %", "latency.p50.0": "< 40 ms"},)))
    assert {name: t.text for name, t in spec.thresholds.items()} == {
        "throughput": "-5 %",
        "latency.p50": "< 40 ms",
    }
    assert spec.own_thresholds == {"throughput", "latency.p50"}


def test_the_closest_marker_wins_whichever_of_the_two_spellings_it_has():
    near, far = "+5 %", "+9 %"
    by_name = Mark("thresholds", ({"latency.p50": near},)), Mark("latency", kwargs={"p50": far})
    by_marker = Mark("latency", kwargs={"p50": near}), Mark("thresholds", ({"latency.p50": far},))
    for marks in (by_name, by_marker):
        assert read(GATED, *marks).thresholds["latency.p50"].text == near


def test_none_by_name_takes_the_organisations_default_away():
    spec = read(
        GATED, Mark("thresholds", ({"throughput": None},)), thresholds={"throughput": "-2 %"}
    )
    assert spec.thresholds == {}


def test_an_unknown_metric_is_named_with_the_nearest_valid_one():
    message = refused(GATED, Mark("thresholds", ({"troughput": "-5 %"},)))
    assert "did you mean 'throughput'?" in message


@pytest.mark.parametrize(
    "mark",
    [
        Mark("thresholds"),
        Mark("thresholds", ("throughput", "-5 %")),
        Mark("thresholds", ({1: "-5 %"},)),
        Mark("thresholds", kwargs={"throughput": "-5 %"}),
        Mark("thresholds", ({},), {"throughput": "-5 %"}),
    ],
)
def test_thresholds_takes_one_mapping(mark):
    assert '@pytest.mark.thresholds({"throughput": "-5 %"})' in refused(GATED, mark)


def test_a_threshold_by_name_is_a_string():
    assert "is not a threshold" in refused(GATED, Mark("thresholds", ({"throughput": 5},)))


@pytest.mark.parametrize(
    ("closer", "requests", "duration_s"),
    [
        ({"duration": "5 s"}, None, 5.0),
        ({"requests": 7}, 7, None),
        ({"concurrency": 3}, 500, None),
        ({"duration": None, "requests": None}, 500, None),
        ({"requests": None, "duration": "5 s"}, None, 5.0),
    ],
)
def test_the_closest_load_that_says_how_long_it_is_decides_that(closer, requests, duration_s):
    farther = {"requests": 500, "warmup": 9}
    load = read(GATED, Mark("load", kwargs=closer), Mark("load", kwargs=farther)).load
    assert (load.requests, load.duration_s, load.warmup_requests) == (requests, duration_s, 9)


def test_a_closer_number_of_requests_replaces_a_farther_duration():
    marks = [Mark("load", kwargs={"requests": 7}), Mark("load", kwargs={"duration": "5 s"})]
    assert read(GATED, *marks).load == LoadSpec(requests=7)


def test_an_argument_of_the_load_that_is_none_is_not_given():
    none = dict.fromkeys(("requests", "duration", "concurrency", "warmup"))
    assert read(GATED, Mark("load", kwargs=none)).load == LoadSpec()
    assert "no argument 'request'" in refused(GATED, Mark("load", kwargs={"request": None}))


def test_a_duration_that_cannot_be_read_names_its_marker():
    message = refused(GATED, Mark("load", kwargs={"duration": "soon"}))
    assert "@pytest.mark.load(duration=…): cannot read 'soon'" in message
