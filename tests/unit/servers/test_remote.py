"""Servers that run already."""

import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.servers.remote import RemoteKind
from pytest_modelgate.servers.server import Accounting


def at(url):
    return ServerSpec(name="far", runtime="remote", protocol="json", url=url)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "network"),
    [
        ("http://model.example:8080", "model.example", 8080, False, "remote"),
        ("http://model.example", "model.example", 80, False, "remote"),
        ("https://model.example/", "model.example", 443, True, "remote"),
        ("http://localhost:8080", "localhost", 8080, False, "loopback"),
        ("http://127.0.0.1:1", "127.0.0.1", 1, False, "loopback"),
        ("http://[::1]:8080", "::1", 8080, False, "loopback"),
        ("http://[2001:db8::1]:8080", "2001:db8::1", 8080, False, "remote"),
    ],
)
def test_a_url_says_where_the_server_is(url, host, port, tls, network):
    kind = RemoteKind()
    kind.prepare(at(url))
    server = kind.start(at(url))
    assert (server.host, server.port, server.tls, server.network) == (host, port, tls, network)
    assert server.provenance == {"url": url.rstrip("/")}
    assert server.conditions["network"] == network
    assert server.conditions["url"] == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "model.example:8080",
        "ftp://model.example",
        "http://",
        "http://model.example/v2",
        "http://model.example?a=b",
        "http://user:secret@model.example",
    ],
)
def test_a_url_that_is_more_or_less_than_an_address_is_refused(url):
    with pytest.raises(ConfigError, match="server 'far': the url"):
        RemoteKind().prepare(at(url))


def test_nothing_of_it_is_known_and_nothing_is_stopped():
    kind = RemoteKind()
    server = kind.start(at("http://localhost:1"))
    kind.stop_all()
    server.stop()
    assert server.exit() is None
    assert server.log_tail() == ()
    assert server.image_bytes is None
    assert not server.is_fresh
    assert server.accounting == Accounting()
