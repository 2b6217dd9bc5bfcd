"""What a baseline holds, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pytest_modelgate.runs import Measurement, Run
    from pytest_modelgate.tensors import Contract, Tensors


@dataclass(frozen=True, eq=False)  # answers are arrays, which do not compare to one truth
class Baseline:
    """What was recorded of one test on one server, for later measurements to be held against.

    :ivar test: the test's id.
    :ivar server: the server's name in the configuration.
    :ivar recorded_at: UTC, ISO 8601, to the second.
    :ivar runs: the recorded runs, without what their failures said and what they could not measure.
    :ivar exact: metric name → value for what has no noise.
    :ivar fingerprint: the conditions, workload and load included: equal, or not comparable.
    :ivar provenance: what was served and by whom.
    :ivar contract: what the server declared of its inputs and outputs, None where it did not.
    :ivar answers: input name → its answer.
    """

    test: str
    server: str
    recorded_at: str
    runs: tuple[Run, ...]
    exact: Mapping[str, float]
    fingerprint: Mapping[str, str]
    provenance: Mapping[str, str]
    contract: Contract | None
    answers: Mapping[str, Tensors]


def from_measurement(measurement: Measurement, test: str, now: datetime) -> Baseline:
    """Return the baseline that a measurement makes; of an input's answers, the first.

    :param now: when it is recorded, with a time zone.
    """
    return Baseline(
        test=test,
        server=measurement.server,
        recorded_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        runs=tuple(replace(run, failure_examples=(), unmeasured={}) for run in measurement.runs),
        exact=measurement.exact,
        fingerprint=measurement.fingerprint,
        provenance=measurement.provenance,
        contract=measurement.contract,
        answers={name: variants[0] for name, variants in measurement.answers.items()},
    )
