"""Closed-loop load: a number of connections, each of which sends, waits, repeats.

Nothing is dropped in silence: every request that was sent is either answered or a failure with a
reason. Decisions that show in the numbers:

- A lost connection is reopened, and opening it is in no request's latency; a server that closes
  after every answer pays for that in throughput, as with any client.
- A connection that the server closes while a request is on its way is a failure. Clients in
  production often repeat such a request; a measurement must not hide it.
- When a window of fixed duration ends, requests on their way are waited for and count; dropping
  them would drop the slow ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import time
from typing import TYPE_CHECKING, TypeVar

from pytest_modelgate.errors import LoadError
from pytest_modelgate.load.lane import Endpoint
from pytest_modelgate.load.lanes import TICK_S, Lanes
from pytest_modelgate.load.phase import Phase
from pytest_modelgate.load.recording import (
    FAILURE_EXAMPLES,
    Failures,
    LoadResult,
    Outcomes,
    Recording,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from contextlib import AbstractContextManager

    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.load.phase import Question
    from pytest_modelgate.load.recording import Failure
    from pytest_modelgate.load.target import Target
    from pytest_modelgate.load.workload import Workload

    Window = Callable[[Callable[[], int]], AbstractContextManager[object]]

T = TypeVar("T")

_PROGRESS_TICKS = round(1 / TICK_S)  # drawing takes milliseconds, in which no answer is read


def _unknown() -> str | None:
    return None


def _silent(_answered: int, _failed: int) -> None:
    """Tell nobody."""


def run_closed_loop(
    target: Target,
    workload: Workload,
    load: LoadSpec,
    *,
    timeout_s: float,
    death: Callable[[], str | None] = _unknown,
    window: Window = contextlib.nullcontext,
    on_progress: Callable[[int, int], None] = _silent,
) -> LoadResult:
    """Warm the server up, then send the window's requests, request i with input i mod their number.

    The warm-up uses the same connections. Its latencies are discarded, its failures counted apart.

    :param timeout_s: a request without an answer by then (looked at every 0.1 s) has failed.
    :param death: returns a sentence once the server has died. Asked every 0.1 s, but only while
        requests fail or nothing is answered.
    :param window: makes the context in which the window's requests are sent, so that probes begin
        when it is entered and end when it is left. Its argument tells, on any thread, how many
        requests of the window have been answered so far.
    :param on_progress: is told once a second how many were answered, and how many failed.
    :raises ServerError: with the sentence of ``death``, as soon as there is one.
    :raises LoadError: when nothing at all was answered for 1.25 × ``timeout_s``.
    """

    async def measure() -> LoadResult:
        failures, warmup_failures = Failures(), Failures()
        recording = Recording(failures)
        endpoint = Endpoint(target, workload, timeout_s)
        warmup_recording = Recording(warmup_failures)
        warmup = Phase(endpoint.questions(load.warmup_requests), warmup_recording)
        measured = Phase(endpoint.questions(load.requests), recording)
        ticks = itertools.count(1)

        def on_tick() -> None:
            if next(ticks) % _PROGRESS_TICKS == 0:
                on_progress(len(recording), failures.count)

        async with Lanes(endpoint, load.concurrency, death) as lanes:
            await lanes.drive(warmup)
            await lanes.connect(measured)
            with window(recording.__len__), no_garbage_collection():
                begin_ns, begin_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
                if load.duration_s is not None:
                    measured.stop_after(load.duration_s)
                await lanes.drive(measured, on_tick)
                elapsed_ns = time.perf_counter_ns() - begin_ns
                cpu_ns = time.thread_time_ns() - begin_cpu_ns
            await lanes.last_breaths()
        return LoadResult(
            latencies_ns=recording.latencies_ns(),
            failures=failures.count,
            failure_examples=first_reasons(failures.examples + warmup_failures.examples),
            elapsed_s=elapsed_ns / 1e9,
            client_cpu_share=cpu_ns / elapsed_ns,
            answers=recording.answers(),
            warmup_answers=warmup_recording.answers(),
            warmup_requests=load.warmup_requests,
            warmup_failures=warmup_failures.count,
        )

    return run_in_loop(measure)


def send_each(
    target: Target,
    workload: Workload,
    indices: Iterable[int],
    *,
    timeout_s: float,
    death: Callable[[], str | None] = _unknown,
) -> list[bytes | Failure]:
    """Send these inputs once each, one after the other; return the answers in the same order.

    Where more than an answer came, the request has failed: bytes follow that nobody asked for.

    :raises ServerError: with the sentence of ``death``, as soon as there is one.
    :raises LoadError: when nothing at all was answered for 1.25 × ``timeout_s``.
    """
    outcomes = Outcomes()
    before: list[int] = []  # for each request, how many outcomes there were when it was taken

    def taken(endpoint: Endpoint) -> Iterator[Question]:
        for index in indices:
            before.append(len(outcomes.all))
            yield endpoint.question(index)

    async def send() -> None:
        endpoint = Endpoint(target, workload, timeout_s)
        async with Lanes(endpoint, 1, death) as lane:
            await lane.drive(Phase(taken(endpoint), outcomes))

    run_in_loop(send)
    after = [*before, len(outcomes.all)][1:]
    return [outcomes.all[end - 1] for end in after]


def run_in_loop(main: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine in an event loop of its own; raises LoadError inside of another one."""
    if _inside_event_loop():
        raise LoadError(
            "a load cannot be driven from inside a running event loop",
            hint="make the test a plain function, not a coroutine",
        )
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        return runner.run(main())


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows, PyPy: slower, and no less right
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def first_reasons(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first few distinct ones."""
    return tuple(dict.fromkeys(reasons))[:FAILURE_EXAMPLES]


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep pauses of this process out of the latencies; pytest's heap takes tens of ms to walk."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
