"""Record rounds of the example server against itself, for `replay.py` to draw builds from.

Run it with::

    python bench/verdicts/record.py POOL.jsonl [--rounds 100] [--pairs 300] [--hog]

It needs the example server (``make server``), goes on where a pool ends, and may be stopped at any
time. ``--hog`` keeps one CPU busy at random, half of the time: a noisy neighbour.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pool import PooledRound, append, load

from pytest_modelgate.builtin import pytest_modelgate_probes
from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.load.paired import PairedLoad, run_pairs
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring.answer_book import AnswerBook
from pytest_modelgate.measuring.one_run import run_of
from pytest_modelgate.measuring.rig import Rig
from pytest_modelgate.measuring.started import started
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.reports.progress import NoProgress
from pytest_modelgate.servers.owner import Session
from pytest_modelgate.servers.process import ProcessKind

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "classifier"
WARMUP_REQUESTS = 20
HOG = """
import random, time
while True:
    end = time.perf_counter() + random.expovariate(1 / 0.3)
    while time.perf_counter() < end:
        pass
    time.sleep(random.expovariate(1 / 0.3))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pool", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--hog", action="store_true")
    asked = parser.parse_args()
    sys.path.insert(0, str(EXAMPLE))
    from documents import all_documents, features

    inputs = {name: {"bytes": features(content)} for name, content in all_documents().items()}
    done = len(load(asked.pool)) if asked.pool.exists() else 0
    with (
        example() as rig,
        neighbour(hog=asked.hog),
        Workload.spool(inputs, rig.protocol.encode) as workload,
    ):
        for number in range(done + 1, asked.rounds + 1):
            append(asked.pool, one_round(rig, workload, asked.pairs))
            print(f"\rround {number} of {asked.rounds}", end="", flush=True)
    print()
    return 0


@contextlib.contextmanager
def example() -> Iterator[Rig]:
    kind = ProcessKind(Session.current(), EXAMPLE)
    spec = ServerSpec(
        name="classifier",
        runtime="process",
        protocol="oip-http",
        command=("server/build/dev/classifier",),
        args=("--http", "{host}:{port}"),
        model="magika",
    )
    try:
        yield Rig(EXAMPLE, spec, kind, oip_http(spec), pytest_modelgate_probes(), NoProgress())
    finally:
        kind.stop_all()


@contextlib.contextmanager
def neighbour(*, hog: bool) -> Iterator[None]:
    if not hog:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", HOG]) as process:
        try:
            yield
        finally:
            process.kill()


def one_round(rig: Rig, workload: Workload, pairs: int) -> PooledRound:
    begin_s = time.perf_counter()
    load = PairedLoad(concurrency=1, pairs=pairs, warmup_requests=WARMUP_REQUESTS)
    books = [AnswerBook(rig.protocol, workload, keep=1) for _ in range(2)]
    with started(rig, workload, books[0]) as one, started(rig, workload, books[1]) as other:
        both = (one, other)
        sides = [side.driver.side(side.window, contextlib.nullcontext) for side in both]
        result = run_pairs((sides[0], sides[1]), workload, load, order=random.Random())
        runs = [
            run_of(side, book, its, ["50", "90", "95", "99"])
            for side, book, its in zip(both, books, result.sides, strict=True)
        ]
    values = (dict(runs[0].values), dict(runs[1].values))
    return PooledRound(values, result.block_latencies_ns, time.perf_counter() - begin_s)


if __name__ == "__main__":
    sys.exit(main())
