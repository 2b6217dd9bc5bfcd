"""The language of thresholds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import Evidence, Metric, Metrics
from pytest_modelgate.thresholds import (
    Limit,
    Threshold,
    canonical_name,
    marker_metric,
    parse_threshold,
)

METRICS = Metrics()
RECALL = Metric("recall", "1", better="higher", evidence=Evidence.EXACT, conditions=False)


def parse(name, text):
    return parse_threshold(METRICS[name] if isinstance(name, str) else name, text)


@pytest.mark.parametrize(
    ("metric", "text", "limit", "tolerance"),
    [
        ("latency.p50", "< 40 ms", Limit("<", 0.04), None),
        ("latency.p50", "<40ms", Limit("<", 0.04), None),
        ("latency.p50", "<= 40 ms", Limit("<=", 0.04), None),
        ("latency.p50", "+5 %", None, 0.05),
        ("latency.p50", "+5%", None, 0.05),
        ("latency.p50", "+ 0.1 %", None, 0.001),
        ("latency.p50", "< 40 ms, +5 %", Limit("<", 0.04), 0.05),
        ("latency.p50", "+5%,<40ms", Limit("<", 0.04), 0.05),
        ("memory.peak", "< 300 MiB", Limit("<", 300 * 2.0**20), None),
        ("memory.growth", "< 1 KiB/request", Limit("<", 1024.0), None),
        ("memory.growth", "<= 0 B/request", Limit("<=", 0.0), None),
        ("throughput", "> 1000/s", Limit(">", 1000.0), None),
        ("throughput", ">= 1000 /s, -5 %", Limit(">=", 1000.0), 0.05),
        ("throughput", "+5 %", None, 0.05),
        ("errors.rate", "< 0.1 %", Limit("<", 0.001), None),
        ("errors.rate", "<0.1%", Limit("<", 0.001), None),
        ("errors.rate", "< 0.001", Limit("<", 0.001), None),
        ("errors.rate", "<= 0", Limit("<=", 0.0), None),
        ("drift.max_abs", "<= 0", Limit("<=", 0.0), None),
        ("image.size", "+0 %", None, 0.0),
        (RECALL, "-1 %", None, 0.01),
        (RECALL, "> 0.9", Limit(">", 0.9), None),
        (RECALL, "> -3.5", Limit(">", -3.5), None),
    ],
)
def test_a_threshold_is_a_limit_a_tolerance_or_both_in_either_order(metric, text, limit, tolerance):
    assert parse(metric, text) == Threshold(text, limit, tolerance)


@pytest.mark.parametrize(
    ("metric", "text", "why"),
    [
        ("latency.p50", "-5 %", 'write "+5 %"'),
        ("latency.p50", "> 5 ms", 'write "< 5 ms"'),
        ("latency.p50", ">= 5 ms", 'write "<= 5 ms"'),
        ("throughput", "< 5/s", 'write "> 5/s"'),
        ("errors.rate", "+1 %", 'absolute limit: "< 0.1 %"'),
        ("memory.growth", "+1 %", 'absolute limit: "< 1 KiB/request"'),
        ("drift.max_abs", "+1 %", 'absolute limit: "< 0.1"'),
        ("latency.p50", "+5 %, +6 %", "more than one tolerance"),
        ("latency.p50", "< 5 ms, < 6 ms", "more than one limit"),
        ("latency.p50", "< 5 MB", "cannot read '5 MB' as a duration"),
        ("latency.p50", "< 5", "cannot read '5' as a duration"),
        ("latency.p50", "< 5 %", "cannot read '5 %' as a duration"),
        ("latency.p50", "< -5 ms", "negative"),
        ("throughput", "> -5/s", "negative"),
        ("latency.p50", "< 0 ms", 'write "<= 0 ms"'),
        ("errors.rate", "< 0 %", 'write "<= 0 %"'),
        ("memory.peak", "< 0 B", 'write "<= 0 B"'),
        ("latency.p50", "< inf s", "cannot read"),
        ("latency.p50", "< nan s", "cannot read"),
        ("memory.growth", "< 1 KiB", "B/request"),
        ("throughput", "> 5", "/s"),
        ("drift.mismatched", "< 1 %", "plain number"),
        ("latency.p50", "< ", "cannot read ''"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_message_says_what_to_write(metric, text, why):
    with pytest.raises(ConfigError) as caught:
        parse(metric, text)
    assert why in str(caught.value)
    name = metric if isinstance(metric, str) else metric.name
    assert name in caught.value.what
    assert repr(text) in caught.value.what


@pytest.mark.parametrize(
    "text",
    ["", "5 %", "40 ms", "+5", "+5 ms", "+nan %", "+inf %", "< 5 ms,", "fast", "++5 %", "=5 ms"],
)
def test_text_that_is_no_threshold_is_refused_with_two_examples_for_its_metric(text):
    with pytest.raises(ConfigError) as caught:
        parse("latency.p50", text)
    assert caught.value.expected == 'text such as "< 40 ms" or "+5 %"'


def test_examples_for_what_is_better_higher_allow_a_fall() -> None:
    for text in ("fast", "-0 %"):
        with pytest.raises(ConfigError, match="throughput") as caught:
            parse_threshold(Metrics()["throughput"], text)
        assert '"-5 %"' in str(caught.value)
        assert '"+5 %"' not in str(caught.value)


@pytest.mark.parametrize("value", [5, 0.05, True, None, ("+5 %",)])
def test_a_threshold_that_is_not_text_is_refused_and_its_type_named(value):
    with pytest.raises(ConfigError) as caught:
        parse("latency.p50", value)
    assert caught.value.got == type(value).__name__


@pytest.mark.parametrize("text", ["+0 %", "+0.0%"])
def test_no_tolerance_at_all_is_refused_where_there_is_noise(text):
    with pytest.raises(ConfigError, match="never precise enough"):
        parse("latency.p50", text)


def test_a_tolerance_beyond_all_floats_is_refused():
    with pytest.raises(ConfigError):
        parse("latency.p50", f"+{'9' * 400} %")


@pytest.mark.parametrize(("percent", "accepted"), [("99.9", True), ("100", False), ("101", False)])
def test_a_fall_by_everything_gates_nothing_and_is_refused(percent, accepted):
    if accepted:
        assert parse("throughput", f"-{percent} %").tolerance == pytest.approx(0.999)
    else:
        with pytest.raises(ConfigError, match="gates nothing"):
            parse("throughput", f"-{percent} %")


def test_growing_by_more_than_everything_can_be_allowed():
    assert parse("latency.p50", "+150 %").tolerance == 1.5


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("< 0.99", True), ("< 1", False), ("< 100 %", False), ("< 5", False), ("< -0.1", False)],
)
def test_a_limit_on_a_rate_lies_below_one(text, accepted):
    if accepted:
        assert parse("errors.rate", text).limit == Limit("<", 0.99)
    else:
        with pytest.raises(ConfigError, match="between 0 and 1"):
            parse("errors.rate", text)


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
    ],
)
def test_a_limit_allows_what_its_operator_says_just_below_at_and_just_above(op, below, at, above):
    limit = Limit(op, 1.0)
    assert limit.allows(math.nextafter(1.0, 0.0)) is below
    assert limit.allows(1.0) is at
    assert limit.allows(math.nextafter(1.0, 2.0)) is above


@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_nan_keeps_no_limit(op):
    assert not Limit(op, 1.0).allows(math.nan)


@given(st.sampled_from(["latency.p99", "throughput", "errors.rate", "memory.growth"]), st.text())
def test_any_text_is_read_or_refused_with_a_config_error(name, text):
    try:
        threshold = parse(name, text)
    except ConfigError:
        return
    assert threshold.limit is not None or threshold.tolerance is not None


@given(st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_both_parts_come_back_as_they_were_written(milliseconds, percent):
    threshold = parse("latency.p50", f"< {milliseconds!r} ms, +{percent:.6f} %")
    assert threshold.limit is not None
    assert threshold.limit.value == pytest.approx(milliseconds / 1000)
    assert threshold.tolerance == pytest.approx(percent / 100, abs=1e-8)


@pytest.mark.parametrize(
    ("marker", "keyword", "metric"),
    [
        ("latency", "mean", "latency.mean"),
        ("latency", "p50", "latency.p50"),
        ("latency", "p99_9", "latency.p99.9"),
        ("latency", "p99_90", "latency.p99.9"),
        ("latency", "p05", "latency.p5"),
        ("latency", "p99_999", "latency.p99.999"),
        ("latency", "p0_1", "latency.p0.1"),
        ("memory", "peak", "memory.peak"),
        ("memory", "idle", "memory.idle"),
        ("memory", "after", "memory.after"),
        ("memory", "growth", "memory.growth"),
        ("drift", "max_abs", "drift.max_abs"),
        ("drift", "mismatched", "drift.mismatched"),
    ],
)
def test_a_markers_keyword_names_a_metric_that_exists(marker, keyword, metric):
    assert marker_metric(marker, keyword) == metric
    assert METRICS[metric].name == metric


@pytest.mark.parametrize(
    ("marker", "keyword", "near"),
    [
        ("latency", "p999", "p99_9"),
        ("latency", "p100", None),
        ("latency", "p0", None),
        ("latency", "p00_0", None),
        ("latency", "median", "mean"),
        ("memory", "peek", "peak"),
        ("memory", "p50", None),
        ("drift", "max-abs", "max_abs"),
    ],
)
def test_an_unknown_keyword_is_refused_with_the_nearest_valid_one(marker, keyword, near):
    with pytest.raises(ConfigError, match=f"unknown argument '{keyword}'") as caught:
        marker_metric(marker, keyword)
    assert near is None or caught.value.hint == f"did you mean {near!r}?"


def test_a_percentile_has_one_name_however_it_is_written():
    assert canonical_name("latency.p50.0") == "latency.p50"
    assert canonical_name("latency.p99.90") == "latency.p99.9"
    assert canonical_name("memory.peak") == "memory.peak"
