"""What is needed to run one server and to drive it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.probes.probe import Probe
    from pytest_modelgate.protocols.protocol import HttpProtocol
    from pytest_modelgate.reports.progress import Progress
    from pytest_modelgate.servers.server import ServerKind


@dataclass(frozen=True)
class Rig:
    """A server's specification and everything that works on it.

    :ivar root: the configuration's folder.
    """

    root: Path
    spec: ServerSpec
    kind: ServerKind
    protocol: HttpProtocol
    probes: Sequence[Probe]
    progress: Progress
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep
