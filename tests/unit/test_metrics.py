"""Metrics are found by name."""

import pytest

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import Evidence, Metric, Metrics


@pytest.mark.parametrize(
    ("name", "quantile"),
    [
        ("latency.p50", 0.5),
        ("latency.p99", 0.99),
        ("latency.p99.9", 0.999),
        ("latency.p1", 0.01),
        ("latency.p97.25", 0.9725),
    ],
)
def test_any_percentile_is_a_latency_metric(name, quantile):
    metric = Metrics()[name]
    assert metric.quantile == pytest.approx(quantile)
    assert (metric.unit, metric.evidence) == ("s", Evidence.QUANTILE)
    assert name in Metrics()


@pytest.mark.parametrize(
    "name", ["latency.p0", "latency.p100", "latency.p", "latency.p99.", "latency.p-1", "latency"]
)
def test_what_is_no_percentile_is_no_metric(name):
    with pytest.raises(ConfigError):
        Metrics()[name]


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"did you mean 'memory\.peak'\?"):
        Metrics()["memory.peek"]


def test_an_added_metric_is_found():
    mine = Metric("gpu.memory", "B")
    assert Metrics([mine])["gpu.memory"] is mine
    assert "gpu.memory" in Metrics([mine])
    assert "gpu.memory" not in Metrics()


def test_more_throughput_is_better_and_of_everything_else_less():
    assert [
        m.name
        for m in map(Metrics().__getitem__, ("throughput", "latency.mean"))
        if m.better == "higher"
    ] == ["throughput"]
