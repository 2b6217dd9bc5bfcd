"""The control plane's GET against real sockets."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_modelgate.servers.http_get import HttpGet, HttpReply


@dataclass(frozen=True)
class Server:
    """What a GET needs of a server."""

    port: int
    host: str = "127.0.0.1"
    tls: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # the name is http.server's
        self.server.connections.add(self.client_address)
        status, body = (302, b"elsewhere") if self.path == "/moved" else (200, self.path.encode())
        self.send_response(status)
        self.send_header("location", "/here")
        self.send_header("content-encoding", "gzip" if self.path == "/garbled" else "identity")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def http_server():
    """A server that answers with the path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.connections = set()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def get(http_server):
    """Asks that server."""
    with HttpGet(Server(http_server.server_address[1])) as get:
        yield get


def test_an_answer_has_its_status_and_body(get):
    assert get("/v2/health?a=b") == HttpReply(200, b"/v2/health?a=b")


def test_one_connection_is_kept(get, http_server):
    get("/1")
    get("/2")
    assert len(http_server.connections) == 1


def test_a_redirect_is_an_answer_and_is_not_followed(get):
    assert get("/moved") == HttpReply(302, b"elsewhere")


def test_an_answer_that_cannot_be_decoded_is_none(get):
    assert get("/garbled") is None


def test_a_proxy_in_the_environment_is_ignored(http_server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with HttpGet(Server(http_server.server_address[1])) as get:
        assert get("/x").status == 200


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 1), ("127.0.0.1", 0), ("::1", 1)])
def test_nobody_there_is_none(host, port):
    with HttpGet(Server(port, host)) as get:
        assert get("/") is None


def test_nobody_who_answers_in_time_is_none():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        HttpGet(Server(silent.getsockname()[1]), timeout_s=0.05) as get,
    ):
        assert get("/") is None


def test_plain_http_where_tls_is_expected_is_none(http_server):
    with HttpGet(Server(http_server.server_address[1], tls=True)) as get:
        assert get("/") is None
