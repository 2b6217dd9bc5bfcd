"""What a third party can add. The built-ins come in through the same hooks (`builtin.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.probes.probe import Probe
    from pytest_modelgate.protocols.protocol import ProtocolFactory
    from pytest_modelgate.servers.server import ServerKind

hookspec = pluggy.HookspecMarker("pytest")


@hookspec
def pytest_modelgate_server_kinds(settings: Settings) -> Mapping[str, ServerKind]:  # type: ignore[empty-body]  # a specification
    """Return server kinds by the name that ``runtime = "…"`` gives them."""


@hookspec
def pytest_modelgate_protocols() -> Mapping[str, ProtocolFactory]:  # type: ignore[empty-body]  # a specification
    """Return protocol factories by the name that ``protocol = "…"`` gives them."""


@hookspec
def pytest_modelgate_probes() -> Sequence[Probe]:  # type: ignore[empty-body]  # a specification
    """Return probes: each declares metrics, and reads them around every run's window."""


@hookspec
def pytest_modelgate_report(report: Mapping[str, object], settings: Settings) -> str | None:
    """Write a report of the session wherever it belongs, from the JSON-able ``modelgate-report/1``.

    Called once, at the end, in the controlling process. The text returned is shown in the terminal.
    """
