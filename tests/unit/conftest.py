"""The fault server as a process, ready to be driven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.measuring.rig import Rig
from pytest_modelgate.probes.cpu import CpuProbe
from pytest_modelgate.probes.memory import MemoryProbe
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.reports.progress import NoProgress
from pytest_modelgate.servers.owner import Session
from pytest_modelgate.servers.process import ProcessKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Steps(NoProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, text: str) -> None:
        self.said.append(text)

    def done(self) -> None:
        self.said.append("done")


@pytest.fixture
def make_rig(fault_binary: Path, tmp_path: Path) -> Iterator[Any]:
    """Make rigs for the fault server: ``make_rig(fault="hang", after=3)``."""
    kind = ProcessKind(Session.current(), tmp_path)

    def make(*, request_timeout_s: float = 3, ready_timeout_s: float = 10, **flags: object) -> Rig:
        given = [f"--{name.rstrip('_')}={value}" for name, value in flags.items()]
        spec = ServerSpec(
            name="toy",
            runtime="process",
            protocol="oip-http",
            command=(str(fault_binary),),
            args=("--http", "{host}:{port}", *given),
            model="toy",
            request_timeout_s=request_timeout_s,
            ready_timeout_s=ready_timeout_s,
        )
        return Rig(tmp_path, spec, kind, oip_http(spec), (CpuProbe(), MemoryProbe()), Steps())

    yield make
    kind.stop_all()
