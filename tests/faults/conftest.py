"""Projects that are served by the fault server, as a process and as a container."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from fault_project import FaultProject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fault_project import MakeProject


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.container)])
def runtime(request: pytest.FixtureRequest) -> str:
    """Each way of running a server."""
    return request.param


@pytest.fixture
def fault_project(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeProject]:
    """Make projects whose server has a fault, and bury what their runs leave.

    ``fault_project("hang", after=20, runtime="docker", marks="…")``
    """
    made: list[FaultProject] = []
    recorded = tmp_path_factory.getbasetemp() / "recorded"
    of_project = [one.name for one in dataclasses.fields(FaultProject)]

    def make(
        fault: str | None = None, *, runtime: str = "process", **arguments: object
    ) -> FaultProject:
        launch: dict[str, object] = (
            {"command": [str(request.getfixturevalue("fault_binary"))]}
            if runtime == "process"
            else {"image": request.getfixturevalue("fault_image"), "memory": "64 MiB"}
        )
        given = {name: arguments.pop(name) for name in of_project if name in arguments}
        path = tmp_path / f"project{len(made)}"
        path.mkdir()
        made.append(FaultProject(path, recorded, launch, fault, arguments, **given))
        return made[-1]

    yield make
    for project in made:
        project.remove_leftovers()
