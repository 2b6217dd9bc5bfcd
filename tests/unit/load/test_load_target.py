"""The head of a request."""

from __future__ import annotations

import pytest

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.load.target import Target


def test_a_head_has_everything_but_the_length():
    target = Target("localhost", 8080, path="/v2/models/m/infer?x=%20", headers={"Accept": "*/*"})
    assert target.request_head() == (
        b"POST /v2/models/m/infer?x=%20 HTTP/1.1\r\n"
        b"Host: localhost:8080\r\n"
        b"Accept: */*\r\n"
        b"Content-Length: "
    )


def test_an_ipv6_address_stands_in_brackets():
    assert b"\r\nHost: [::1]:80\r\n" in Target("::1", 80).request_head()


@pytest.mark.parametrize("name", ["Host", "HOST", "host"])
def test_a_given_host_replaces_ours(name):
    head = Target("10.0.0.1", 80, headers={name: "models.internal"}).request_head()
    assert head.lower().count(b"host:") == 1
    assert b"\r\nHost: models.internal\r\n" in head


@pytest.mark.parametrize("length", ["Content-Length", "transfer-encoding"])
def test_a_given_length_is_refused_as_it_would_contradict_ours(length):
    with pytest.raises(ConfigError, match=length.title()):
        Target("localhost", 80, headers={length: "5"}).request_head()


@pytest.mark.parametrize(
    "target",
    [
        Target("localhost", 80, path="/modèle"),
        Target("localhost", 80, headers={"x": "a\r\nevil: yes"}),
        Target("localhost", 80, headers={"x\n": "a"}),
    ],
)
def test_what_cannot_stand_in_a_head_is_refused(target):
    with pytest.raises(ConfigError, match="cannot be made of the server's path and headers"):
        target.request_head()
