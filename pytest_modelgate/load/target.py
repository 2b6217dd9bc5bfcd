"""Where requests go, and the part of a request that is the same for all of them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Target:
    """An HTTP/1.1 endpoint.

    :ivar host: a name or an address, IPv6 without brackets.
    :ivar path: as it goes on the wire: percent-encoded, with its query.
    :ivar headers: sent as they are; ``Host`` is made here unless given; the length of the body is
        added, and the connection is kept alive.
    """

    host: str
    port: int
    tls: bool = False
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)

    def request_head(self) -> bytes:
        """Return the head of a request up to the value of its last header, Content-Length.

        :raises ConfigError: where a part cannot stand in a head (not ASCII, or with a line break),
            and for headers that say how long the body is.
        """
        named = f"[{self.host}]" if ":" in self.host else self.host
        headers = {"Host": f"{named}:{self.port}"}
        given = {name.title(): value for name, value in self.headers.items()}
        if framing := {"Content-Length", "Transfer-Encoding"} & given.keys():
            raise ConfigError(
                f"the header {min(framing)!r} cannot be set",
                hint="it follows from each request's body; leave it out",
            )
        headers |= given
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        for line in lines:
            if not (line.isascii() and line.isprintable()):
                raise ConfigError(
                    "a request cannot be made of the server's path and headers",
                    expected="printable ASCII; other characters percent-encoded",
                    got=repr(line),
                )
        return "\r\n".join([*lines, "Content-Length: "]).encode()

    def tls_context(self) -> ssl.SSLContext | None:
        """Return how to verify the server: by the system's certificates; None without TLS."""
        return ssl.create_default_context() if self.tls else None
