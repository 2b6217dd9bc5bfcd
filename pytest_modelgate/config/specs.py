"""The configuration as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Runtime = str
Network = Literal["auto", "host", "bridge"]


@dataclass(frozen=True)
class Mount:
    """A host path shown to the container, read-only."""

    source: Path
    target: str


@dataclass(frozen=True)
class ServerSpec:
    """One ``[tool.modelgate.servers.NAME]`` table; paths are absolute, units are plain numbers.

    Exactly one of image, build, url is set, or command alone; ``command`` may stand beside image or
    build, as what ``runtime = "process"`` runs.
    """

    name: str
    runtime: Runtime  # "docker", "process", "remote", or a plugin's kind
    protocol: str
    image: str | None = None
    build: Path | None = None  # a folder with a Dockerfile
    dockerfile: str = "Dockerfile"
    build_args: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    baseline_command: tuple[str, ...] | None = None  # the released one, run beside ``command``
    url: str | None = None
    args: tuple[str, ...] = ()  # {port} and {host} are filled in by the server kind
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None  # where the server listens, if {port} is not used
    workdir: Path | None = None  # of a process; default: the configuration's folder
    cpus: float | None = None
    memory_bytes: int | None = None
    mounts: tuple[Mount, ...] = ()
    network: Network = "auto"
    read_only: bool = True
    user: str | None = None
    model: str | None = None  # OIP's model name
    ready_timeout_s: float = 60.0
    request_timeout_s: float = 3.0
    live_path: str | None = None  # json: where to ask; OIP has its own
    ready_path: str | None = None
    path: str | None = None  # json: where requests go
    answer: str | None = None  # json: where in the body the answer stands
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadSpec:
    """The load of one run, closed loop: each of ``concurrency`` connections sends, waits, repeats.

    Exactly one of ``requests`` and ``duration_s`` is set.
    """

    concurrency: int = 1
    requests: int | None = 1000
    duration_s: float | None = None
    warmup_requests: int = 50


@dataclass(frozen=True)
class DriftSpec:
    """How answers are compared. None: per-dtype defaults, as torch.testing's table."""

    rtol: float | None = None
    atol: float | None = None
    inputs: int = 64  # compare at most the first so many inputs
    equal_nan: bool = False


@dataclass(frozen=True)
class Settings:
    """The session's settings, after precedence: command line, environment, file, default."""

    root: Path  # the folder of the configuration file, else of the tests asked for
    enabled: bool = False
    update_baseline: bool = False
    json: Path | None = None
    inconclusive: Literal["fail", "warn"] = "fail"
    runtime: Runtime | None = None  # overrides every server's
    runs: int = 5
    baselines: Path = Path("baselines")  # absolute once loaded
    side_by_side: Literal["auto", "always", "never"] = "auto"
    budget_s: float = 60.0  # of a gate, for its rounds side by side
    strict_improvements: bool = False
    servers: Mapping[str, ServerSpec] = field(default_factory=dict)
    thresholds: Mapping[str, str] = field(default_factory=dict)  # metric name → text
