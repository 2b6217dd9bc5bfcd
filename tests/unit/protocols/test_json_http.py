"""Any JSON-over-HTTP endpoint."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.json_http import json_http
from pytest_modelgate.servers.http_get import HttpReply


def protocol(path="/predict", **more):
    return json_http(ServerSpec("s", "process", "json", path=path, **more))


def answering(statuses):
    return lambda path: HttpReply(statuses[path], b"") if path in statuses else None


def refused(action, value):
    with pytest.raises(ProtocolError) as caught:
        action(value)
    return str(caught.value)


def test_requests_go_to_the_path_with_the_servers_headers():
    route = protocol("/v1/x?y=1", headers={"X-Key": "k"}).route
    assert (route.method, route.path) == ("POST", "/v1/x?y=1")
    assert route.headers == {"content-type": "application/json", "x-key": "k"}


@pytest.mark.parametrize("path", [None, ""])
def test_a_server_without_a_path_is_a_configuration_error(path):
    with pytest.raises(ConfigError, match="server 's' needs a path"):
        protocol(path)


@pytest.mark.parametrize("key", ["path", "live_path", "ready_path"])
def test_a_path_without_a_slash_is_a_configuration_error(key):
    with pytest.raises(ConfigError, match=f"{key} must begin with a slash"):
        protocol(**{key: "health"})


def test_an_answer_that_is_no_path_is_a_configuration_error():
    with pytest.raises(ConfigError, match="cannot be read"):
        protocol(answer="a..b")


def test_a_model_is_a_configuration_error():
    with pytest.raises(ConfigError, match="model means nothing to protocol json"):
        protocol(model="m")


def test_without_paths_any_answer_is_live_and_ready():
    for status in (200, 404, 500):
        assert protocol().is_live(answering({"/": status}))
        assert protocol().is_ready(answering({"/": status}))
    assert not protocol().is_live(answering({}))
    assert not protocol().is_ready(answering({}))


def test_a_ready_path_is_ready_at_2xx_and_live_at_any_answer():
    asked = protocol(ready_path="/ready")
    for status, ready in ((199, False), (200, True), (299, True), (300, False), (503, False)):
        assert asked.is_ready(answering({"/ready": status})) is ready
        assert asked.is_live(answering({"/ready": status}))
    assert not asked.is_live(answering({"/": 200}))


def test_a_live_path_is_live_at_2xx():
    asked = protocol(live_path="/live")
    assert asked.is_live(answering({"/live": 204}))
    assert not asked.is_live(answering({"/live": 503, "/": 200}))
    assert asked.is_ready(answering({"/live": 204}))


def test_such_an_endpoint_declares_nothing():
    assert protocol().contract(answering({})) is None


@pytest.mark.parametrize(
    ("model_input", "body"),
    [
        ({"b": 1, "a": [1.5, None, True]}, b'{"b":1,"a":[1.5,null,true]}'),
        ("ü", '"ü"'.encode()),
        (("a", 1), b'["a",1]'),
        (np.float64(0.5), b"0.5"),
    ],
)
def test_an_input_is_sent_as_compact_json_in_its_own_order(model_input, body):
    assert protocol().encode(model_input) == body


@pytest.mark.parametrize(
    ("model_input", "where", "got"),
    [
        ({"a": [0.5, math.nan]}, "a[1]", "float: nan"),
        (math.inf, "$", "float: inf"),
        ({"a": {"b c": np.zeros(2)}}, 'a["b c"]', "ndarray: array([0., 0.])"),
        ([(np.int64(3),)], "[0][0]", "int64: np.int64(3)"),
        ({"a": b"x"}, "a", "bytes: b'x'"),
        ({"a": {1, 2}}, "a", "set: {1, 2}"),
        (["\ud800"], "[0]", "str: '\\ud800'"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(model_input, where, got):
    message = refused(protocol().encode, model_input)
    assert f"the input holds at {where} what JSON cannot carry" in message
    assert f"got:      {got}" in message
    assert (".tolist()" in message) == ("array" in got or "np." in got)


def test_keys_that_json_cannot_carry_are_refused():
    assert "cannot be written as JSON" in refused(protocol().encode, {(1, 2): 3})
    assert "cannot be written as JSON" in refused(protocol().encode, {"\ud800": 3})


def test_an_input_that_holds_itself_or_is_nested_too_deep_is_refused():
    loop = []
    loop.append(loop)
    deep = 0
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deeply" in refused(protocol().encode, loop)
    assert "nested too deeply" in refused(protocol().encode, deep)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (None, ["result.scores", "result.label"]),
        ("$", ["result.scores", "result.label"]),
        ("result", ["scores", "label"]),
        ("result.scores", ["scores"]),
        ("result.scores[0]", ["scores"]),
    ],
)
def test_the_answer_is_what_stands_at_the_declared_path(answer, names):
    body = b'{"result": {"scores": [0.5, 0.25], "label": "a"}}'
    assert list(protocol(answer=answer).decode(body)) == names


def test_an_answer_without_a_key_is_named_answer():
    assert list(protocol().decode(b"[0.5]")) == ["answer"]
    assert list(protocol(answer="[0]").decode(b"[0.5]")) == ["answer"]


def test_a_body_without_the_answer_is_refused_with_what_stands_there():
    message = refused(protocol(answer="scores").decode, b'{"label": "a"}')
    assert "the answer has no scores at its top" in message
    assert "the keys ['label']" in message


@pytest.mark.parametrize("answer", [None, "scores"])
def test_a_body_that_is_nothing_but_an_error_is_refused_with_it(answer):
    message = refused(protocol(answer=answer).decode, b'{"error": "no model"}')
    assert "the server answered with an error" in message
    assert "no model" in message


@pytest.mark.parametrize("body", [b'{"error": null}', b'{"error": 0.25, "scores": [1]}'])
def test_an_error_among_other_things_is_part_of_the_answer(body):
    assert protocol().decode(body)


def test_a_body_that_is_no_json_is_refused():
    assert "the answer is not valid JSON" in refused(protocol().decode, b"busy")
