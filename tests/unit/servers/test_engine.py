"""The engine, as it presents itself; what a real one does is in tests/container."""

from __future__ import annotations

import json
import platform
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest
from docker.errors import APIError, DockerException, NotFound

from pytest_modelgate.errors import EngineError, ServerError
from pytest_modelgate.servers import engine as engine_module
from pytest_modelgate.servers.docker import DockerKind
from pytest_modelgate.servers.engine import connect, remove_container, said, translated
from pytest_modelgate.servers.owner import Session
from pytest_modelgate.servers.strays import reap_strays

HERE = {"Name": socket.gethostname(), "KernelVersion": platform.release(), "SecurityOptions": None}
VERSION = {
    "ApiVersion": "1.44",
    "MinAPIVersion": "1.24",
    "Version": "25.0.1+dfsg",
    "Components": [{"Name": "Engine"}],
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # the name is http.server's
        name = self.path.rpartition("/")[2]
        self.answer(*self.server.answers.get(name, (404, {"message": f"no {name}"})))

    def do_DELETE(self):
        self.answer(*self.server.answers["remove"])

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def pretender(monkeypatch):
    """Something that answers as an engine does; its answers can be changed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.answers = {"version": (200, VERSION), "info": (200, HERE)}
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def engine(pretender):
    """The engine that the pretender makes."""
    engine = connect()
    yield engine
    engine.client.close()


def test_an_absent_engine_is_reported_with_what_can_be_done(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(EngineError, match="no container engine answers") as caught:
        connect()
    assert caught.value.got == "No such file or directory"
    assert 'runtime = "process"' in caught.value.hint
    assert "DOCKER_HOST" in caught.value.hint


def test_a_kind_that_was_never_used_needs_no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    DockerKind(Session.current()).stop_all()


def test_an_address_that_is_none_is_reported(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "nonsense://x")
    with pytest.raises(EngineError) as caught:
        connect()
    assert "nonsense" in caught.value.got


def test_where_no_engine_answers_there_are_no_strays_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    assert not [stray for stray in reap_strays() if stray.startswith("container")]


def test_an_engine_that_answers_nonsense_is_reported(pretender):
    pretender.answers["info"] = (500, {"message": "out of order"})
    with pytest.raises(EngineError) as caught:
        connect()
    assert caught.value.got == "out of order"


def test_docker_and_its_version_are_told(engine):
    assert engine.name == "docker 25.0.1"


def test_podman_is_told_apart(pretender):
    pretender.answers["version"] = (200, VERSION | {"Components": [{"Name": "Podman Engine"}]})
    engine = connect()
    assert engine.name == "podman 25.0.1"
    engine.client.close()


def test_an_engine_at_a_port_of_this_machine_publishes_on_loopback(engine):
    assert (engine.host, engine.publish_on, engine.is_local) == ("127.0.0.1", "127.0.0.1", False)


class _Client:
    """An SDK client at any address, without a network."""

    def __init__(self, base_url, info=HERE, components=VERSION["Components"]):
        self.api = docker.APIClient(base_url="tcp://127.0.0.1:1", version="1.41")
        self.api.base_url = base_url
        self._info = info
        self._version = VERSION | {"Components": components}

    def info(self):
        return self._info

    def version(self):
        return self._version


def test_an_engine_elsewhere_publishes_where_it_can_be_reached():
    engine = engine_module._describe(_Client("http://engine.example:2375"))
    assert (engine.host, engine.publish_on) == ("engine.example", "0.0.0.0")
    assert not engine.is_local


def test_an_engine_by_ssh_is_refused_for_requests_cannot_reach_its_containers():
    with pytest.raises(EngineError, match="by ssh"):
        engine_module._describe(_Client("http+docker://ssh"))


PODMAN = [{"Name": "Podman Engine"}]
ROOTLESS = {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}


@pytest.mark.parametrize(
    ("change", "components", "is_local"),
    [
        ({}, [], True),
        ({"SecurityOptions": ["name=apparmor"]}, [], True),
        ({"Name": "docker-desktop"}, [], False),
        ({"KernelVersion": "6.10.14-linuxkit"}, [], False),
        (ROOTLESS, [], False),
        (ROOTLESS, PODMAN, True),
    ],
    ids=["here", "secured", "host name", "kernel", "rootless docker", "rootless podman"],
)
def test_an_engine_is_local_where_it_has_our_kernel_name_and_network(change, components, is_local):
    client = _Client("http+docker://localhost", HERE | change, components)
    assert engine_module._describe(client).is_local is is_local


@pytest.mark.parametrize("status", [404, 409])
def test_a_container_that_is_gone_or_going_counts_as_removed(pretender, engine, status):
    pretender.answers["remove"] = (status, {"message": "gone or going"})
    remove_container(engine, "abc")


def test_a_container_that_the_engine_does_not_remove_is_reported(pretender, engine):
    pretender.answers["remove"] = (500, {"message": "device busy"})
    with pytest.raises(EngineError, match="cannot remove the container abc") as caught:
        remove_container(engine, "abc")
    assert caught.value.got == "device busy"


def test_strays_that_cannot_be_listed_are_reported(pretender):
    pretender.answers["json"] = (500, {"message": "out of order"})
    with pytest.raises(EngineError, match="cannot list the containers"):
        reap_strays()


def test_an_error_becomes_the_kind_that_is_asked_for_and_keeps_its_cause():
    cause = DockerException("words")
    with (
        pytest.raises(ServerError, match="what") as caught,
        translated("what", ServerError, hint="h"),
    ):
        raise cause
    assert (caught.value.got, caught.value.hint) == ("words", "h")
    assert caught.value.__cause__ is cause


def test_an_error_of_nobody_elses_passes():
    with pytest.raises(KeyError), translated("what"):
        raise KeyError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFound("404 …", explanation="no such thing"), "no such thing"),
        (APIError("500 …"), "500 …"),
        (DockerException("words"), "words"),
    ],
)
def test_the_kernel_of_an_error_is_found(error, words):
    assert said(error) == words
