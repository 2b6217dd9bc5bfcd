"""A pool of recorded rounds: what they measured, how long they took, on disk as one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True)
class PooledRound:
    """One round of one binary against itself.

    :ivar sides: metric name → value, of either server; latencies are in ``blocks_ns``.
    :ivar blocks_ns: (pairs, 2), the latency of each request; one connection each.
    :ivar elapsed_s: servers started and stopped included.
    """

    sides: tuple[dict[str, float], dict[str, float]]
    blocks_ns: npt.NDArray[np.float64]
    elapsed_s: float


def append(path: Path, one: PooledRound) -> None:
    """Add a round to a pool; a killed recording loses the last at most."""
    line = {
        "sides": one.sides,
        "blocks_us": np.round(one.blocks_ns / 1e3, 1).tolist(),
        "elapsed_s": one.elapsed_s,
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def load(path: Path) -> Sequence[PooledRound]:
    """Return the rounds of a pool."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        PooledRound(
            (line["sides"][0], line["sides"][1]),
            np.array(line["blocks_us"]) * 1e3,
            line["elapsed_s"],
        )
        for line in lines
    ]
