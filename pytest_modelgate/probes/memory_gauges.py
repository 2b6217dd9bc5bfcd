"""The gauges of a server's memory, and which of them a server can be read with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pytest_modelgate.errors import ServerError
from pytest_modelgate.probes.kernel_files import WorkingSet, cgroup_version
from pytest_modelgate.probes.process_tree import ResidentSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.servers.server import Accounting

ELSEWHERE = "the server runs where this machine cannot read what it uses"


class Gauge(Protocol):
    """Something that tells how many bytes are in use."""

    def read_bytes(self) -> int:
        """Return the bytes in use now; raises ModelgateError where they cannot be read."""

    def close(self) -> None:
        """Let go of what it holds open."""


@dataclass(frozen=True)
class EngineGauge:
    """The engine's statistics: a request to the engine each time, which may take a second."""

    read_bytes: Callable[[], int]

    def close(self) -> None:
        """Nothing is held open."""


def choose_gauge(accounting: Accounting) -> tuple[str, Callable[[], Gauge]]:
    """Return the name of the best source there is, and what opens a gauge for it.

    Opening raises ServerError where the server has ended, or where nothing can be read at all.
    """
    if accounting.memory_cgroup is not None:
        directory = accounting.memory_cgroup
        return cgroup_version(directory), partial(WorkingSet, directory)
    if accounting.engine_memory_bytes is not None:
        return "engine stats API", partial(EngineGauge, accounting.engine_memory_bytes)
    if accounting.pids():
        return "process RSS", partial(ResidentSet, accounting.pids)
    return "none", _nothing_to_open


def _nothing_to_open() -> Gauge:
    raise ServerError(ELSEWHERE)
