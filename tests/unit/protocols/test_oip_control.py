"""Health, readiness, metadata and configuration of an Open Inference Protocol server."""

from __future__ import annotations

import json

import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ConfigError, ProtocolError
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.servers.http_get import HttpReply
from pytest_modelgate.tensors import Contract, TensorSpec

READY = {"/v2/health/live": 200, "/v2/health/ready": 200, "/v2/models/m/ready": 200}


def protocol(model="m", **more):
    return oip_http(ServerSpec("s", "process", "oip-http", model=model, **more))


def answering(statuses, body=b""):
    return lambda path: HttpReply(statuses[path], body) if path in statuses else None


def metadata(document, status=200):
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return answering({"/v2/models/m": status}, raw)


def refused(get):
    with pytest.raises(ProtocolError) as caught:
        protocol().contract(get)
    return str(caught.value)


def test_a_server_that_answers_200_everywhere_is_live_and_ready():
    assert protocol().is_live(answering(READY))
    assert protocol().is_ready(answering(READY))


@pytest.mark.parametrize("status", [199, 300, 404, 503])
def test_a_status_outside_2xx_is_neither_live_nor_ready(status):
    assert not protocol().is_live(answering(READY | {"/v2/health/live": status}))
    assert not protocol().is_ready(answering(READY | {"/v2/health/ready": status}))
    assert not protocol().is_ready(answering(READY | {"/v2/models/m/ready": status}))


def test_a_server_that_nobody_answers_for_is_neither_live_nor_ready():
    assert not protocol().is_live(answering({}))
    assert not protocol().is_ready(answering({}))


@pytest.mark.parametrize("body", [b"", b"OK", b"[]", b'{"ready": true, "live": true}'])
def test_a_body_that_does_not_say_no_leaves_it_to_the_status(body):
    assert protocol().is_live(answering(READY, body))
    assert protocol().is_ready(answering(READY, body))


def test_a_body_that_says_no_counts_in_spite_of_the_status():
    assert not protocol().is_live(answering(READY, b'{"live": false}'))
    assert not protocol().is_ready(answering(READY, b'{"name": "m", "ready": false}'))


def test_the_models_name_is_percent_encoded_in_every_path():
    asked = []
    named = protocol("a/b ü?")
    named.is_ready(lambda path: asked.append(path) or HttpReply(200, b""))
    assert named.route.path == "/v2/models/a%2Fb%20%C3%BC%3F/infer"
    assert asked[-1] == "/v2/models/a%2Fb%20%C3%BC%3F/ready"


def test_requests_carry_the_servers_headers_and_the_content_type():
    route = protocol(headers={"Authorization": "Bearer x"}).route
    assert route.method == "POST"
    assert route.headers == {"content-type": "application/json", "authorization": "Bearer x"}
    assert protocol(headers={"Content-Type": "text/json"}).route.headers == {
        "content-type": "text/json"
    }


def test_the_metadata_of_a_model_is_its_contract():
    tensors = {
        "inputs": [{"name": "bytes", "datatype": "INT32", "shape": [-1, 2048]}],
        "outputs": [{"name": "label", "datatype": "BYTES", "shape": [], "extra": 1}],
    }
    assert protocol().contract(metadata({"name": "m", **tensors})) == Contract(
        (TensorSpec("bytes", "INT32", (-1, 2048)),), (TensorSpec("label", "BYTES", ()),)
    )


def test_metadata_without_tensors_declares_nothing():
    assert protocol().contract(metadata({"inputs": [], "outputs": []})) is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"datatype": "FP32", "shape": [1]}, "tensor 0 has no name"),
        ({"name": "x", "shape": [1]}, "declared output 'x' has no valid datatype"),
        ({"name": "x", "datatype": "TYPE_FP32", "shape": [1]}, "no valid datatype"),
        ({"name": "x", "datatype": "FP32"}, "declared output 'x' has no valid shape"),
        ({"name": "x", "datatype": "FP32", "shape": [-2]}, "no valid shape"),
        ({"name": "x", "datatype": "FP32", "shape": ["-1"]}, "no valid shape"),
        ("x", "tensor 0 must be a JSON object"),
    ],
)
def test_a_malformed_declaration_is_refused(entry, said):
    assert said in refused(metadata({"inputs": [], "outputs": [entry]}))


def test_a_tensor_declared_twice_is_refused():
    entry = {"name": "x", "datatype": "FP32", "shape": [1]}
    assert "two tensors have the name 'x'" in refused(
        metadata({"inputs": [entry, entry], "outputs": []})
    )


@pytest.mark.parametrize(
    ("get", "said"),
    [
        (answering({}), "does not answer GET /v2/models/m"),
        (metadata({}, 404), "the server has no model 'm'"),
        (metadata({"error": "loading"}, 503), 'status 503: b\'{"error": "loading"}\''),
        (metadata(b"<html>"), "the metadata at /v2/models/m is not valid JSON"),
        (metadata([]), "the metadata at /v2/models/m must be a JSON object"),
        (metadata({"inputs": []}), "the model's metadata has no array 'outputs'"),
    ],
)
def test_metadata_that_cannot_be_had_is_refused_with_the_reason(get, said):
    assert said in refused(get)


@pytest.mark.parametrize("model", [None, ""])
def test_a_server_without_a_model_is_a_configuration_error(model):
    with pytest.raises(ConfigError, match="server 's' needs a model"):
        protocol(model)


@pytest.mark.parametrize("key", ["path", "answer", "live_path", "ready_path"])
def test_a_key_of_the_json_protocol_is_a_configuration_error(key):
    with pytest.raises(ConfigError, match=f"{key} means nothing to protocol oip-http"):
        protocol(**{key: "/x"})
