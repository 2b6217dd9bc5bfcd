"""What lives as long as the pytest session: settings, plugins' parts, the shared error rate."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import Timeout

from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.config.server_table import with_runtime
from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.locks import lock_of
from pytest_modelgate.measuring.rig import Rig
from pytest_modelgate.stats.sharing import per_metric_alpha
from pytest_modelgate.verdict import statistical_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.registry import Registry
    from pytest_modelgate.reports.progress import Progress

BUILD_ALPHA = 0.01
"""False alarms a build, all metrics of all gates together."""

MACHINE_TIMEOUT_S = 3600
"""So long a measurement waits for others; more is a process that hangs or was suspended."""


class GateSession:
    """The gates' common ground."""

    def __init__(self, settings: Settings, registry: Registry, progress: Progress) -> None:
        self.settings = settings
        self.registry = registry
        self.progress = progress
        self.store = BaselineStore(settings.baselines)
        self.alpha = BUILD_ALPHA

    def share_error_rate(self, specs: Iterable[GateSpec]) -> None:
        """Give each of the session's statistical metrics its part of the false alarms."""
        strict = self.settings.strict_improvements
        metrics = sum(
            statistical_metrics(self.registry.metrics, spec.thresholds, strict=strict)
            for spec in specs
        )
        self.alpha = per_metric_alpha(BUILD_ALPHA, max(metrics, 1))

    def rig(self, server: str) -> Rig:
        """Return what is needed to run and drive a server; raises ConfigError."""
        spec = with_runtime(self.settings.servers[server], self.settings.runtime)
        return Rig(
            root=self.settings.root,
            spec=spec,
            kind=self.registry.kind(spec),
            protocol=self.registry.protocol(spec),
            probes=self.registry.probes,
            progress=self.progress,
        )

    @contextlib.contextmanager
    def machine(self) -> Iterator[None]:
        """Have the machine to oneself among the servers that this user's sessions run.

        Two xdist workers that measure at once would measure each other.

        :raises ModelgateError: where others have kept it for longer than they should.
        """
        lock = lock_of("machine")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            self.progress.step("waiting for another measurement to end")
            try:
                lock.acquire(timeout=MACHINE_TIMEOUT_S)
            except Timeout as error:
                raise ModelgateError(
                    f"another measurement has not ended for {MACHINE_TIMEOUT_S / 60:.0f} minutes",
                    hint=f"end the pytest that holds {lock.lock_file}",
                ) from error
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """Stop every server that still runs."""
        with contextlib.ExitStack() as stack:  # whose callbacks all run, even if one raises
            for kind in self.registry.kinds.values():
                stack.callback(kind.stop_all)
