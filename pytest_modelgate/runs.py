"""What was measured: values that `measure` makes, `baselines` keeps and `verdict` judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.metrics import Better
    from pytest_modelgate.stats.sketch import LatencySketch
    from pytest_modelgate.tensors import Contract, Tensors


@dataclass(frozen=True)
class Run:
    """One fresh server, warmed up, driven for one measuring window: the statistical unit.

    :ivar values: metric name → the run's value in the metric's unit. A metric that this run could
        not measure is absent here and has its reason in ``unmeasured``.
    :ivar requests: requests sent, failed ones included: those of the window, of the warm-up, and
        the inputs that drift compares, sent one by one before it.
    :ivar failures: how many of them failed.
    :ivar latencies: the latencies of the window alone; a failed request of the window counts as
        infinitely slow.
    :ivar failure_examples: what the first few failures said.
    :ivar unmeasured: metric name → why this run has no value for it.
    """

    values: Mapping[str, float]
    requests: int
    failures: int
    latencies: LatencySketch
    failure_examples: tuple[str, ...] = ()
    unmeasured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """A fresh pair, the baseline's server and the candidate, under one load in turns.

    :ivar paired: metric name → log ratio, candidate ÷ baseline, estimated pair by pair; of any
        other metric the ratio of the two runs' values counts.
    """

    baseline: Run
    candidate: Run
    paired: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SideBySide:
    """The baseline's server and the candidate, compared round by round.

    :ivar settles: the metrics that this decides about.
    :ivar rounds: in the order they were made.
    :ivar obstacle: why they decide nothing: the baseline's server could not be had, or failed.
    :ivar always: whether nothing else is good enough for the user.
    """

    settles: frozenset[str]
    rounds: tuple[Round, ...] = ()
    obstacle: str | None = None
    always: bool = False


@dataclass(frozen=True)
class Recorded:
    """A number of the user's own, from ``modelgate.record``."""

    name: str
    value: float
    better: Better
    threshold: str | None


@dataclass(frozen=True)
class Measurement:
    """Everything one gated test measured.

    :ivar server: the server's name in the configuration.
    :ivar runs: the runs, in the order they were made; none where the test only recorded numbers.
    :ivar exact: metric name → value for what has no noise (image size, recorded numbers).
    :ivar answers: input name → its distinct answers, over all runs and under load; the first is the
        one that a baseline records. Only the inputs that the drift gate compares. Beyond the first
        16 to an input, numbers are there as the least and the greatest of each element.
    :ivar contract: what the server declares of its inputs and outputs, None where it does not.
    :ivar fingerprint: the conditions: two measurements compare only where these are equal.
    :ivar provenance: what was served and by whom: shown, and expected to differ.
    :ivar unmeasured: metric name → why no run could have a value for it.
    :ivar log: the last server's last log lines.
    :ivar notes: what a reader of the numbers must know.
    :ivar unchecked: answers to these inputs that could not be kept in any form.
    :ivar side_by_side: None where nothing was held side by side.
    """

    server: str
    runs: tuple[Run, ...]
    exact: Mapping[str, float]
    recorded: tuple[Recorded, ...]
    answers: Mapping[str, tuple[Tensors, ...]]
    contract: Contract | None
    fingerprint: Mapping[str, str]
    provenance: Mapping[str, str]
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unchecked: int = 0
    side_by_side: SideBySide | None = None

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """Every run of the candidate, also those beside the baseline's server."""
        rounds = self.side_by_side.rounds if self.side_by_side else ()
        return (*self.runs, *(one.candidate for one in rounds))
