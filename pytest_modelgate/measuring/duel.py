"""Rounds side by side, until the answer is clear or the time is over."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from pytest_modelgate.load.paired import PairedLoad
from pytest_modelgate.measuring.answer_book import AnswerBook
from pytest_modelgate.measuring.measure import percentiles_of
from pytest_modelgate.measuring.one_round import Contestant, blamed_on_the_baseline, one_round
from pytest_modelgate.metrics import Metric
from pytest_modelgate.stats.quantiles import sample_floor
from pytest_modelgate.stats.sequential import MOST_ROUNDS, is_look

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.runs import Round, Run, SideBySide

WINDOW_S = 2.0
"""So long the pairs of a round shall take, both servers together."""

LEAST_PAIRS = 20


@dataclass(frozen=True)
class Duel:
    """The two servers, and what is sent to them.

    :ivar baseline: runs the baseline's server; its times and limits are the candidate's.
    :ivar rounds: those made so far: what the candidate failed in them counts, however it ends.
    """

    baseline: Rig
    candidate: Rig
    gate: GateSpec
    workload: Workload
    load: PairedLoad
    rounds: list[Round] = field(default_factory=list)

    def settle(
        self, asked: SideBySide, *, is_settled: Callable[[SideBySide], bool], budget_s: float
    ) -> SideBySide:
        """Make rounds until they settle what is asked, or another would not end in time.

        :param is_settled: is asked at the planned looks.
        :raises BaselineServerError: the baseline's server failed: no round decides anything then.
        :raises ModelgateError: the candidate failed.
        """
        try:
            with blamed_on_the_baseline():
                self.baseline.kind.prepare(self.baseline.spec)
            self._make_rounds(asked, is_settled, budget_s)
            return replace(asked, rounds=tuple(self.rounds))
        finally:
            self.candidate.progress.done()

    def _make_rounds(
        self, asked: SideBySide, is_settled: Callable[[SideBySide], bool], budget_s: float
    ) -> None:
        rig, order = self.candidate, Random()  # noqa: S311 - a coin for a measurement, no secret
        contestants = (
            Contestant(self.baseline, self._book(self.baseline), blamed_on_the_baseline),
            Contestant(rig, self._book(rig)),
        )
        percentiles = percentiles_of(self.gate.thresholds)
        begin_s, longest_s = rig.clock(), 0.0
        while len(self.rounds) < MOST_ROUNDS and rig.clock() - begin_s + longest_s <= budget_s:
            rig.progress.step(f"{rig.spec.name}: side by side, round {len(self.rounds) + 1}")
            round_begin_s = rig.clock()
            self.rounds.append(
                one_round(*contestants, self.load, percentiles, self.workload, order=order)
            )
            longest_s = max(longest_s, rig.clock() - round_begin_s)
            if is_look(len(self.rounds)) and is_settled(replace(asked, rounds=tuple(self.rounds))):
                break

    def _book(self, rig: Rig) -> AnswerBook:
        return AnswerBook(rig.protocol, self.workload, keep=1)


def paired_load(load: LoadSpec, runs: Sequence[Run], settles: Collection[str]) -> PairedLoad:
    """Return the load of a round: short, but with the samples that the percentiles in it need.

    :param runs: the candidate's, from which it is known how long a request takes.
    :param settles: the metrics that the rounds shall settle.
    """
    floors = [
        sample_floor(quantile) for name in settles if (quantile := Metric(name, "s").quantile)
    ]
    needed = math.ceil(max(floors, default=0) / load.concurrency)
    pair_s = 2 * median(run.latencies.quantile_s(0.5) for run in runs)
    affordable = int(WINDOW_S / pair_s) if math.isfinite(pair_s) and pair_s > 0 else 0
    asked_for = math.ceil(load.requests / load.concurrency) if load.requests else affordable
    pairs = min(affordable, asked_for)
    return PairedLoad(load.concurrency, max(pairs, needed, LEAST_PAIRS), load.warmup_requests)
