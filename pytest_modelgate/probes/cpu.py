"""Processor time per request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ModelgateError, ServerError
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.probes.kernel_files import cgroup_cpu_ns, cgroup_version
from pytest_modelgate.probes.memory_gauges import ELSEWHERE
from pytest_modelgate.probes.process_tree import cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.servers.server import Accounting, RunningServer

PER_REQUEST = "cpu.per_request"


class CpuProbe:
    """Reads the processor time that a server uses in the window, garbage collection included."""

    metrics: Sequence[Metric] = (Metrics()[PER_REQUEST],)

    def attach(self, server: RunningServer) -> CpuReading:
        """Find out where the server's processor time is counted."""
        return CpuReading(server.accounting)


class CpuReading:
    """One server's processor time over one window; see `Reading`."""

    def __init__(self, accounting: Accounting) -> None:
        self.source, self._read_ns = _choose(accounting)
        self._completed: Callable[[], int] = int
        self._began: tuple[int, int] | None = None
        self._unmeasured: dict[str, str] = {}

    def begin(self, completed: Callable[[], int]) -> None:
        """Read where the clock stands."""
        self._completed = completed
        try:
            self._began = (completed(), self._read_ns())
        except ModelgateError as error:
            self._unmeasured[PER_REQUEST] = error.what

    def end(self) -> Mapping[str, float]:
        """Read it again; return seconds per completed request."""
        if self._began is None:
            return {}
        requests_before, before_ns = self._began
        try:
            used_ns = self._read_ns() - before_ns
        except ModelgateError as error:
            self._unmeasured[PER_REQUEST] = error.what
            return {}
        requests = self._completed() - requests_before
        if requests <= 0:
            self._unmeasured[PER_REQUEST] = "no request was completed in the window"
            return {}
        return {PER_REQUEST: used_ns / requests / 1e9}

    def unmeasured(self) -> Mapping[str, str]:
        """Return metric name → why it could not be read."""
        return self._unmeasured


def _choose(accounting: Accounting) -> tuple[str, Callable[[], int]]:
    """Return the name of the best source there is, and what reads ns of processor time from it."""
    if accounting.cpu_cgroup is not None:
        directory = accounting.cpu_cgroup
        return cgroup_version(directory), partial(cgroup_cpu_ns, directory)
    if accounting.engine_cpu_ns is not None:
        return "engine stats API", accounting.engine_cpu_ns
    if accounting.pids():
        return "process times", lambda: cpu_ns(accounting.pids())
    return "none", _nothing_to_read


def _nothing_to_read() -> int:
    raise ServerError(ELSEWHERE)
