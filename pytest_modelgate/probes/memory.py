"""Memory: idle, peak, after the load, and growth per request."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.probes.growth import growth_bytes_per_request
from pytest_modelgate.probes.kernel_files import high_water_bytes
from pytest_modelgate.probes.memory_gauges import choose_gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.probes.memory_gauges import Gauge
    from pytest_modelgate.servers.server import Accounting, RunningServer

IDLE, PEAK, AFTER, GROWTH = "memory.idle", "memory.peak", "memory.after", "memory.growth"

_SHORTEST_PAUSE_S = 0.01
_PAUSE_PER_COST = 100  # sampling takes 1 % of a core at most, however dear a sample is
_READINGS_AT_REST = 5
_LONGEST_REST_S = 0.2  # a dear gauge (an engine's statistics may take a second) is read once only


class MemoryProbe:
    """Reads a server's memory.

    In a container of a local engine: its control group's working set (usage minus inactive file
    cache), and for the peak its processes' high-water marks too. A plain process: the resident set
    of its processes, which includes what they have mapped and share. A container elsewhere: the
    engine's stats API, which has no high-water mark.
    """

    metrics: Sequence[Metric] = tuple(Metrics()[name] for name in (IDLE, PEAK, AFTER, GROWTH))

    def attach(self, server: RunningServer) -> MemoryReading:
        """Read what the server uses while idle."""
        return MemoryReading(server.accounting)


class MemoryReading:
    """One server's memory around one window; see `Reading`."""

    def __init__(
        self,
        accounting: Accounting,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.source, self._open_gauge = choose_gauge(accounting)
        self._pids = accounting.pids
        self._clock = clock
        self._sleep = sleep
        self._sampler: _Sampler | None = None
        self._values: dict[str, float] = {}
        self._unmeasured: dict[str, str] = {}
        self._read_at_rest(IDLE)

    def begin(self, completed: Callable[[], int]) -> None:
        """Begin to sample."""
        try:
            gauge = self._open_gauge()
        except ModelgateError as error:
            self._unmeasured |= {PEAK: error.what, GROWTH: error.what}
        else:
            self._sampler = _Sampler(gauge, completed)

    def end(self) -> Mapping[str, float]:
        """Stop sampling; return what could be measured."""
        samples, failure = self._sampler.stop() if self._sampler else ([], None)
        self._read_at_rest(AFTER)
        if failure is not None:
            self._unmeasured |= {PEAK: failure, GROWTH: failure}
        elif samples:
            in_window = (used for _, used in samples)
            # With idle and after, so that no peak is ever below either.
            self._values[PEAK] = max(
                *in_window, *self._values.values(), high_water_bytes(self._pids())
            )
            self._set_growth(samples)
        return self._values

    def unmeasured(self) -> Mapping[str, str]:
        """Return metric name → why it could not be read."""
        return self._unmeasured

    def _set_growth(self, samples: list[tuple[int, int]]) -> None:
        growth = growth_bytes_per_request(samples)
        if growth is None:
            self._unmeasured[GROWTH] = (
                f"the window was too short for it: {len(samples)} samples; send more requests"
            )
        else:
            self._values[GROWTH] = growth

    def _read_at_rest(self, name: str) -> None:
        """Set a metric to the median of a few readings."""
        until_s = self._clock() + _LONGEST_REST_S
        try:
            with contextlib.closing(self._open_gauge()) as gauge:
                readings = [gauge.read_bytes()]
                while len(readings) < _READINGS_AT_REST and self._clock() < until_s:
                    self._sleep(_SHORTEST_PAUSE_S)
                    readings.append(gauge.read_bytes())
        except ModelgateError as error:
            self._unmeasured[name] = error.what
        else:
            self._values[name] = statistics.median(readings)


class _Sampler:
    """A thread that reads a gauge, each time beside the number of requests completed."""

    def __init__(self, gauge: Gauge, completed: Callable[[], int]) -> None:
        self._gauge = gauge
        self._completed = completed
        self._samples: list[tuple[int, int]] = []
        self._failure: str | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modelgate-memory", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[list[tuple[int, int]], str | None]:
        """Take a last sample; return all (requests completed, bytes), and what went wrong."""
        self._is_over.set()
        self._thread.join()
        self._gauge.close()
        return self._samples, self._failure

    def _run(self) -> None:
        is_last = False
        while not is_last and self._failure is None:
            is_last = self._is_over.is_set()
            self._is_over.wait(self._sample())

    def _sample(self) -> float:
        """Sample once; return for how long to pause then."""
        # The thread's own time, for waiting for the interpreter costs nobody anything.
        began_s = time.thread_time()
        try:
            self._samples.append((self._completed(), self._gauge.read_bytes()))
        except Exception as error:  # noqa: BLE001 - a thread that just ends leaves a peak too low
            self._failure = error.what if isinstance(error, ModelgateError) else repr(error)
        return max(_SHORTEST_PAUSE_S, _PAUSE_PER_COST * (time.thread_time() - began_s))
