"""Two servers under one load, in turns: what slows the machine down slows both.

A pair is a block of requests to one server and then the same block to the other; which of them is
first is a matter of chance. A block has as many requests as the load has connections, all sent at
once: with one connection, one request. While one server is asked, the other idles.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.errors import LoadError
from pytest_modelgate.load.closed_loop import first_reasons, no_garbage_collection, run_in_loop
from pytest_modelgate.load.lane import Endpoint
from pytest_modelgate.load.lanes import Lanes
from pytest_modelgate.load.phase import Phase
from pytest_modelgate.load.recording import Failures, LoadResult, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from random import Random

    import numpy.typing as npt

    from pytest_modelgate.load.closed_loop import Window
    from pytest_modelgate.load.target import Target
    from pytest_modelgate.load.workload import Workload

_HOPELESS_BLOCKS = 3  # in a row without any answer


@dataclass(frozen=True)
class Side:
    """One of the two servers.

    :ivar death: returns a sentence once the server has died.
    :ivar window: makes the context in which the measured requests are sent, see `run_closed_loop`.
    :ivar blame: makes the context of whatever is this server's doing, to explain its errors.
    """

    target: Target
    timeout_s: float
    death: Callable[[], str | None]
    window: Window
    blame: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class PairedLoad:
    """How much is sent to each of the two servers.

    :ivar concurrency: connections to each, and requests in a block.
    :ivar pairs: pairs of blocks.
    """

    concurrency: int
    pairs: int
    warmup_requests: int


@dataclass(frozen=True)
class PairedResult:
    """What came of it.

    :ivar sides: each server's, its ``elapsed_s`` being the time in which it was asked.
    :ivar block_latencies_ns: (pairs, 2), the median latency of each block; NaN where none of its
        requests was answered.
    """

    sides: tuple[LoadResult, LoadResult]
    block_latencies_ns: npt.NDArray[np.float64]


def run_pairs(
    sides: tuple[Side, Side],
    workload: Workload,
    load: PairedLoad,
    *,
    order: Random,
) -> PairedResult:
    """Warm both servers up, then send the pairs. The inputs of a block are the same on both sides.

    :param order: decides which server of a pair is asked first.
    :raises ServerError: with the sentence of a side's ``death``, as soon as there is one.
    :raises LoadError: when a server has left three blocks in a row unanswered.
    """

    async def measure() -> PairedResult:
        async with contextlib.AsyncExitStack() as stack:
            turns = (_Turns(sides[0], workload, load), _Turns(sides[1], workload, load))
            for turn in turns:
                await stack.enter_async_context(turn.lanes)
            for turn in turns:
                await turn.warm_up()
            blocks = np.full((load.pairs, 2), np.nan)
            with _windows(turns):
                begin_ns, begin_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
                for block in blocks:
                    first = order.randrange(2)
                    for index in (first, 1 - first):
                        block[index] = await turns[index].block()
                elapsed_ns = time.perf_counter_ns() - begin_ns
                cpu_share = (time.thread_time_ns() - begin_cpu_ns) / elapsed_ns
            for turn in turns:
                with turn.side.blame():
                    await turn.lanes.last_breaths()
            return PairedResult((turns[0].result(cpu_share), turns[1].result(cpu_share)), blocks)

    return run_in_loop(measure)


@contextlib.contextmanager
def _windows(turns: Iterable[_Turns]) -> Iterator[None]:
    """Open the measuring windows of both servers."""
    with contextlib.ExitStack() as stack:
        for turn in turns:
            stack.enter_context(turn.side.window(turn.recording.__len__))
        stack.enter_context(no_garbage_collection())
        yield


class _Turns:
    """One server's turns."""

    def __init__(self, side: Side, workload: Workload, load: PairedLoad) -> None:
        endpoint = Endpoint(side.target, workload, side.timeout_s)
        self.side = side
        self.lanes = Lanes(endpoint, load.concurrency, side.death)
        self._load = load
        self._failures, self._warmup_failures = Failures(), Failures()
        self.recording = Recording(self._failures)
        self._warmup = Recording(self._warmup_failures)
        self._warmup_questions = endpoint.questions(load.warmup_requests)
        self._questions = endpoint.questions(load.pairs * load.concurrency)
        self._elapsed_ns = 0
        self._unanswered = 0

    async def warm_up(self) -> None:
        """Send the warm-up, and open the connections that it did not."""
        with self.side.blame():
            phase = Phase(self._warmup_questions, self._warmup)
            await self.lanes.drive(phase)
            await self.lanes.connect(phase)

    async def block(self) -> float:
        """Send a block; return its median latency in ns, NaN where nothing was answered."""
        before = len(self.recording)
        questions = itertools.islice(self._questions, self._load.concurrency)
        begin_ns = time.perf_counter_ns()
        with self.side.blame():
            await self.lanes.drive(Phase(questions, self.recording))
        self._elapsed_ns += time.perf_counter_ns() - begin_ns
        latencies_ns = self.recording.latencies_since_ns(before)
        self._unanswered = 0 if len(latencies_ns) else self._unanswered + 1
        if self._unanswered >= _HOPELESS_BLOCKS:
            with self.side.blame():
                raise LoadError(
                    f"{_HOPELESS_BLOCKS} blocks of requests in a row were not answered",
                    got=self._failures.examples[-1] if self._failures.examples else None,
                )
        return float(np.median(latencies_ns)) if len(latencies_ns) else float("nan")

    def result(self, client_cpu_share: float) -> LoadResult:
        """Return what came of all blocks."""
        return LoadResult(
            latencies_ns=self.recording.latencies_ns(),
            failures=self._failures.count,
            failure_examples=first_reasons(
                self._failures.examples + self._warmup_failures.examples
            ),
            elapsed_s=self._elapsed_ns / 1e9,
            client_cpu_share=client_cpu_share,
            answers=self.recording.answers(),
            warmup_answers=self._warmup.answers(),
            warmup_requests=self._load.warmup_requests,
            warmup_failures=self._warmup_failures.count,
        )
