"""What a body must be to count as JSON."""

from __future__ import annotations

import math

import pytest

from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.protocols.json_body import dump_json, excerpt, json_type, parse_json


def refused(body):
    with pytest.raises(ProtocolError) as caught:
        parse_json(body)
    return str(caught.value)


def test_a_document_is_read_as_python_reads_it():
    assert parse_json(b' {"a": [1, 2.5, "\xc3\xbc", null, true]} \n') == {
        "a": [1, 2.5, "ü", None, True]
    }


def test_the_literals_nan_and_infinity_are_floats():
    nan, up, down = parse_json(b"[NaN, Infinity, -Infinity]")
    assert math.isnan(nan)
    assert (up, down) == (math.inf, -math.inf)


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_an_empty_body_is_said_to_be_empty(body):
    assert "the answer is empty" in refused(body)


def test_a_truncated_body_is_shown_where_it_ends():
    message = refused(b'{"outputs": [{"name": "y", "data": [1, 2')
    assert "the answer is not valid JSON" in message
    assert "at character 40 of 40" in message


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"\xef\xbb\xbf{}", b"{'a': 1}", b"nan"])
def test_what_is_no_json_is_shown(body):
    assert "the answer is not valid JSON" in refused(body)


@pytest.mark.parametrize("body", [b"{} {}", b"[1]]", b"[1]\x00"])
def test_anything_behind_the_document_is_refused(body):
    assert "Extra data" in refused(body)


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', '{"a": 1}'.encode("utf-16"), b"\x1f\x8b\x08"])
def test_text_that_is_not_utf8_is_refused_with_the_offending_byte(body):
    message = refused(body)
    assert "the answer is not UTF-8 text" in message
    assert "byte 0x" in message


@pytest.mark.parametrize("body", [b'{"a": 1, "b": 2, "a": 1}', b'[{"x": {"a": 1, "a": 2}}]'])
def test_a_key_that_stands_twice_in_an_object_is_refused(body):
    assert "has the key 'a' twice" in refused(body)


def test_a_key_may_stand_in_two_objects():
    assert parse_json(b'[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_too_deep_to_read_is_refused(opening):
    assert "nested too deeply" in refused(opening * 100_000)


def test_an_integer_of_too_many_digits_to_convert_is_refused():
    assert "has a number that cannot be read" in refused(b"1" * 5000)


def test_dumping_is_compact_and_keeps_the_order():
    assert dump_json({"b": [1, 2], "a": "ü"}) == '{"b":[1,2],"a":"ü"}'.encode()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ({}, "an object"),
        ([1, 2], "an array of 2"),
        ("a", "the string 'a'"),
        (1.5, "the number 1.5"),
    ],
)
def test_a_value_is_named_as_json_names_it(value, name):
    assert json_type(value) == name


def test_an_excerpt_is_one_line_of_at_most_its_limit():
    assert excerpt("a" * 58) == repr("a" * 58)
    assert excerpt("a" * 59) == repr("a" * 59)[:59] + "…"
    assert excerpt({"x": 1}, limit=3) == "{'…"
