"""Verdicts as values, which know how to become the JSON report."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modelgate.drift.report import DriftReport

Method = Literal["absolute", "stored", "side-by-side"]


class Verdict(enum.Enum):
    """What a gate, or a metric in it, comes to."""

    PASS = "pass"  # noqa: S105  # no password
    """Not proven worse, and so precise that a change of the tolerance would have been seen."""
    INCONCLUSIVE = "inconclusive"
    """Not to be told; the reason says why, and what would help."""
    BREACH = "breach"
    """Proven worse than allowed."""


_BY_SEVERITY = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.BREACH)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst: a breach before what is inconclusive, and no verdict at all is no pass."""
    return max(verdicts, key=_BY_SEVERITY.index, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Judgement:
    """One verdict and its reason, in a sentence; None where the numbers speak for themselves.

    :ivar improved: proven better than the baseline by more than the tolerance.
    """

    verdict: Verdict
    reason: str | None = None
    improved: bool = False


@dataclass(frozen=True)
class Interval:
    """An estimate and its bounds, each infinite where the data give none."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Return the schema's ``{"value", "low", "high"}``."""
        return {"value": finite(self.value), "low": finite(self.low), "high": finite(self.high)}


@dataclass(frozen=True)
class MetricVerdict:
    """One metric of one gate: what was measured, and what it was held against.

    :ivar value: in ``unit``, as ``low`` and ``high``; all None where it could not be measured.
    :ivar baseline: what the baseline has of it.
    :ivar change: relative to the baseline (0.05: 5 % more), whichever way is worse.
    :ivar threshold: as the user wrote it; None: measured, not gated, and then without a verdict.
    :ivar method: what decided.
    :ivar smallest_detectable_change: the least worsening that these runs would have shown.
    :ivar samples: requests (elements, for drift) that the value rests on.
    :ivar runs: runs that the value rests on, or rounds; 0 where it is no matter of runs.
    :ivar improved: proven better than the baseline by more than the tolerance.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    baseline: Interval | None
    change: Interval | None
    threshold: str | None
    method: Method | None
    verdict: Verdict | None
    reason: str | None
    smallest_detectable_change: float | None
    samples: int
    runs: int
    improved: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the metric's part of ``modelgate-report/1``; what is not finite is null."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "baseline": self.baseline.to_json() if self.baseline else None,
            "change": self.change.to_json() if self.change else None,
            "threshold": self.threshold,
            "method": self.method,
            "verdict": self.verdict.value if self.verdict else None,
            "reason": self.reason,
            "smallest_detectable_change": finite(self.smallest_detectable_change),
            "samples": self.samples,
            "runs": self.runs,
            "improved": self.improved,
        }


@dataclass(frozen=True)
class GateVerdict:
    """One gated test's verdict: the worst of its metrics'.

    :ivar reason: why the gate as a whole cannot be green, where that is no metric's matter.
    :ivar notes: what a reader of the numbers must know.
    :ivar drift: how far the answers moved, None where they were not compared.
    """

    test: str
    server: str
    verdict: Verdict
    metrics: tuple[MetricVerdict, ...]
    reason: str | None
    notes: tuple[str, ...]
    drift: DriftReport | None

    def to_json(self) -> dict[str, object]:
        """Return the gate's part of ``modelgate-report/1``."""
        return {
            "test": self.test,
            "server": self.server,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "notes": list(self.notes),
            "metrics": [metric.to_json() for metric in self.metrics],
        }


def finite(value: float | None) -> float | None:
    """Return what JSON can hold: NaN and infinity become None."""
    return value if value is not None and math.isfinite(value) else None
