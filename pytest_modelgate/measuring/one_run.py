"""One run: a fresh server, started, asked, warmed up, driven for one window, stopped."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError, LoadError, ProtocolError, ServerError
from pytest_modelgate.measuring.driver import Driver
from pytest_modelgate.runs import Run
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.http_get import HttpGet
from pytest_modelgate.stats.sketch import LatencySketch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.load.recording import LoadResult
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.answer_book import AnswerBook
    from pytest_modelgate.measuring.driver import Asked
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.probes.probe import Probe, Reading
    from pytest_modelgate.servers.server import RunningServer, StartPhases

CLIENT_BOUND_SHARE = 0.9
"""Above this share of a core the client, not the server, sets the pace."""

MOST_EXAMPLES = 5
"""So many different failures are quoted."""


@dataclass(frozen=True)
class RunOutcome:
    """A run, and what is known of its server.

    :ivar early_failures: why requests failed before the first that was answered.
    """

    run: Run
    early_failures: tuple[str, ...]
    image_bytes: int | None
    conditions: Mapping[str, str]
    provenance: Mapping[str, str]
    log: tuple[str, ...]


@contextlib.contextmanager
def fresh_server(rig: Rig) -> Iterator[tuple[RunningServer, StartPhases]]:
    """Start a server, wait until it is ready, and stop it in the end."""
    began = rig.clock()
    server = rig.kind.start(rig.spec)
    try:
        with _control_plane(rig, server) as get:
            phases = await_ready(
                server,
                lambda: rig.protocol.is_live(get),
                lambda: rig.protocol.is_ready(get),
                timeout_s=rig.spec.ready_timeout_s,
                began_s=began,
                clock=rig.clock,
                sleep=rig.sleep,
            )
        yield server, phases
    finally:
        server.stop()


def _control_plane(rig: Rig, server: RunningServer) -> HttpGet:
    return HttpGet(server, timeout_s=max(1.0, rig.spec.request_timeout_s))


def one_run(
    rig: Rig, load: LoadSpec, percentiles: Sequence[str], workload: Workload, book: AnswerBook
) -> RunOutcome:
    """Make one run.

    :param percentiles: which ``latency.pNN`` to read, as "99.9".
    :raises ModelgateError: with the server's last log lines where it had a part in it.
    """
    with fresh_server(rig) as (server, phases), _explained(server):
        driver = Driver(rig, server, workload)
        first_answer_s, first_body, early_failures = driver.first_answer(phases)
        if book.contract is None:
            with _control_plane(rig, server) as get:
                book.contract = rig.protocol.contract(get)
        book.add(0, first_body)
        asked = driver.ask_each(book, range(1, book.keep))
        readings = [probe.attach(server) for probe in rig.probes]
        startup = {
            "startup.live": phases.live_s,
            "startup.ready": phases.ready_s,
            "startup.first_answer": first_answer_s,
        }
        values = dict(startup) if server.is_fresh else {}
        result = driver.drive(load, _window(rig.probes, readings, values))
        driver.expect_alive()
        result = book.check(result)
        unmeasured = {name: why for r in readings for name, why in r.unmeasured().items()}
        if not server.is_fresh:
            unmeasured |= dict.fromkeys(startup, "the server was running already")
        return RunOutcome(
            run=_as_run(result, asked, percentiles, values, unmeasured),
            early_failures=early_failures,
            image_bytes=server.image_bytes,
            conditions={**server.conditions, **_sources(readings)},
            provenance=server.provenance,
            log=server.log_tail(),
        )


def _sources(readings: Sequence[Reading]) -> dict[str, str]:
    """Return where the probes read, which is part of the conditions."""
    sources = dict.fromkeys(reading.source for reading in readings if reading.source)
    return {"accounting": ", ".join(sources)}


def _window(
    probes: Sequence[Probe], readings: Sequence[Reading], values: dict[str, float]
) -> Callable[[Callable[[], int]], AbstractContextManager[object]]:
    """Make the context that has the probes read exactly around the measuring window."""

    @contextlib.contextmanager
    def opened(completed: Callable[[], int]) -> Iterator[None]:
        # Whatever one of them raises, the others that have begun are ended.
        with contextlib.ExitStack() as begun:
            for probe, reading in zip(probes, readings, strict=True):
                reading.begin(completed)
                begun.callback(_take, probe, reading, values)
            yield

    return opened


def _take(probe: Probe, reading: Reading, values: dict[str, float]) -> None:
    values.update(_probed(probe, reading.end()))


def _probed(probe: Probe, values: Mapping[str, float]) -> dict[str, float]:
    """Return what a probe read, as floats: it may be anything that numpy has, or a whole number."""
    declared = [metric.name for metric in probe.metrics]
    if unknown := sorted(values.keys() - set(declared)):
        raise ConfigError(
            f"{type(probe).__name__} read {unknown[0]!r}, which it does not declare",
            expected=f"one of {', '.join(declared)}",
            hint="name every metric in the probe's metrics",
        )
    try:
        return {name: float(value) for name, value in values.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{type(probe).__name__} read what is no number",
            expected="metric name → number",
            got=repr(dict(values)),
        ) from error


def _as_run(
    result: LoadResult,
    asked: Asked,
    percentiles: Sequence[str],
    probed: Mapping[str, float],
    unmeasured: Mapping[str, str],
) -> Run:
    """Put a run's numbers together; what does not exist as a finite number says why."""
    answered = len(result.latencies_ns)
    failures = result.failures + result.warmup_failures + len(asked.failures)
    before = result.warmup_requests + asked.answered + len(asked.failures)
    requests = answered + result.failures + before
    latencies = LatencySketch.from_latencies_ns(result.latencies_ns, result.failures)
    values = {**probed, "errors.rate": failures / requests}
    reasons = dict(unmeasured)
    paced = {f"latency.p{p}": latencies.quantile_s(float(p) / 100) for p in percentiles}
    if answered:
        paced["latency.mean"] = latencies.mean_s
        paced["throughput"] = answered / result.elapsed_s
    for name, value in paced.items():
        if result.client_cpu_share > CLIENT_BOUND_SHARE:
            reasons[name] = (
                f"client-bound: the load generator used {result.client_cpu_share:.0%} of its core; "
                "use fewer connections, or a machine with more cores"
            )
        elif not math.isfinite(value):
            reasons[name] = "falls among the failed requests, which count as infinitely slow"
        else:
            values[name] = value
    examples = tuple(dict.fromkeys([*result.failure_examples, *asked.failures]))[:MOST_EXAMPLES]
    return Run(values, requests, failures, latencies, examples, reasons)


@contextlib.contextmanager
def _explained(server: RunningServer) -> Iterator[None]:
    """Add what the server has to say for itself to an error that does not have it yet."""
    try:
        yield
    except (ServerError, LoadError, ProtocolError) as error:
        ended = server.exit()
        error.hint = error.hint or (ended.hint if ended else None)
        error.log = error.log or server.log_tail()
        raise
