"""What the installed plugin costs a ``pytest`` run that does not use it.

    python bench/idle.py [--rounds 60]

Starts ``pytest`` on one trivial test in an empty folder, with all installed plugins kept away by
``-p no:NAME``: alone, with this plugin let in, and with pytest-benchmark let in. Each round starts
all three, in an order of its own, and a plugin's cost is the median over the rounds of its time
minus that of pytest alone: once by a clock on the wall, once in CPU time, which other work on the
machine disturbs less. Exits 1 where the bar is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

BAR_MS = 10.0  # at most, on the wall
ALONE = "pytest alone"
OURS = "pytest-modelgate"
LET_IN = {ALONE: None, OURS: "modelgate", "pytest-benchmark": "benchmark"}
INSTALLED = sorted({entry.name for entry in entry_points(group="pytest11")})


@dataclass(frozen=True)
class Cost:
    """One start of pytest."""

    wall_ms: float
    cpu_ms: float


def start_pytest(folder: Path, let_in: str | None) -> Cost:
    keep_away = [f"-pno:{name}" for name in INSTALLED if name != let_in]
    command = [sys.executable, "-m", "pytest", "-q", *keep_away]
    environment = dict(os.environ)
    # Bytecode is kept, as for any user, whatever the caller's environment says of it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / ".bytecode")
    begin_cpu_s, begin_s = children_cpu_s(), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall_s, cpu_s = time.perf_counter() - begin_s, children_cpu_s() - begin_cpu_s
    return Cost(wall_s * 1e3, cpu_s * 1e3)


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(folder: Path, rounds: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in LET_IN}
    for let_in in LET_IN.values():
        start_pytest(folder, let_in)  # so that the bytecode is written
    for _ in range(rounds):
        for name in random.sample(list(LET_IN), len(LET_IN)):
            costs[name].append(start_pytest(folder, LET_IN[name]))
    return costs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_trivial.py").write_text("def test_trivial():\n    assert True\n")
        costs = measure(folder, rounds)
    print(f"\n{rounds} rounds, medians; the difference to pytest alone by round\n")
    print(f"{'':18}{'wall':>12}{'difference':>14}{'CPU':>12}{'difference':>14}")
    added_ms = {}
    for name, of_name in costs.items():
        pairs = list(zip(of_name, costs[ALONE], strict=True))
        wall_ms = statistics.median(cost.wall_ms for cost in of_name)
        cpu_ms = statistics.median(cost.cpu_ms for cost in of_name)
        added_ms[name] = statistics.median(cost.wall_ms - alone.wall_ms for cost, alone in pairs)
        added_cpu_ms = statistics.median(cost.cpu_ms - alone.cpu_ms for cost, alone in pairs)
        wall, cpu = f"{wall_ms:.1f} ms", f"{cpu_ms:.1f} ms"
        print(f"{name:18}{wall:>12}{added_ms[name]:>+11.1f} ms{cpu:>12}{added_cpu_ms:>+11.1f} ms")
    met = added_ms[OURS] <= BAR_MS
    print(f"\nbar: at most +{BAR_MS:g} ms on the wall: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
