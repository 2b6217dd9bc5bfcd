"""One run: a fresh server, started, asked, warmed up, driven for one window, stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.measuring.started import started
from pytest_modelgate.runs import Run
from pytest_modelgate.stats.sketch import LatencySketch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.load.recording import LoadResult
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.answer_book import AnswerBook
    from pytest_modelgate.measuring.driver import Asked
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.measuring.started import Started
    from pytest_modelgate.probes.probe import Reading

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


def one_run(
    rig: Rig, load: LoadSpec, percentiles: Sequence[str], workload: Workload, book: AnswerBook
) -> RunOutcome:
    """Make one run.

    :param percentiles: which ``latency.pNN`` to read, as "99.9".
    :raises ModelgateError: with the server's last log lines where it had a part in it.
    """
    with started(rig, workload, book) as one, one.explained():
        result = one.driver.drive(load, one.window)
        run = run_of(one, book, result, percentiles)
        server = one.server
        return RunOutcome(
            run=run,
            early_failures=one.early_failures,
            image_bytes=server.image_bytes,
            conditions={**server.conditions, **_sources(one.readings)},
            provenance=server.provenance,
            log=server.log_tail(),
        )


def run_of(one: Started, book: AnswerBook, result: LoadResult, percentiles: Sequence[str]) -> Run:
    """Return the run of a server that has been driven.

    :raises ServerError: if it has ended meanwhile: then its answers were not all its own.
    """
    one.driver.expect_alive()
    checked = book.check(result)
    unmeasured = {name: why for r in one.readings for name, why in r.unmeasured().items()}
    return as_run(checked, one.asked, percentiles, one.values, {**unmeasured, **one.unmeasured})


def _sources(readings: Sequence[Reading]) -> dict[str, str]:
    """Return where the probes read, which is part of the conditions."""
    sources = dict.fromkeys(reading.source for reading in readings if reading.source)
    return {"accounting": ", ".join(sources)}


def as_run(
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
