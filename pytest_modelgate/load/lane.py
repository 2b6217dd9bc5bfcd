"""One lane of a closed loop: send, wait, repeat, and reconnect where that breaks."""

from __future__ import annotations

import asyncio
import itertools
from time import perf_counter_ns
from typing import TYPE_CHECKING

from pytest_modelgate.load.connection import Connection
from pytest_modelgate.load.phase import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modelgate.load.phase import Phase
    from pytest_modelgate.load.target import Target
    from pytest_modelgate.load.workload import Workload

_BACK_OFF_S = (0.01, 0.02, 0.05, 0.1)  # after the first, second … connection in a row that failed
_PREPARED_BYTES = 16 * 1024 * 1024


class Endpoint:
    """What all lanes share: where requests go, and what they are."""

    def __init__(self, target: Target, workload: Workload, timeout_s: float) -> None:
        self._target = target
        self._head = target.request_head()
        self._tls = target.tls_context()
        self._workload = workload
        self.timeout_s = timeout_s

    def question(self, index: int) -> Question:
        """Return an input as it is sent."""
        body = self._workload.body(index)
        return Question(index, b"%b%d\r\n\r\n%b" % (self._head, len(body), body))

    def questions(self, requests: int | None) -> Iterator[Question]:
        """Return so many questions, None: without end; each input in turn, again and again.

        They are made once where all of them fit into little memory, else each time.
        """
        inputs = len(self._workload)
        if self._workload.size_bytes + inputs * (len(self._head) + 200) <= _PREPARED_BYTES:
            return itertools.islice(itertools.cycle(map(self.question, range(inputs))), requests)
        numbers = itertools.count() if requests is None else range(requests)
        return (self.question(number % inputs) for number in numbers)

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
        for question in phase.questions:
            connection = await self.connect(phase)
            if connection is not None:
                self.broken = await connection.run(phase, question)
            if perf_counter_ns() >= phase.deadline_ns:
                break

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
