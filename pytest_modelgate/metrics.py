"""The metrics: their names, their units, which way is worse, and how sure one can be of a value."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_modelgate.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

Better = Literal["lower", "higher"]


class Evidence(enum.Enum):
    """What a metric's value rests on, and so how it may be judged."""

    QUANTILE = "quantile"
    """A percentile of the latencies: one value a run, and samples within the run."""
    PER_RUN = "per-run"
    """One value a run (memory, throughput, start-up); the spread between runs is the noise."""
    COUNT = "count"
    """Failures out of requests: a binomial proportion."""
    EXACT = "exact"
    """No noise: the size of an image, the distance between two tensors."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    :ivar name: as users write it, ``"latency.p50"``.
    :ivar unit: of the value: ``"s"``, ``"B"``, ``"B/request"``, ``"1/s"``, or ``"1"`` (no unit).
    :ivar better: which way is better.
    :ivar evidence: what a value rests on.
    :ivar relative: whether it may be held against the baseline as a ratio ("+5 %"); false where the
        baseline is commonly zero.
    :ivar conditions: whether the machine and the load matter to it; an image's size or the drift of
        an answer means the same everywhere.
    """

    name: str
    unit: str
    better: Better = "lower"
    evidence: Evidence = Evidence.PER_RUN
    relative: bool = True
    conditions: bool = True

    @property
    def quantile(self) -> float | None:
        """The quantile in (0, 1) that a ``latency.pNN`` metric names, else None."""
        match = _PERCENTILE.fullmatch(self.name)
        return float(match.group(1)) / 100 if match else None


_PERCENTILE = re.compile(r"latency\.p(\d{1,2}(?:\.\d{1,3})?)")

BUILT_IN = (
    Metric("latency.mean", "s"),
    Metric("throughput", "1/s", better="higher"),
    Metric("errors.rate", "1", evidence=Evidence.COUNT, relative=False),
    Metric("memory.idle", "B"),
    Metric("memory.peak", "B"),
    Metric("memory.after", "B"),
    Metric("memory.growth", "B/request", relative=False),
    Metric("cpu.per_request", "s"),
    Metric("startup.live", "s"),
    Metric("startup.ready", "s"),
    Metric("startup.first_answer", "s"),
    Metric("image.size", "B", evidence=Evidence.EXACT, conditions=False),
    Metric("drift.max_abs", "1", evidence=Evidence.EXACT, relative=False, conditions=False),
    Metric("drift.max_rel", "1", evidence=Evidence.EXACT, relative=False, conditions=False),
    Metric("drift.mismatched", "1", evidence=Evidence.EXACT, relative=False, conditions=False),
    Metric("contract", "1", evidence=Evidence.EXACT, relative=False, conditions=False),
)

RECORDED_PERCENTILES = ("50", "90", "95", "99", "99.9")
"""Measured and recorded in every run, gated or not; others only where a threshold names them."""


class Metrics:
    """The known metrics: the built-in ones, every ``latency.pNN``, and those that plugins add."""

    def __init__(self, added: Iterable[Metric] = ()) -> None:
        self._by_name = {metric.name: metric for metric in (*BUILT_IN, *added)}

    def __contains__(self, name: object) -> bool:
        return name in self._by_name or bool(_PERCENTILE.fullmatch(str(name)))

    def __getitem__(self, name: str) -> Metric:
        """Return the metric of that name; raises ConfigError with the nearest valid name."""
        if name in self._by_name:
            return self._by_name[name]
        percentile = Metric(name, "s", evidence=Evidence.QUANTILE)
        if percentile.quantile:
            return percentile
        known = [*self._by_name, *(f"latency.p{p}" for p in RECORDED_PERCENTILES)]
        raise ConfigError(
            f"unknown metric {name!r}",
            expected="one of " + ", ".join(sorted(known)),
            hint=did_you_mean(name, known),
        )
