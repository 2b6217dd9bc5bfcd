"""One round: the baseline's server and the candidate, both fresh, under one load in turns."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.errors import BaselineServerError, ModelgateError
from pytest_modelgate.load.paired import run_pairs
from pytest_modelgate.measuring.one_run import run_of
from pytest_modelgate.measuring.started import started
from pytest_modelgate.runs import Round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from random import Random

    import numpy.typing as npt

    from pytest_modelgate.load.paired import PairedLoad
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.answer_book import AnswerBook
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.measuring.started import Started


@dataclass(frozen=True)
class Contestant:
    """One of the two servers, and the answers it gave.

    :ivar blame: makes the context in which its errors are told as they should be.
    """

    rig: Rig
    book: AnswerBook
    blame: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext


def one_round(
    baseline: Contestant,
    candidate: Contestant,
    load: PairedLoad,
    percentiles: Sequence[str],
    workload: Workload,
    *,
    order: Random,
) -> Round:
    """Make one round; which server is started first is a matter of chance, too.

    :raises BaselineServerError: the baseline's server failed.
    :raises ModelgateError: the candidate did.
    """
    contestants = (baseline, candidate)
    begun: dict[int, Started] = {}
    with contextlib.ExitStack() as stack:
        first = order.randrange(2)
        for index in (first, 1 - first):
            one = contestants[index]
            with one.blame():
                begun[index] = stack.enter_context(started(one.rig, workload, one.book))
        sides = [
            begun[index].driver.side(begun[index].window, _blamed(contestants[index], begun[index]))
            for index in (0, 1)
        ]
        result = run_pairs((sides[0], sides[1]), workload, load, order=order)
        runs = []
        for index in (0, 1):
            one = contestants[index]
            with _blamed(one, begun[index])():
                runs.append(run_of(begun[index], one.book, result.sides[index], percentiles))
    is_whole = all(run.latencies.answered == run.latencies.count for run in runs)
    # A failed request is infinitely slow in a run's percentiles, and in no pair.
    return Round(runs[0], runs[1], _paired(result.block_latencies_ns) if is_whole else {})


def _blamed(one: Contestant, begun: Started) -> Callable[[], AbstractContextManager[object]]:
    @contextlib.contextmanager
    def blamed() -> Iterator[None]:
        with one.blame(), begun.explained():
            yield

    return blamed


def _paired(block_latencies_ns: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return the log ratios that pairs give, all of them answered: the median over pairs.

    A neighbour that comes and goes disturbs one block of a pair: that makes an outlier of the pair,
    which leaves the median alone. In the ratio of two medians it would shift one side.
    """
    ratios = np.log(block_latencies_ns[:, 1] / block_latencies_ns[:, 0])
    return {"latency.p50": float(np.median(ratios))}


@contextlib.contextmanager
def blamed_on_the_baseline() -> Iterator[None]:
    """Turn whatever goes wrong into the baseline's server's fault."""
    try:
        yield
    except ModelgateError as error:
        raise BaselineServerError(
            f"the baseline's server cannot be measured: {error.what}",
            expected=error.expected,
            got=error.got,
            hint=error.hint,
            log=error.log,
        ) from error
