"""Has a baseline moved? An update within the noise leaves the recorded one, and git, alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.conditions import differences
from pytest_modelgate.config.specs import DriftSpec
from pytest_modelgate.drift.compare import compare_answers
from pytest_modelgate.stats.comparison import NotComparableError, compare_runs
from pytest_modelgate.stats.sharing import per_metric_alpha
from pytest_modelgate.verdict.observed import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.drift.report import DriftReport
    from pytest_modelgate.runs import Run
    from pytest_modelgate.stats.comparison import Comparison


def moved(old: Baseline, new: Baseline, alpha: float) -> tuple[str, ...]:
    """Say, a sentence each, in what a new recording differs from the old beyond noise.

    What was served may differ: that alone is no reason to record the same numbers again.

    :param alpha: error allowed to all metrics together, and both directions of each.
    """
    return (
        *differences(old.fingerprint, new.fingerprint),
        *_runs_moved(old, new, alpha),
        *_exact_moved(old, new),
        *(["the declared contract changed"] if old.contract != new.contract else []),
        *_answers_moved(old, new),
    )


@dataclass(frozen=True)
class MetricChange:
    """One metric's recorded values, one a run, before and now.

    :ivar change: None where the values make no ratio.
    :ivar moved: a sentence where it has moved beyond noise, else None.
    """

    name: str
    before: tuple[float, ...]
    now: tuple[float, ...]
    change: Comparison | None
    moved: str | None


def metric_changes(old: Baseline, new: Baseline, alpha: float) -> tuple[MetricChange, ...]:
    """Compare every metric that the runs of either recording have, in the order of their names.

    :param alpha: as in `moved`.
    """
    names = sorted({name for run in (*old.runs, *new.runs) for name in run.values})
    each_alpha = per_metric_alpha(alpha, max(2 * len(names), 1))
    return tuple(_metric_change(name, old.runs, new.runs, each_alpha) for name in names)


def _metric_change(name: str, old: Sequence[Run], new: Sequence[Run], alpha: float) -> MetricChange:
    before = tuple(run.values[name] for run in old if name in run.values)
    now = tuple(run.values[name] for run in new if name in run.values)
    change = _ratio(before, now, alpha)
    is_whole, is_whole_now = 0 < len(before) == len(old), 0 < len(now) == len(new)
    has_moved: str | None = None
    if is_whole != is_whole_now:
        has_moved = f"{name}: {len(before)} and now {plural(len(now), 'value')}"
    # What only some runs of both could measure (growth, in a window almost too short for it) is
    # there by chance, and nothing can be held against it.
    elif is_whole and _is_beyond_noise(before, now, change):
        has_moved = f"{name} moved"
    return MetricChange(name, before, now, change, has_moved)


def _ratio(before: Sequence[float], now: Sequence[float], alpha: float) -> Comparison | None:
    try:
        return compare_runs(before, now, better="lower", alpha=alpha)
    except NotComparableError:
        return None


def _is_beyond_noise(
    before: Sequence[float], now: Sequence[float], change: Comparison | None
) -> bool:
    if change is None:
        # Zeros and negative values make no ratio, and one run no spread: then ranges that do not
        # touch; of five runs a side that happens by chance once in 126.
        return max(before) < min(now) or max(now) < min(before)
    return change.low > 0 or change.high < 0


def _runs_moved(old: Baseline, new: Baseline, alpha: float) -> Iterator[str]:
    if len(old.runs) != len(new.runs):
        yield f"{plural(len(new.runs), 'run')} instead of {len(old.runs)}"
    changes = metric_changes(old, new, alpha)
    yield from (change.moved for change in changes if change.moved is not None)


def _exact_moved(old: Baseline, new: Baseline) -> Iterator[str]:
    for name in sorted({*old.exact, *new.exact}):
        before, after = old.exact.get(name), new.exact.get(name)
        if before != after:
            yield f"{name}: {before} and now {after}"


def answers_change(old: Baseline, new: Baseline) -> DriftReport:
    """Compare the recorded answers.

    Answers that a server gives a little differently each time are within its noise, as the defaults
    for their dtypes have it; a NaN that was one and still is has not moved.
    """
    now = {name: (answer,) for name, answer in new.answers.items()}
    return compare_answers(old.answers, now, DriftSpec(equal_nan=True))


def _answers_moved(old: Baseline, new: Baseline) -> Iterator[str]:
    report = answers_change(old, new)
    yield from report.structure
    if report.mismatched:
        yield f"{plural(report.mismatched, 'element')} of the answers moved"
