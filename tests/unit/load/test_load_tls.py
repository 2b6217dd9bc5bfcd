"""Loads over TLS, against a real TLS server."""

from __future__ import annotations

import dataclasses
import hashlib
import ssl
from pathlib import Path

import pytest
from raw_server import answer, echo

from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.load.closed_loop import run_closed_loop, send_each
from pytest_modelgate.load.recording import Failure
from pytest_modelgate.load.workload import Workload

pytestmark = pytest.mark.usefixtures("event_loop_kind")

CERTIFICATE = Path(__file__).with_name("localhost.pem")
TIMEOUT_S = 20.0


@pytest.fixture
def serve_tls(serve):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    def encrypted(behave):
        def greet_and_behave(peer):
            with context.wrap_socket(peer.socket, server_side=True) as peer.socket:
                behave(peer)

        server = serve(greet_and_behave)
        server.target = dataclasses.replace(server.target, tls=True)
        return server

    return encrypted


@pytest.fixture
def trusted(monkeypatch):
    """Add the server's certificate to those that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("trusted")
def test_requests_go_over_one_encrypted_connection(serve_tls, three_inputs):
    server = serve_tls(echo)
    load = LoadSpec(concurrency=1, requests=6, warmup_requests=3)
    result = run_closed_loop(server.target, three_inputs, load, timeout_s=TIMEOUT_S)
    assert (len(result.latencies_ns), result.failures) == (6, 0)
    assert result.answers.by_input == {0: (b"0",), 1: (b"1",), 2: (b"2",)}
    assert server.connections == 1


@pytest.mark.usefixtures("trusted")
def test_a_large_body_arrives_whole(serve_tls):
    body = bytes(range(256)) * 20_000

    def digesting(peer):
        while (received := peer.request()) is not None:
            peer.send(answer(hashlib.sha256(received).hexdigest().encode()))

    server = serve_tls(digesting)
    with Workload.spool([body], bytes) as workload:
        answers = send_each(server.target, workload, [0, 0], timeout_s=TIMEOUT_S)
    assert answers == [hashlib.sha256(body).hexdigest().encode()] * 2


def test_a_certificate_that_nobody_vouches_for_is_refused(serve_tls, three_inputs):
    server = serve_tls(echo)
    (outcome,) = send_each(server.target, three_inputs, [0], timeout_s=TIMEOUT_S)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("cannot connect: ")
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason


@pytest.mark.usefixtures("trusted")
def test_a_server_that_speaks_no_tls_is_reported(serve, three_inputs):
    server = serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    target = dataclasses.replace(server.target, tls=True)
    (outcome,) = send_each(target, three_inputs, [0], timeout_s=TIMEOUT_S)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("cannot connect: ")
