"""How fast the timed client is, beside wrk and httpx, against a no-op Go server.

    python bench/client.py [--rounds 15]

Needs Go (builds bench/noop) and wrk (Debian package ``wrk``). In every round each client drives the
same server for a second: at one connection for its p50, at 32 for its requests/s. wrk and ours go
in turns, first one and then the other first, and the ratios are the medians of the rounds' ratios:
what disturbs the machine for longer than a round disturbs both. Exits 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np

from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.load.closed_loop import run_closed_loop
from pytest_modelgate.load.target import Target
from pytest_modelgate.load.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BODY = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[4],"data":[1,2,3,4]}]}'
HEADERS = {"content-type": "application/json"}
MANY = 32  # connections
P50_BAR = 1.10  # at most, × wrk's
RATE_BAR = 0.90  # at least, × wrk's


@dataclass(frozen=True)
class Figures:
    """One client's round."""

    p50_us: float
    rate_per_s: float


@contextlib.contextmanager
def noop_server() -> Iterator[str]:
    """Build and start the server; gives its host:port."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "noop"
        source = Path(__file__).parent / "noop"
        subprocess.run(["go", "build", "-o", binary, "."], cwd=source, check=True)
        with subprocess.Popen([binary], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                yield server.stdout.readline().strip()
            finally:
                server.terminate()


@contextlib.contextmanager
def ours(address: str) -> Iterator[Callable[[int], Figures]]:
    host, _, port = address.rpartition(":")
    target = Target(host, int(port), path="/infer", headers=HEADERS)
    with Workload.spool([None], lambda _: BODY) as workload:

        def drive(connections: int) -> Figures:
            load = LoadSpec(connections, requests=None, duration_s=1.0)
            result = run_closed_loop(target, workload, load, timeout_s=3)
            assert not result.failures, result.failure_examples
            p50_us = float(np.percentile(result.latencies_ns, 50)) / 1e3
            return Figures(p50_us, len(result.latencies_ns) / result.elapsed_s)

        yield drive


@contextlib.contextmanager
def wrk(address: str) -> Iterator[Callable[[int], Figures]]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        # No function in it, so wrk makes the request once and sends the same bytes every time.
        script.write(f"wrk.method = 'POST'\nwrk.body = '{BODY.decode()}'\n")
        script.write("wrk.headers['Content-Type'] = 'application/json'\n")
        script.flush()

        def drive(connections: int) -> Figures:
            command = ["wrk", "-t1", f"-c{connections}", "-d1s", "--latency", "-s", script.name]
            url = f"http://{address}/infer"
            text = subprocess.run(
                [*command, url], check=True, capture_output=True, text=True
            ).stdout
            p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
            rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
            assert p50, text
            assert rate, text
            assert "Non-2xx" not in text, text
            return Figures(float(p50[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[p50[2]], float(rate[1]))

        yield drive


@contextlib.contextmanager
def httpx_client(address: str) -> Iterator[Callable[[int], Figures]]:
    url = f"http://{address}/infer"

    async def drive(connections: int) -> Figures:
        latencies_ns: list[int] = []

        async def repeat(client: httpx.AsyncClient, end_ns: int) -> None:
            while (sent_ns := time.perf_counter_ns()) < end_ns:
                (await client.post(url, content=BODY, headers=HEADERS)).raise_for_status()
                latencies_ns.append(time.perf_counter_ns() - sent_ns)

        limits = httpx.Limits(max_keepalive_connections=None)  # its 20 would close all others
        async with httpx.AsyncClient(limits=limits) as client:
            begin_ns = time.perf_counter_ns()
            await asyncio.gather(*(repeat(client, begin_ns + 10**9) for _ in range(connections)))
            elapsed_ns = time.perf_counter_ns() - begin_ns
        return Figures(statistics.median(latencies_ns) / 1e3, len(latencies_ns) / elapsed_ns * 1e9)

    yield lambda connections: asyncio.run(drive(connections))


def alternate(
    first: Callable[[int], Figures], second: Callable[[int], Figures], connections: int, rounds: int
) -> tuple[list[Figures], list[Figures]]:
    """Run both once a round, in turns; returns each one's rounds."""
    firsts, seconds = [], []
    for number in range(rounds):
        if number % 2:
            seconds.append(second(connections))
            firsts.append(first(connections))
        else:
            firsts.append(first(connections))
            seconds.append(second(connections))
    return firsts, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with (
        noop_server() as address,
        ours(address) as drive_ours,
        wrk(address) as drive_wrk,
        httpx_client(address) as drive_httpx,
    ):
        at_one = alternate(drive_ours, drive_wrk, 1, rounds)
        at_many = alternate(drive_ours, drive_wrk, MANY, rounds)
        httpx_p50_us = statistics.median(drive_httpx(1).p50_us for _ in range(3))
        httpx_rate_per_s = statistics.median(drive_httpx(MANY).rate_per_s for _ in range(3))

    p50s_us = [[figures.p50_us for figures in each] for each in at_one]
    rates_per_s = [[figures.rate_per_s for figures in each] for each in at_many]
    print(f"\nno-op Go server, POST of {len(BODY)} bytes, {rounds} rounds of 1 s, medians\n")
    print(f"{'':16}{'p50, 1 connection':>22}{f'requests/s, {MANY}':>22}")
    for name, p50_us, rate_per_s in (
        ("pytest-modelgate", *map(statistics.median, (p50s_us[0], rates_per_s[0]))),
        ("wrk -t1", *map(statistics.median, (p50s_us[1], rates_per_s[1]))),
        ("httpx (async)", httpx_p50_us, httpx_rate_per_s),
    ):
        print(f"{name:16}{f'{p50_us:.1f} µs':>22}{f'{rate_per_s:,.0f}':>22}")
    slower = ratio("p50 at 1 connection", *p50s_us)
    faster = ratio(f"requests/s at {MANY} connections", *rates_per_s)
    met = slower <= P50_BAR and faster >= RATE_BAR
    print(f"\nbars: p50 ≤ {P50_BAR:.2f} × wrk, requests/s ≥ {RATE_BAR:.2f} × wrk: ", end="")
    print("met" if met else "MISSED")
    return 0 if met else 1


def ratio(what: str, of_ours: list[float], of_wrk: list[float]) -> float:
    """Print and return the median over the rounds of ours ÷ wrk's."""
    ratios = [mine / other for mine, other in zip(of_ours, of_wrk, strict=True)]
    low, middle, high = (float(q) for q in np.percentile(ratios, [25, 50, 75]))
    print(f"ratio to wrk, {what}: {middle:.3f} (quartiles {low:.3f} … {high:.3f})")
    return middle


if __name__ == "__main__":
    sys.exit(main())
