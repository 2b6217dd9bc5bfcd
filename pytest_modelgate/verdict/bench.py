"""One metric of one gate, judged by whatever there is: runs, a baseline, rounds side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pytest_modelgate.metrics import Evidence
from pytest_modelgate.verdict.absolute import judge_limit
from pytest_modelgate.verdict.answers import DRIFT_METRICS
from pytest_modelgate.verdict.observed import Observed, observe, plural
from pytest_modelgate.verdict.relative import (
    NO_BASELINE,
    Standing,
    is_clear,
    judge_tolerance,
    more_runs,
    other_conditions,
    stored_standing,
)
from pytest_modelgate.verdict.rounds import more_rounds, rounds_standing
from pytest_modelgate.verdict.values import Judgement, Method, MetricVerdict, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.metrics import Metric
    from pytest_modelgate.runs import Measurement, Round
    from pytest_modelgate.thresholds import Threshold


@dataclass(frozen=True)
class Bench:
    """What the metrics of one gate are judged with.

    :ivar alpha: error allowed to each proof.
    :ivar strict: whether an improvement beyond the tolerance fails, too.
    """

    measurement: Measurement
    baseline: Baseline | None
    alpha: float
    strict: bool = False

    def judge(self, metric: Metric, threshold: Threshold | None) -> MetricVerdict:
        """Judge one metric; without a threshold it is shown, and has no verdict."""
        now, recorded = self._candidate(metric), self._recorded(metric)
        standing = self._standing(metric, now, recorded)
        parts: dict[Method, Judgement] = {}
        if threshold is not None and threshold.limit is not None:
            parts["absolute"] = self._explained(metric, judge_limit(metric, threshold.limit, now))
        if threshold is not None and threshold.tolerance is not None:
            parts[standing.method] = self._judge_tolerance(
                metric, threshold.tolerance, standing, now, recorded
            )
        if standing.method == "side-by-side":
            recorded = self._beside(metric, "baseline")
            now = now if "absolute" in parts else self._beside(metric, "candidate")
        shown = MetricVerdict(
            name=metric.name,
            unit=metric.unit,
            value=now.interval.value if now.interval else None,
            low=now.interval.low if now.interval else None,
            high=now.interval.high if now.interval else None,
            baseline=recorded.interval,
            change=standing.change,
            threshold=None,
            method=None,
            verdict=None,
            reason=None,
            smallest_detectable_change=standing.smallest_detectable_change,
            samples=now.samples,
            runs=now.runs,
        )
        return shown if threshold is None else _decided(shown, threshold, parts)

    def is_clear(self, metric: Metric, tolerance: float) -> bool:
        """Tell whether the stored comparison leaves nothing to settle."""
        now, recorded = self._candidate(metric), self._recorded(metric)
        return is_clear(self._stored(metric, now, recorded), tolerance)

    def _judge_tolerance(
        self,
        metric: Metric,
        tolerance: float,
        standing: Standing,
        now: Observed,
        recorded: Observed,
    ) -> Judgement:
        def advise() -> str:
            if standing.method == "side-by-side":
                return more_rounds(metric, self._rounds, tolerance, alpha=self.alpha)
            return more_runs(metric, tolerance, now, recorded, alpha=self.alpha)

        judged = judge_tolerance(metric, tolerance, standing, alpha=self.alpha, advise=advise)
        if judged.improved and self.strict:
            return replace(judged, verdict=Verdict.BREACH)
        return self._or_unsettled(metric, judged)

    def _or_unsettled(self, metric: Metric, judged: Judgement) -> Judgement:
        """Say why a metric was not settled side by side, where that was called for."""
        beside = self.measurement.side_by_side
        if beside is None or beside.obstacle is None or metric.name not in beside.settles:
            return judged
        if beside.always and judged.verdict is Verdict.PASS:
            return Judgement(Verdict.INCONCLUSIVE, beside.obstacle)
        if judged.verdict is Verdict.INCONCLUSIVE:
            return replace(judged, reason=f"{judged.reason}; {beside.obstacle}")
        return judged

    @property
    def _rounds(self) -> tuple[Round, ...]:
        side_by_side = self.measurement.side_by_side
        return side_by_side.rounds if side_by_side else ()

    def _beside(self, metric: Metric, side: Literal["baseline", "candidate"]) -> Observed:
        runs = [one.baseline if side == "baseline" else one.candidate for one in self._rounds]
        return observe(metric, runs, {}, {}, alpha=self.alpha)

    def _candidate(self, metric: Metric) -> Observed:
        measured = self.measurement
        if metric.name in DRIFT_METRICS:
            return Observed(gap="not measured: the test carries no drift marker")
        runs = measured.all_runs if metric.evidence is Evidence.COUNT else measured.runs
        return observe(metric, runs, measured.exact, measured.unmeasured, alpha=self.alpha)

    def _recorded(self, metric: Metric) -> Observed:
        if self.baseline is None:
            return Observed()
        return observe(metric, self.baseline.runs, self.baseline.exact, {}, alpha=self.alpha)

    def _standing(self, metric: Metric, now: Observed, recorded: Observed) -> Standing:
        side_by_side = self.measurement.side_by_side
        if (
            side_by_side is not None
            and side_by_side.obstacle is None
            and metric.name in side_by_side.settles
        ):
            return rounds_standing(metric, side_by_side.rounds, alpha=self.alpha)
        return self._stored(metric, now, recorded)

    def _stored(self, metric: Metric, now: Observed, recorded: Observed) -> Standing:
        if self.baseline is None:
            return Standing(obstacle=NO_BASELINE)
        if metric.conditions:
            mismatch = other_conditions(self.baseline, self.measurement.fingerprint)
            if mismatch is not None:
                return Standing(obstacle=mismatch)
        return stored_standing(metric, now, recorded, alpha=self.alpha)

    def _explained(self, metric: Metric, judgement: Judgement) -> Judgement:
        """Say which requests failed, and how."""
        if metric.evidence is not Evidence.COUNT or judgement.verdict is not Verdict.BREACH:
            return judgement
        runs = self.measurement.all_runs
        failures, requests = sum(r.failures for r in runs), sum(r.requests for r in runs)
        examples = dict.fromkeys(example for run in runs for example in run.failure_examples)
        said = f": {'; '.join(list(examples)[:3])}" if examples else ""
        counts = f"{failures:,} of {plural(requests, 'request')} failed{said}"
        return replace(judgement, reason=counts)


def _decided(
    shown: MetricVerdict, threshold: Threshold, parts: Mapping[Method, Judgement]
) -> MetricVerdict:
    """Let the worse of the parts decide; where they agree, each gives its reason."""
    verdict = worst(part.verdict for part in parts.values())
    deciding = {method: part for method, part in parts.items() if part.verdict is verdict}
    reasons = dict.fromkeys(part.reason for part in deciding.values() if part.reason)
    return replace(
        shown,
        threshold=threshold.text,
        method=list(deciding)[-1],
        verdict=verdict,
        reason="; ".join(reasons) or None,
        improved=any(part.improved for part in parts.values()),
    )
