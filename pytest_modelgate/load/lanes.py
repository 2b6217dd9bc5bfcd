"""All lanes of a closed loop together, and the watch kept over them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

from pytest_modelgate.errors import LoadError, ServerError
from pytest_modelgate.load.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from pytest_modelgate.load.lane import Endpoint
    from pytest_modelgate.load.phase import Phase

TICK_S = 0.1
_STALL_FACTOR = 1.25  # of the timeout: so a request may fail by it, and the next one be answered
_LAST_BREATHS = 5  # ticks in which a death becomes known after the last connection broke


@dataclass
class _Seen:
    """How far a phase had come when it was last looked at."""

    answered_ns: int
    answers: int = 0
    breaks: int = 0


class Lanes:
    """The lanes, each with its connection; made and used inside a running event loop.

    Every ``TICK_S`` they are watched: for requests that have waited too long, for the server's
    death (``death`` returns a sentence then), and for a standstill.
    """

    def __init__(
        self, endpoint: Endpoint, concurrency: int, death: Callable[[], str | None]
    ) -> None:
        self._timeout_s = endpoint.timeout_s
        self._lanes = [Lane(endpoint) for _ in range(concurrency)]
        self._death = death
        self._faults: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(self._on_fault)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for lane in self._lanes:
            lane.close()
        await asyncio.sleep(0)  # in which the event loop closes the sockets

    async def connect(self, phase: Phase) -> None:
        """Open the connections that are not open; one that cannot be opened is a failure."""
        await asyncio.gather(*(lane.connect(phase) for lane in self._lanes))

    async def drive(self, phase: Phase, on_tick: Callable[[], None] = lambda: None) -> None:
        """Send what the phase has to send until nothing is left or the time is over.

        :raises ServerError: with the sentence of ``death``.
        :raises LoadError: when nothing has been answered for longer than the timeout.
        """
        seen = _Seen(perf_counter_ns())
        running = {asyncio.ensure_future(lane.run(phase)) for lane in self._lanes}
        try:
            while running:
                done, running = await asyncio.wait(running, timeout=TICK_S)
                for lane in done:
                    lane.result()
                self._watch(phase, seen, perf_counter_ns())
                on_tick()
        finally:
            for lane in running:
                lane.cancel()
            if running:
                await asyncio.wait(running)

    async def last_breaths(self) -> None:
        """Wait a moment for the death of a server that broke the last connections.

        :raises ServerError: with the sentence of ``death``.
        """
        for _ in range(_LAST_BREATHS):
            if any(lane.broken for lane in self._lanes):
                self._check_alive()
                await asyncio.sleep(TICK_S)

    def _watch(self, phase: Phase, seen: _Seen, now_ns: int) -> None:
        if self._faults:
            raise self._faults[0]
        for lane in self._lanes:
            lane.expire(now_ns)
        # A server that answers lives; and asking may take so long that it would delay an answer.
        if phase.answers == seen.answers or phase.breaks > seen.breaks:
            self._check_alive()
        if phase.answers > seen.answers:
            seen.answered_ns = now_ns
        elif now_ns - seen.answered_ns > _STALL_FACTOR * self._timeout_s * 1e9:
            raise self._standstill(phase)
        seen.answers, seen.breaks = phase.answers, phase.breaks

    def _check_alive(self) -> None:
        if (sentence := self._death()) is not None:
            raise ServerError(sentence)

    def _standstill(self, phase: Phase) -> LoadError:
        return LoadError(
            f"no request was answered for {_STALL_FACTOR * self._timeout_s:g} s: the server hangs",
            expected=f"an answer within {self._timeout_s:g} s",
            got=f"{phase.breaks} requests failed, the last: {phase.last_break}",
            hint="raise request_timeout if such pauses are normal for this server",
        )

    def _on_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        fault = context.get("exception")
        # Not only errors: uvloop hands over an interrupt, too, and would go on.
        if not isinstance(fault, BaseException):
            fault = RuntimeError(str(context["message"]))
        self._faults.append(fault)
