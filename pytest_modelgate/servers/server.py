"""What a running server is to the rest of the plugin, and what a server kind must provide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_modelgate.config.specs import ServerSpec


@dataclass(frozen=True)
class Exit:
    """How a server ended.

    :ivar code: negative for a signal, as in subprocess; None where nobody knows.
    :ivar out_of_memory: whether the kernel killed it, or a part of it, for its memory limit.
    """

    code: int | None
    out_of_memory: bool = False

    @property
    def hint(self) -> str | None:
        """What to do about it, where that is known."""
        return "give it more memory" if self.out_of_memory else None

    def __str__(self) -> str:
        if self.out_of_memory:
            return "killed for exceeding its memory limit"
        if self.code is not None and self.code < 0:
            return f"killed by signal {-self.code}"
        if self.code is None:
            return "gone, and nobody knows why"
        return f"exit {self.code}"


@dataclass(frozen=True)
class Accounting:
    """Where the kernel keeps account of the server; empty where it runs on another machine.

    :ivar memory_cgroup: the directory with memory.usage_in_bytes (v1) or memory.current (v2).
    :ivar cpu_cgroup: the directory with cpuacct.usage (v1) or cpu.stat (v2).
    :ivar pids: returns the server's processes as this machine numbers them.
    :ivar engine_memory_bytes: asks a remote engine's stats API; None where files are at hand.
    :ivar engine_cpu_ns: likewise, total CPU time used.
    """

    memory_cgroup: Path | None = None
    cpu_cgroup: Path | None = None
    pids: Callable[[], tuple[int, ...]] = tuple
    engine_memory_bytes: Callable[[], int] | None = None
    engine_cpu_ns: Callable[[], int] | None = None


class RunningServer(Protocol):
    """A server that was created, whether or not it answers yet."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def host(self) -> str:
        """Where it is reached, with `port`."""

    @property
    def port(self) -> int:
        """See `host`; 0 where it ended before the engine could say."""

    @property
    def tls(self) -> bool:
        """Whether requests go through TLS."""

    @property
    def network(self) -> str:
        """The path requests take: "loopback", "host-loopback", "docker-proxy" or "remote"."""

    @property
    def provenance(self) -> Mapping[str, str]:
        """What is served: image reference, digest, command …"""

    @property
    def conditions(self) -> Mapping[str, str]:
        """What the engine and the configuration impose: engine, network, cpus, memory."""

    @property
    def is_fresh(self) -> bool:
        """Whether `ServerKind.start` created it; false where it was running already.

        Of a server that is not fresh, the time until it answers says nothing about its start.
        """

    @property
    def image_bytes(self) -> int | None:
        """The size of its image, None where it has none."""

    @property
    def accounting(self) -> Accounting:
        """Where the kernel keeps account of it."""

    def exit(self) -> Exit | None:
        """Return how the server ended, None while it lives (or where nobody can know)."""

    def log_tail(self, lines: int = 50) -> tuple[str, ...]:
        """Return the last lines of stdout and stderr, oldest first."""

    def stop(self) -> None:
        """Stop the server and remove every trace of it; calling it again does nothing."""


class ServerKind(Protocol):
    """One way of running servers: docker, process, remote, or a plugin's own."""

    def prepare(self, spec: ServerSpec) -> None:
        """Do once a session what need not be timed: reach the engine, build the image."""

    def start(self, spec: ServerSpec) -> RunningServer:
        """Start a fresh server and return at once, before it answers."""

    def stop_all(self) -> None:
        """Stop every server of this kind that still runs; calling it again does nothing."""


@dataclass(frozen=True)
class StartPhases:
    """Seconds from the call that created the server to each state it reached."""

    live_s: float
    ready_s: float
