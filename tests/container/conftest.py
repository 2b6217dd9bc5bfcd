"""A test server in an otherwise empty image, and the kind that runs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engine_forwarder import EngineForwarder

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.docker import DockerKind
from pytest_modelgate.servers.engine import connect
from pytest_modelgate.servers.http_get import HttpGet
from pytest_modelgate.servers.owner import LABEL, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_modelgate.servers.engine import Engine
    from pytest_modelgate.servers.server import RunningServer

SOURCE = Path(__file__).parent / "server"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The container engine; a suite without one fails, for it would skip what it is for."""
    engine = connect()
    yield engine
    engine.client.close()


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory) -> Path:
    """A folder as `build` takes it: the test server, linked statically, and its Dockerfile."""
    folder = tmp_path_factory.mktemp("testserver")
    beside_python = shutil.which("go", path=str(Path(sys.executable).parent))
    go = os.environ.get("GO") or shutil.which("go") or beside_python
    assert go, "the test server needs Go: run `make venv`, or set GO"
    subprocess.run(
        [go, "build", "-trimpath", "-o", str(folder / "testserver"), "."],
        cwd=SOURCE,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""},
        check=True,
    )
    shutil.copy(SOURCE / "Dockerfile", folder)
    return folder


@pytest.fixture(scope="session")
def server_binary(server_folder) -> Path:
    """The test server as a program."""
    return server_folder / "testserver"


@pytest.fixture(scope="session")
def server_image(engine, server_folder) -> Iterator[str]:
    """The test server as an image."""
    tag = f"modelgate-test/server:{uuid.uuid4().hex[:12]}"
    engine.client.images.build(path=str(server_folder), tag=tag, rm=True)
    yield tag
    engine.client.images.remove(tag, force=True)


@pytest.fixture
def spec(server_image) -> ServerSpec:
    """The test server, told by {port} and {host} where to listen."""
    return ServerSpec(
        name="toy",
        runtime="docker",
        protocol="json",
        image=server_image,
        args=("-addr", "{host}:{port}"),
        ready_timeout_s=20,
    )


@pytest.fixture
def session() -> Session:
    """A session of the test's own."""
    return Session.current()


@pytest.fixture
def left_behind(engine, session) -> Callable[[], list[str]]:
    """Returns the containers that the session has at this moment."""
    return lambda: [
        container["Id"]
        for container in engine.client.api.containers(
            all=True, filters={"label": f"{LABEL}={session.id}"}
        )
    ]


@pytest.fixture
def kind(session, left_behind) -> Iterator[DockerKind]:
    """The kind under test; nothing of it may be left in the end."""
    kind = DockerKind(session)
    yield kind
    kind.stop_all()
    assert left_behind() == []


@pytest.fixture
def forwarder(monkeypatch) -> Iterator[EngineForwarder]:
    """The engine behind a TCP port, which is where the environment says that it is."""
    with EngineForwarder() as forwarder:
        monkeypatch.setenv("DOCKER_HOST", forwarder.url)
        yield forwarder


@pytest.fixture
def elsewhere(session, forwarder) -> Iterator[DockerKind]:
    """A kind whose engine answers from a TCP port, and so is not known to be on this machine."""
    kind = DockerKind(session)
    yield kind
    kind.stop_all()


@contextlib.contextmanager
def _answering(server: RunningServer) -> Iterator[HttpGet]:
    with HttpGet(server, timeout_s=20) as get:

        def is_up() -> bool:
            reply = get("/health")
            return reply is not None and reply.status == 200

        await_ready(server, is_up, is_up, timeout_s=20, began_s=time.perf_counter())
        yield get


@pytest.fixture
def answering() -> Callable[[RunningServer], contextlib.AbstractContextManager[HttpGet]]:
    """Waits until a server answers, and returns what GETs its paths."""
    return _answering
