"""Has a baseline moved? An update within the noise leaves the recorded one, and git, alone."""

from __future__ import annotations

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


def _runs_moved(old: Baseline, new: Baseline, alpha: float) -> Iterator[str]:
    if len(old.runs) != len(new.runs):
        yield f"{plural(len(new.runs), 'run')} instead of {len(old.runs)}"
    names = {name for run in (*old.runs, *new.runs) for name in run.values}
    each_alpha = per_metric_alpha(alpha, 2 * len(names))
    for name in sorted(names):
        before = [run.values[name] for run in old.runs if name in run.values]
        after = [run.values[name] for run in new.runs if name in run.values]
        is_whole = len(before) == len(old.runs)
        if is_whole != (len(after) == len(new.runs)):
            yield f"{name}: {len(before)} and now {plural(len(after), 'value')}"
        # What only some runs of both could measure (growth, in a window almost too short for it) is
        # there by chance, and nothing can be held against it.
        elif is_whole and _has_moved(before, after, each_alpha):
            yield f"{name} moved"


def _has_moved(before: Sequence[float], after: Sequence[float], alpha: float) -> bool:
    try:
        change = compare_runs(before, after, better="lower", alpha=alpha)
    except NotComparableError:
        # Zeros and negative values make no ratio, and one run no spread: then ranges that do not
        # touch; of five runs a side that happens by chance once in 126.
        return max(before) < min(after) or max(after) < min(before)
    return change.low > 0 or change.high < 0


def _exact_moved(old: Baseline, new: Baseline) -> Iterator[str]:
    for name in sorted({*old.exact, *new.exact}):
        before, after = old.exact.get(name), new.exact.get(name)
        if before != after:
            yield f"{name}: {before} and now {after}"


def _answers_moved(old: Baseline, new: Baseline) -> Iterator[str]:
    # Answers that a server gives a little differently each time are within its noise, as the
    # defaults for their dtypes have it; a NaN that was one and still is has not moved.
    report = compare_answers(
        old.answers,
        {name: (answer,) for name, answer in new.answers.items()},
        DriftSpec(equal_nan=True),
    )
    yield from report.structure
    if report.mismatched:
        yield f"{plural(report.mismatched, 'element')} of the answers moved"
