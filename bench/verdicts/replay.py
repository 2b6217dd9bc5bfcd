"""How often builds drawn from a pool of rounds alarm, are caught, or stay inconclusive.

Run it with::

    python bench/verdicts/replay.py POOL.jsonl [--builds 2000] [--pairs 100]

A build draws rounds from the pool until the plugin's own decision is settled or the budget is
spent; a change is put into its candidate's numbers. The pool holds one binary against itself, so
whatever is proven of an unchanged build is a false alarm. Which of the two servers is the candidate
is drawn, too.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pool import PooledRound, load

from pytest_modelgate.metrics import Metrics
from pytest_modelgate.runs import Measurement, Round, Run, SideBySide
from pytest_modelgate.stats.sequential import MOST_ROUNDS, is_look
from pytest_modelgate.stats.sharing import per_metric_alpha
from pytest_modelgate.stats.sketch import LatencySketch
from pytest_modelgate.thresholds import parse_threshold
from pytest_modelgate.verdict import is_settled
from pytest_modelgate.verdict.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

BUILD_ALPHA, BUDGET_S = 0.01, 60.0
METRICS = Metrics()
THRESHOLDS = {
    name: parse_threshold(METRICS[name], text)
    for name, text in {
        "latency.p50": "+2 %", "latency.mean": "+10 %", "memory.peak": "+10 %",
        "cpu.per_request": "+10 %",
    }.items()
}  # fmt: skip
ALPHA = per_metric_alpha(BUILD_ALPHA, len(THRESHOLDS))
NOTHING = Measurement("classifier", (), {}, (), {}, None, {}, {})


@dataclass(frozen=True)
class Change:
    """What a build does to its candidate's latencies (ns) and other values."""

    name: str
    latencies: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] = lambda ns: ns
    memory: float = 1.0


CHANGES = (
    Change("unchanged"),
    Change("p50 +3 %", lambda ns: ns * 1.03),
    Change("p50 +5 %", lambda ns: ns * 1.05),
    Change("p50 +10 %", lambda ns: ns * 1.10),
    Change("2 × slower", lambda ns: ns * 2),
    Change("memory +20 %", memory=1.2),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pool", type=Path)
    parser.add_argument("--builds", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=None, help="of each round; default: all")
    asked = parser.parse_args()
    pool, random = load(asked.pool), np.random.default_rng(1)
    spread(pool, asked.pairs)
    print(f"{'build':<14}{'breach':>9}{'inconclusive':>14}{'rounds':>8}{'seconds, median':>17}")
    for change in CHANGES:
        ends = [build(pool, change, asked.pairs, random) for _ in range(asked.builds)]
        breach, unclear = (
            sum(end.verdict == verdict for end in ends) / len(ends)
            for verdict in ("breach", "inconclusive")
        )
        rounds, seconds = (float(np.median(it)) for it in zip(*map(_cost, ends), strict=True))
        print(f"{change.name:<14}{breach:>9.1%}{unclear:>14.1%}{rounds:>8.0f}{seconds:>17.0f}")
    return 0


@dataclass(frozen=True)
class End:
    verdict: str
    rounds: int
    elapsed_s: float


def _cost(end: End) -> tuple[int, float]:
    return end.rounds, end.elapsed_s


def build(
    pool: Sequence[PooledRound], change: Change, pairs: int | None, random: np.random.Generator
) -> End:
    rounds: list[Round] = []
    elapsed_s = longest_s = 0.0
    while len(rounds) < MOST_ROUNDS and elapsed_s + longest_s <= BUDGET_S:
        drawn = pool[int(random.integers(len(pool)))]
        candidate = int(random.integers(2))
        rounds.append(as_round(drawn, candidate, change, pairs))
        share = 1.0 if pairs is None else pairs / len(drawn.blocks_ns)
        spent_s = drawn.elapsed_s - (1 - share) * float(drawn.blocks_ns.sum()) / 1e9
        elapsed_s, longest_s = elapsed_s + spent_s, max(longest_s, spent_s)
        found = SideBySide(frozenset(THRESHOLDS), tuple(rounds))
        if is_look(len(rounds)) and is_settled(
            THRESHOLDS, NOTHING, found, metrics=METRICS, alpha=ALPHA
        ):
            break
    return End(verdict_of(tuple(rounds)), len(rounds), elapsed_s)


def verdict_of(rounds: tuple[Round, ...]) -> str:
    found = SideBySide(frozenset(THRESHOLDS), rounds)
    bench = Bench(Measurement("classifier", (), {}, (), {}, None, {}, {}, side_by_side=found), None,
                  ALPHA)  # fmt: skip
    said = {bench.judge(METRICS[name], one).verdict for name, one in THRESHOLDS.items()}
    values = {verdict.value for verdict in said if verdict}
    return next(word for word in ("breach", "inconclusive", "pass") if word in values)


def as_round(drawn: PooledRound, candidate: int, change: Change, pairs: int | None) -> Round:
    blocks = drawn.blocks_ns[:pairs]
    before, after = blocks[:, 1 - candidate], change.latencies(blocks[:, candidate])
    ratio = float(np.median(np.log(after / before)))
    old, new = drawn.sides[1 - candidate], dict(drawn.sides[candidate])
    new["memory.peak"] *= change.memory
    return Round(_run(before, old), _run(after, new), {"latency.p50": ratio})


def _run(latencies_ns: npt.NDArray[np.float64], values: dict[str, float]) -> Run:
    sketch = LatencySketch.from_latencies_ns(latencies_ns.astype(np.int64))
    own = {"latency.p50": sketch.quantile_s(0.5), "latency.mean": sketch.mean_s}
    return Run({**values, **own}, len(latencies_ns), 0, sketch)


def spread(pool: Sequence[PooledRound], pairs: int | None) -> None:
    """Print how far the rounds differ, by the estimators that were tried for the median."""
    blocks = [one.blocks_ns[:pairs] for one in pool]
    ways = {
        "median of the pairs' log ratios": [np.median(np.log(b[:, 1] / b[:, 0])) for b in blocks],
        "ratio of the medians": [np.log(np.median(b[:, 1]) / np.median(b[:, 0])) for b in blocks],
        "ratio of the means": [np.log(b[:, 1].mean() / b[:, 0].mean()) for b in blocks],
    }
    print(f"{len(pool)} rounds of {len(blocks[0])} pairs; standard deviation over rounds:")
    for name, values in ways.items():
        print(f"  {name:<34}{np.std(values, ddof=1):.2%}")


if __name__ == "__main__":
    sys.exit(main())
