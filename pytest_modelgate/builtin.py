"""The built-in server kinds, protocols, probes and reports, through the hooks that plugins use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from pytest_modelgate.probes.cpu import CpuProbe
from pytest_modelgate.probes.memory import MemoryProbe
from pytest_modelgate.protocols.json_http import json_http
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.reports.json_report import write_json_report
from pytest_modelgate.servers.docker import DockerKind
from pytest_modelgate.servers.owner import Session
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.remote import RemoteKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.probes.probe import Probe
    from pytest_modelgate.protocols.protocol import ProtocolFactory
    from pytest_modelgate.servers.server import ServerKind

hookimpl = pluggy.HookimplMarker("pytest")


@hookimpl
def pytest_modelgate_server_kinds(settings: Settings) -> Mapping[str, ServerKind]:
    """Containers, plain processes, and servers that run already."""
    session = Session.current()
    return {
        "docker": DockerKind(session),
        "process": ProcessKind(session, settings.root),
        "remote": RemoteKind(),
    }


@hookimpl
def pytest_modelgate_protocols() -> Mapping[str, ProtocolFactory]:
    """Open Inference Protocol v2 over HTTP, and any JSON over HTTP."""
    return {"oip-http": oip_http, "json": json_http}


@hookimpl
def pytest_modelgate_probes() -> Sequence[Probe]:
    """CPU time last, and so ended first: memory takes a rest at its end that CPU must not count."""
    return (MemoryProbe(), CpuProbe())


@hookimpl
def pytest_modelgate_report(report: Mapping[str, object], settings: Settings) -> str | None:
    """Write the JSON report where one is asked for."""
    return write_json_report(report, settings.json) if settings.json else None
