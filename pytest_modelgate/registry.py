"""What can be chosen by name: server kinds, protocols, metrics; built in or from other plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from pytest_modelgate.errors import ConfigError, did_you_mean
from pytest_modelgate.metrics import BUILT_IN, Evidence, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_modelgate.config.specs import ServerSpec, Settings
    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.probes.probe import Probe
    from pytest_modelgate.protocols.protocol import HttpProtocol, ProtocolFactory
    from pytest_modelgate.servers.server import ServerKind

Thing = TypeVar("Thing")


class Hooks(Protocol):
    """The hooks of `hookspecs`, as pluggy calls them: one result for each plugin."""

    def pytest_modelgate_server_kinds(
        self, *, settings: Settings
    ) -> Sequence[Mapping[str, ServerKind]]:
        """Collect the server kinds."""

    def pytest_modelgate_protocols(self) -> Sequence[Mapping[str, ProtocolFactory]]:
        """Collect the protocols."""

    def pytest_modelgate_probes(self) -> Sequence[Sequence[Probe]]:
        """Collect the probes."""

    def pytest_modelgate_report(
        self, *, report: Mapping[str, object], settings: Settings
    ) -> Sequence[str]:
        """Hand out the report."""


@dataclass(frozen=True)
class Registry:
    """Everything that the plugins of a session contribute."""

    kinds: Mapping[str, ServerKind]
    protocols: Mapping[str, ProtocolFactory]
    probes: tuple[Probe, ...]
    metrics: Metrics

    @classmethod
    def from_hooks(cls, hooks: Hooks, settings: Settings) -> Registry:
        """Ask every plugin; raises ConfigError where two of them claim one name."""
        probes = tuple(p for group in hooks.pytest_modelgate_probes() for p in group)
        return cls(
            kinds=_merge("server kind", hooks.pytest_modelgate_server_kinds(settings=settings)),
            protocols=_merge("protocol", hooks.pytest_modelgate_protocols()),
            probes=probes,
            metrics=Metrics(_added_metrics(probes)),
        )

    def kind(self, spec: ServerSpec) -> ServerKind:
        """Return what runs this server; raises ConfigError with the nearest valid name."""
        return _choose("runtime", spec.runtime, self.kinds, spec.name)

    def protocol(self, spec: ServerSpec) -> HttpProtocol:
        """Make the protocol this server speaks; raises ConfigError."""
        return _choose("protocol", spec.protocol, self.protocols, spec.name)(spec)


def _merge(what: str, groups: Iterable[Mapping[str, Thing]]) -> dict[str, Thing]:
    merged: dict[str, Thing] = {}
    for group in groups:
        for name, thing in group.items():
            if name in merged:
                raise ConfigError(
                    f"two plugins provide the {what} {name!r}",
                    hint="uninstall one of them, or load it with `-p no:NAME`",
                )
            merged[name] = thing
    return merged


def _added_metrics(probes: Iterable[Probe]) -> list[Metric]:
    added: dict[str, Metric] = {}
    for probe in probes:
        for metric in probe.metrics:
            if metric in BUILT_IN:
                continue
            if metric.name in added or metric.name in {known.name for known in BUILT_IN}:
                raise ConfigError(f"two probes provide the metric {metric.name!r}")
            if metric.evidence is not Evidence.PER_RUN:  # all else rests on more than a value a run
                raise ConfigError(
                    f"the probe's metric {metric.name!r} rests on {metric.evidence.value} evidence",
                    expected="Evidence.PER_RUN: a probe gives one value a run",
                )
            added[metric.name] = metric
    return list(added.values())


def _choose(key: str, name: str, known: Mapping[str, Thing], server: str) -> Thing:
    if name in known:
        return known[name]
    raise ConfigError(
        f"server {server!r}: unknown {key} {name!r}",
        expected="one of " + ", ".join(sorted(known)),
        hint=did_you_mean(name, known),
    )
