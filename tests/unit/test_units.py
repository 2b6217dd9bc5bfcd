"""Durations, sizes and rates, read and written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.units import (
    format_change,
    format_percent,
    format_value,
    parse_bytes,
    parse_duration_s,
    parse_value,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60 s", 60.0),
        ("40ms", 0.04),
        ("1.5 min", 90.0),
        ("2 h", 7200.0),
        ("250 µs", 0.00025),
        ("250 μs", 0.00025),  # the Greek letter
        ("250us", 0.00025),
        ("7 ns", 7e-9),
        (" .5 s ", 0.5),
        ("1e3 ms", 1.0),
        ("0 s", 0.0),
    ],
)
def test_durations_are_read_in_every_unit_with_or_without_a_space(text, seconds):
    assert parse_duration_s(text) == seconds


def test_a_duration_is_the_float_nearest_to_what_was_written():
    assert parse_duration_s("0.3 ms") == 0.0003  # 0.3 * 1e-3 is another float


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512 MiB", 512 * 1024**2),
        ("300MB", 300_000_000),
        ("1 KiB", 1024),
        ("1 kB", 1000),
        ("1 KB", 1000),
        ("2 GiB", 2 * 1024**3),
        ("1.5 TB", 1_500_000_000_000),
        ("17 B", 17),
        ("300.1 MB", 300_100_000),
    ],
)
def test_sizes_are_read_in_decimal_and_binary_units_and_are_whole(text, size):
    parsed = parse_bytes(text)
    assert parsed == size
    assert isinstance(parsed, int)


@pytest.mark.parametrize(
    "value",
    [
        "60",
        "s",
        "",
        "60 S",
        "60 sec",
        "6 0 s",
        "nan s",
        "inf s",
        "1e999 s",
        "1,5 s",
        "60 s s",
        "٣ s",
    ],
)
def test_text_that_is_no_duration_is_refused_with_an_example(value):
    with pytest.raises(ConfigError) as caught:
        parse_duration_s(value)
    assert repr(value) in caught.value.what
    assert '"40 ms"' in (caught.value.expected or "")


@pytest.mark.parametrize("value", [60, 1.5, True, False, None, ["60 s"]])
def test_what_is_not_text_is_refused_and_its_type_named(value):
    with pytest.raises(ConfigError) as caught:
        parse_duration_s(value)
    assert caught.value.got == type(value).__name__


@pytest.mark.parametrize("parse", [parse_duration_s, parse_bytes])
def test_a_number_without_unit_is_refused_for_nobody_could_tell_what_it_means(parse):
    with pytest.raises(ConfigError):
        parse("512")


@pytest.mark.parametrize(("parse", "text"), [(parse_duration_s, "-1 ms"), (parse_bytes, "-1 B")])
def test_negative_durations_and_sizes_are_refused(parse, text):
    with pytest.raises(ConfigError, match="negative"):
        parse(text)


@pytest.mark.parametrize("text", ["x", "-1 s"])
def test_the_message_begins_with_the_place_that_was_read(text):
    with pytest.raises(ConfigError, match=r"^ready_timeout: "):
        parse_duration_s(text, "ready_timeout")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1 KiB/request", "B/request", 1024.0),
        ("0.5B/request", "B/request", 0.5),
        ("500/s", "1/s", 500.0),
        ("500 /s", "1/s", 500.0),
        ("-0.25", "1", -0.25),
        ("+3", "1", 3.0),
        ("35 tokens/s", "tokens/s", 35.0),
    ],
)
def test_values_are_read_in_the_unit_of_their_metric(text, unit, value):
    assert parse_value(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1 KiB", "B/request"), ("500", "1/s"), ("5 %", "1"), ("35", "tokens/s"), ("4 MB", "s")],
)
def test_a_unit_that_does_not_fit_the_metric_is_refused(text, unit):
    with pytest.raises(ConfigError, match="cannot read"):
        parse_value(text, unit)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00812, "s", "8.12 ms"),
        (1.0, "s", "1 s"),
        (120.0, "s", "120 s"),
        (5000.0, "s", "5,000 s"),
        (0.0, "s", "0 s"),
        (0.00025, "s", "250 µs"),
        (3e-8, "s", "30 ns"),
        (2e-10, "s", "0.2 ns"),
        (301 * 1024**2, "B", "301 MiB"),
        (1023.4 * 1024, "B", "1,023 KiB"),
        (512, "B", "512 B"),
        (0, "B", "0 B"),
        (0.2, "B", "0.2 B"),
        (1229, "B/request", "1.2 KiB/request"),
        (-1229, "B/request", "-1.2 KiB/request"),
        (1234.4, "1/s", "1,234/s"),
        (12.34, "1/s", "12.3/s"),
        (0.05, "1", "0.05"),
        (3.0, "1", "3"),
        (35.25, "tokens/s", "35.2 tokens/s"),
        (math.inf, "s", "∞"),
        (-math.inf, "1", "-∞"),
        (math.nan, "B", "nan"),
    ],
)
def test_values_are_shown_with_three_digits_and_a_fitting_prefix(value, unit, text):
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0009994, "999 µs"), (0.0009996, "1 ms"), (0.001, "1 ms")]
)
def test_a_value_that_rounds_up_to_the_next_prefix_takes_it(seconds, text):
    assert format_value(seconds, "s") == text


def test_percentages_and_changes_are_shown_as_people_write_them():
    assert format_percent(0.0012) == "0.12 %"
    assert format_percent(0) == "0 %"
    assert format_percent(1) == "100 %"
    assert format_change(0.012) == "+1.2 %"
    assert format_change(-0.004) == "-0.4 %"
    assert format_change(3.14159) == "+314 %"
    assert format_change(math.inf) == "+∞ %"


@pytest.mark.parametrize("change", [0.0, -0.0, 1e-9, -1e-9])
def test_a_change_too_small_to_show_has_no_sign(change):
    assert format_change(change) == "0 %"


@given(st.floats(1e-9, 1e9))
def test_a_shown_duration_can_be_read_again_and_is_right_to_three_digits(seconds):
    shown = format_value(seconds, "s").replace(",", "")
    assert parse_duration_s(shown) == pytest.approx(seconds, rel=6e-3)


@given(st.floats(1, 1e14))
def test_a_shown_size_can_be_read_again_and_is_right_to_three_digits(size):
    shown = format_value(size, "B").replace(",", "")
    assert parse_value(shown, "B") == pytest.approx(size, rel=6e-3)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_config_error(text):
    try:
        value = parse_value(text, "s")
    except ConfigError:
        return
    assert math.isfinite(value)
