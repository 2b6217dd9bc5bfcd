"""The control plane's GET: to poll and to ask with, never to time requests with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_modelgate.servers.server import RunningServer


@dataclass(frozen=True)
class HttpReply:
    """An answer to a control-plane request."""

    status: int
    body: bytes


def base_url(server: RunningServer) -> str:
    """Return the URL that all of a server's paths stand below; IPv6 addresses in brackets."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{'https' if server.tls else 'http'}://{host}:{server.port}"


class HttpGet:
    """GETs paths of one server over one kept connection.

    Use it in a ``with`` block, or close it. No proxy is used, whatever the environment says, and no
    redirect is followed: it is this server that is asked.

    :param timeout_s: how long a single answer may take.
    """

    def __init__(self, server: RunningServer, timeout_s: float = 1.0) -> None:
        self._client = httpx.Client(
            base_url=base_url(server),
            timeout=timeout_s,
            trust_env=False,
            verify=server.tls,  # without TLS nothing is verified, and loading CAs takes 20 ms
        )

    def __call__(self, path: str) -> HttpReply | None:
        """GET a path; None where nobody answered in time, or what answered is not HTTP."""
        try:
            response = self._client.get(path)
        except httpx.RequestError:
            return None
        return HttpReply(response.status_code, response.content)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
