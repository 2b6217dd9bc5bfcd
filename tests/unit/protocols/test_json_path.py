"""The small language that says where in a document the answer stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.json_path import JsonPath, parse_path, path_text

DOCUMENT = {"result": {"embeddings": [[1, 2], [3]], "a.b": 5}, "n": None}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ()),
        ("scores", ("scores",)),
        ("$.scores", ("scores",)),
        ("result.embeddings[0]", ("result", "embeddings", 0)),
        ("[0].label", (0, "label")),
        ("$[-1][2]", (-1, 2)),
        ('a["b.c"].d', ("a", "b.c", "d")),
        (r'["say \"x\" \\"]', ('say "x" \\',)),
        ('[""]', ("",)),
        ("größe-1_@", ("größe-1_@",)),
        ("0", ("0",)),
    ],
)
def test_a_path_is_read_as_its_steps(text, steps):
    assert parse_path(text).steps == steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".a",
        "a.",
        "a..b",
        "a[",
        "a[]",
        "a[x]",
        "a[1",
        "a b",
        "$a",
        "$$",
        "a]",
        'a["b]',
        "[*]",
    ],
)
def test_what_is_no_path_is_a_configuration_error(text):
    with pytest.raises(ConfigError, match="cannot be read at"):
        parse_path(text)


@given(st.lists(st.one_of(st.integers(), st.text())))
def test_steps_written_as_text_are_read_back_as_the_same_steps(steps):
    path = JsonPath(tuple(steps))
    assert parse_path(str(path)) == path


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_no_two_sequences_of_steps_have_the_same_text(one, other):
    assert (path_text(one) == path_text(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$", DOCUMENT),
        ("n", None),
        ("result.embeddings[-1][0]", 3),
        ('result["a.b"]', 5),
    ],
)
def test_a_path_finds_its_value(text, value):
    assert parse_path(text).find(DOCUMENT) == value


@pytest.mark.parametrize(
    ("text", "missing", "found"),
    [
        ("score", "no score at its top", "the keys ['result', 'n']"),
        ("result.embedding", "no embedding in result", "the keys ['embeddings', 'a.b']"),
        ("result.embeddings[2]", "no [2] in result.embeddings", "an array of 2"),
        ("result.embeddings[-3]", "no [-3] in result.embeddings", "an array of 2"),
        ("n.x", "no x in n", "null"),
        ("result[0]", "no [0] in result", "the keys"),
        ("result.embeddings.x", "no x in result.embeddings", "an array of 2"),
        ('result["x.y"]', 'no ["x.y"] in result', "the keys"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_step_and_what_stands_there(text, missing, found):
    with pytest.raises(ProtocolError) as caught:
        parse_path(text).find(DOCUMENT)
    assert missing in str(caught.value)
    assert f"got:      {found}" in str(caught.value)
    assert f"the answer at {text}" in str(caught.value)
