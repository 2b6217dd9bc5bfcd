"""One measurement: fresh servers, one after the other, each warmed up, driven and read."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from pytest_modelgate import __version__
from pytest_modelgate.baselines.machine import git_provenance, machine_conditions
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring.answer_book import AnswerBook
from pytest_modelgate.measuring.one_run import one_run
from pytest_modelgate.metrics import RECORDED_PERCENTILES
from pytest_modelgate.runs import Measurement
from pytest_modelgate.servers.launch import KEY as LAUNCH
from pytest_modelgate.servers.launch import launch_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.measuring.one_run import RunOutcome
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.runs import Recorded

MOST_INPUTS_OF_A_TIMED_WINDOW = 10_000
"""Where the window is a time, so many different inputs are sent before they repeat."""


@contextlib.contextmanager
def prepared(
    rig: Rig, gate: GateSpec, inputs: Iterable[object] | Mapping[str, object]
) -> Iterator[Workload]:
    """Make ready what is done once: the server's image, and the requests.

    :raises ModelgateError: an image that cannot be had, inputs that cannot be sent.
    """
    rig.kind.prepare(rig.spec)
    limit = gate.load.requests or MOST_INPUTS_OF_A_TIMED_WINDOW
    with Workload.spool(inputs, rig.protocol.encode, limit=limit) as workload:
        yield workload


def measure(rig: Rig, gate: GateSpec, workload: Workload, *, runs: int) -> Measurement:
    """Make so many runs and return what they measured.

    :raises ModelgateError: a server that does not start, answers wrongly before the load begins, or
        does not live through it.
    """
    compared = min(gate.drift.inputs if gate.drift else 1, len(workload))
    book = AnswerBook(rig.protocol, workload, keep=compared)
    percentiles = percentiles_of(gate.thresholds)
    done = []
    try:
        for number in range(1, runs + 1):
            rig.progress.step(f"{rig.spec.name}: run {number} of {runs}")
            done.append(one_run(rig, gate.load, percentiles, workload, book))
    finally:
        rig.progress.done()
    return _measurement(rig, gate.load, workload, book, done)


def percentiles_of(gated: Iterable[str]) -> list[str]:
    """Return the percentiles to read: those recorded always, and those that thresholds name."""
    named = [name.removeprefix("latency.p") for name in gated if name.startswith("latency.p")]
    return list(dict.fromkeys([*RECORDED_PERCENTILES, *named]))


def recorded_only(rig: Rig, numbers: Sequence[Recorded]) -> Measurement:
    """Return the measurement of a test that only recorded numbers of its own."""
    return with_recorded(
        Measurement(
            server=rig.spec.name,
            runs=(),
            exact={},
            recorded=(),
            answers={},
            contract=None,
            fingerprint=machine_conditions(),
            provenance=_made_by(rig),
        ),
        numbers,
    )


def with_recorded(measurement: Measurement, numbers: Sequence[Recorded]) -> Measurement:
    """Add the numbers that the test recorded to what was measured."""
    exact = {**measurement.exact, **{number.name: number.value for number in numbers}}
    return dataclasses.replace(measurement, recorded=tuple(numbers), exact=exact)


def _measurement(
    rig: Rig, load: LoadSpec, workload: Workload, book: AnswerBook, done: Sequence[RunOutcome]
) -> Measurement:
    last = done[-1]
    image_bytes = last.image_bytes
    return Measurement(
        server=rig.spec.name,
        runs=tuple(outcome.run for outcome in done),
        exact={} if image_bytes is None else {"image.size": float(image_bytes)},
        recorded=(),
        answers=book.answers(),
        contract=book.contract,
        fingerprint={
            **machine_conditions(),
            **last.conditions,
            "load": describe_load(load),
            "protocol": rig.protocol.name,
            "workload": workload.digest,
        },
        provenance={**last.provenance, LAUNCH: launch_digest(rig.spec), **_made_by(rig)},
        unmeasured={} if image_bytes is not None else {"image.size": "this server has no image"},
        log=last.log,
        notes=_notes(done),
        unchecked=book.unchecked,
    )


def _made_by(rig: Rig) -> dict[str, str]:
    return {"pytest_modelgate": __version__, **git_provenance(rig.root)}


def _notes(done: Sequence[RunOutcome]) -> tuple[str, ...]:
    early = [reason for outcome in done for reason in outcome.early_failures]
    if not early:
        return ()
    return (f"{len(early)} requests failed before the first was answered, the last: {early[-1]}",)


def describe_load(load: LoadSpec) -> str:
    """Return the load as the fingerprint has it."""
    amount = f"{load.requests} requests" if load.requests else f"{load.duration_s:g} s"
    return f"closed loop, concurrency {load.concurrency}, {amount}, warm-up {load.warmup_requests}"
