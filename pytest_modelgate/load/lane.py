"""One lane of a closed loop: send, wait, repeat, and reconnect where that breaks."""

from __future__ import annotations

import asyncio
import functools
from time import perf_counter_ns
from typing import TYPE_CHECKING

from pytest_modelgate.load.connection import Connection

if TYPE_CHECKING:
    from pytest_modelgate.load.phase import Phase
    from pytest_modelgate.load.target import Target
    from pytest_modelgate.load.workload import Workload

_BACK_OFF_S = (0.01, 0.02, 0.05, 0.1)  # after the first, second … connection in a row that failed
_PREPARED_BYTES = 16 * 1024 * 1024


class Endpoint:
    """What all lanes share: where requests go, and what they are.

    :ivar request: returns the bytes of the request for an input.
    """

    def __init__(self, target: Target, workload: Workload, timeout_s: float) -> None:
        self._target = target
        self._head = target.request_head()
        self._tls = target.tls_context()
        self._body = workload.body
        self.timeout_s = timeout_s
        # Requests are made once where they all fit into little memory, else each time.
        bytes_of_all = workload.size_bytes + len(workload) * (len(self._head) + 100)
        small = bytes_of_all <= _PREPARED_BYTES
        self.request = functools.cache(self._request) if small else self._request

    def _request(self, index: int) -> bytes:
        body = self._body(index)
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    async def connect(self, phase: Phase) -> Connection:
        """Open a connection; raises OSError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(phase), self._target.host, self._target.port, ssl=self._tls
            )
        return connection


class Lane:
    """Sends requests, one after the other, over one connection at a time.

    :ivar broken: why the last request got no answer; None if it was answered.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: Connection | None = None
        self._refusals = 0
        self.broken: str | None = None

    async def run(self, phase: Phase) -> None:
        """Send what the phase, shared with other lanes, has to send, until nothing is left."""
        while perf_counter_ns() < phase.deadline_ns and (index := phase.take()) is not None:
            connection = await self.connect(phase)
            if connection is not None:
                self.broken = await connection.run(phase, index)

    async def connect(self, phase: Phase) -> Connection | None:
        """Return an open connection; None, after a pause, where none can be had: a failure."""
        if self._connection is not None and self._connection.usable:
            return self._connection
        try:
            self._connection = await self._endpoint.connect(phase)
        except OSError as error:
            self.broken = self._why_not_connected(error)
            phase.broken(self.broken)
            await asyncio.sleep(_BACK_OFF_S[min(self._refusals, len(_BACK_OFF_S) - 1)])
            self._refusals += 1
            return None
        self._refusals = 0
        return self._connection

    def _why_not_connected(self, error: OSError) -> str:
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if isinstance(error, TimeoutError):
            return f"no connection within {self._endpoint.timeout_s:g} s"
        return f"cannot connect: {error}"

    def expire(self, now_ns: int) -> None:
        """Give up a request that has waited too long."""
        timeout_s = self._endpoint.timeout_s
        connection = self._connection
        if connection and connection.waiting and now_ns - connection.sent_ns > timeout_s * 1e9:
            connection.fail(f"no answer within {timeout_s:g} s")

    def close(self) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            self._connection.abort()
