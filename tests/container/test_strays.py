"""What a killed session leaves behind is removed by the next one, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from pytest_modelgate.servers.owner import LABEL, Session
from pytest_modelgate.servers.strays import reap_strays

pytestmark = pytest.mark.container

VICTIM = """\
import sys, time
from pathlib import Path
from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.servers.docker import DockerKind
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.owner import Session

session = Session.current()
spec = ServerSpec(
    name="toy",
    runtime="docker",
    protocol="json",
    image=sys.argv[1],
    command=(sys.argv[2],),
    args=("-addr", "{host}:{port}"),
)
kinds = DockerKind(session), ProcessKind(session, Path("/"))
servers = [kind.start(spec) for kind in kinds]
print(session.id, servers[1].accounting.pids()[0], flush=True)
time.sleep(3600)
"""


@pytest.fixture
def victim(server_image, server_binary):
    """A process that has started a container and a process, and does not end by itself."""
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, server_image, str(server_binary)],
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        session, pid = victim.stdout.readline().split()
        yield victim, session, int(pid)
        victim.kill()
        victim.wait()
        reap_strays()


@pytest.fixture
def containers_of(engine):
    """Returns the short ids of a session's containers, ended ones included."""
    return lambda session_id: [
        container["Id"][:12]
        for container in engine.client.api.containers(
            all=True, filters={"label": f"{LABEL}={session_id}"}
        )
    ]


def test_the_servers_of_a_killed_session_are_removed_and_those_of_a_living_one_are_not(
    victim, kind, spec, session, containers_of
):
    process, dead_session, pid = victim
    kind.start(spec)
    reap_strays()
    assert len(containers_of(dead_session)) == 1
    assert psutil.pid_exists(pid)

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # Whatever else runs here now may reap them too, so only the end is looked at.
    while containers_of(dead_session) or psutil.pid_exists(pid):
        reap_strays()
    assert len(containers_of(session.id)) == 1


def test_a_container_that_was_created_but_not_started_is_a_stray_too(
    engine, server_image, containers_of
):
    dead = replace(Session.current(), pid=2**22 + 1)
    engine.client.containers.create(server_image, labels=dead.labels())
    while containers_of(dead.id):
        reap_strays()


@pytest.mark.parametrize(
    "labels",
    [
        replace(Session.current(), pid=2**22 + 1, host="another").labels(),
        {LABEL: "of something else"},
    ],
    ids=["of another host", "not ours"],
)
def test_a_container_of_which_nobody_can_be_certain_is_left_alone(
    engine, server_image, labels, containers_of
):
    container = engine.client.containers.create(server_image, labels=labels)
    try:
        reap_strays()
        assert containers_of(labels[LABEL]) == [container.id[:12]]
    finally:
        container.remove()
