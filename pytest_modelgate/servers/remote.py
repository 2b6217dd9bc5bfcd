"""Servers that run already, anywhere: nothing to start, to stop or to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.servers.server import Accounting, Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.config.specs import ServerSpec

_PORTS = {"http": 80, "https": 443}
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class RemoteServer:
    """A server at a URL; see `RunningServer`."""

    name: str
    host: str
    port: int
    tls: bool
    network: str
    provenance: Mapping[str, str]
    conditions: Mapping[str, str]
    is_fresh: bool = False
    image_bytes: int | None = None
    accounting: Accounting = field(default_factory=Accounting)

    def exit(self) -> Exit | None:
        """Return None: nobody can know."""
        return None

    def log_tail(self, lines: int = 50) -> tuple[str, ...]:  # noqa: ARG002 - the seam's signature
        """Return nothing: its log is elsewhere."""
        return ()

    def stop(self) -> None:
        """Leave it running: somebody else started it."""


class RemoteKind:
    """Servers given by ``url = "http://host:port"``."""

    def prepare(self, spec: ServerSpec) -> None:
        """Check the URL; raises ConfigError."""
        self.start(spec)

    def start(self, spec: ServerSpec) -> RemoteServer:
        """Return the server at the URL.

        :raises ConfigError: for a URL that is more than scheme, host and port.
        """
        parts = urlsplit(spec.url or "")
        has_more = parts.path not in ("", "/") or parts.query or parts.username is not None
        if parts.scheme not in _PORTS or not parts.hostname or has_more:
            raise ConfigError(
                f"server {spec.name!r}: the url {spec.url!r} cannot be used",
                expected="http://host:port or https://host:port, and no path",
                hint='the protocol knows the paths; "json" has path, live_path and ready_path',
            )
        network = "loopback" if parts.hostname in _HERE else "remote"
        url = f"{parts.scheme}://{parts.netloc}"  # without user and password: refused above
        return RemoteServer(
            name=spec.name,
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "https",
            network=network,
            provenance={"url": url},
            conditions={
                "engine": "none: it was running already",
                "url": url,  # two hosts are two machines, of which nothing else is known
                "network": network,
                "cpus": "unknown",
                "memory": "unknown",
            },
        )

    def stop_all(self) -> None:
        """Leave every server running."""
