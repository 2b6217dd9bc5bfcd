"""What a probe must provide: metrics that are read from the server around a measuring window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.servers.server import RunningServer


class Reading(Protocol):
    """One probe at work on one server."""

    source: str
    """Where its values are read, as "cgroup v2": one of the conditions, for two sources do not
    measure quite the same. Empty where there is only one."""

    def begin(self, completed: Callable[[], int]) -> None:
        """Open the window; ``completed()`` tells how many requests have been answered so far."""

    def end(self) -> Mapping[str, float]:
        """Close the window; return metric name → value in the metric's unit."""

    def unmeasured(self) -> Mapping[str, str]:
        """Return metric name → why it could not be read."""


class Probe(Protocol):
    """A source of metrics."""

    metrics: Sequence[Metric]

    def attach(self, server: RunningServer) -> Reading:
        """Attach to a server that has just answered its first request and is idle."""
