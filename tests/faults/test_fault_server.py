"""The fault server does what the other tests of this folder take it to do."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tomllib
from typing import TYPE_CHECKING

import docker
import pytest
from fault_project import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fault_project import FaultProject, MakeProject


@pytest.mark.parametrize("arguments", [["vet", "./..."], ["test", "./..."]], ids=lambda a: a[0])
def test_the_fault_server_passes_its_own_checks(
    go: str, go_env: dict[str, str], fault_source: Path, arguments: list[str]
) -> None:
    done = subprocess.run(
        [go, *arguments], cwd=fault_source, env=go_env, capture_output=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_a_project_says_what_the_server_does_wrong(fault_project: MakeProject) -> None:
    project = fault_project("leak", after=3, bytes=1024, for_=2, always={"work": "1ms"})
    args = _server(project)["args"]
    flags = ["--work", "1ms", "--fault", "leak", "--after", "3", "--bytes", "1024", "--for", "2"]
    assert args == ["--http", "{host}:{port}", *flags]
    project.inject(None)
    assert _server(project)["args"] == ["--http", "{host}:{port}", "--work", "1ms"]


def test_a_process_of_the_project_is_found_alive_with_its_child_and_removed(
    fault_project: MakeProject, fault_binary: Path
) -> None:
    project, other = fault_project(), fault_project()
    command = [str(fault_binary), "--http", "127.0.0.1:0", "--fault", "fork"]
    env = {**os.environ, MARKER: project.name}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        while not server.stdout.readline().startswith(b"listening"):
            pass
        alive = project.alive()
        project.remove_leftovers()
    assert [line.startswith("process ") for line in alive] == [True, True]
    assert project.alive() == other.alive() == ()


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.mark.container
def test_a_container_of_the_project_is_found_whatever_its_state_and_removed(
    fault_project: MakeProject, fault_image: str, engine: docker.DockerClient
) -> None:
    project, other = fault_project(runtime="docker"), fault_project(runtime="docker")
    container = engine.containers.create(fault_image, environment={MARKER: project.name})
    assert project.alive() == (f"container {container.name}: created",)
    container.start()
    assert f"container {container.name}: running" in project.alive()
    project.remove_leftovers()
    assert project.alive() == other.alive() == ()


def _server(project: FaultProject) -> dict[str, object]:
    return tomllib.loads((project.path / "modelgate.toml").read_text())["servers"]["toy"]
