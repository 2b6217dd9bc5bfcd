"""``pytest-modelgate list``: which baselines there are."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING

from pytest_modelgate.cli.catalogue import Entry, entries
from pytest_modelgate.cli.output import NOTHING, print_lines, print_table, short_commit, shown
from pytest_modelgate.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.baselines.store import BaselineStore

HEADLINES = ("latency.p50", "memory.peak")
SCHEMA = "modelgate-list/1"


def list_baselines(store: BaselineStore, *, as_json: bool) -> int:
    """Print all baselines, and return 2 where one of them is damaged, else 0."""
    found = entries(store)
    if as_json:
        print_lines(_json(store.root, found))
    elif found:
        _print(found)
    else:
        print_lines(f"no baselines in {store.root}")
    return 2 if any(entry.damage for entry in found) else 0


def _print(found: Sequence[Entry]) -> None:
    columns = ("server", "test", "recorded at", "commit", "runs", *HEADLINES, "size")
    print_table(columns, (_row(entry) for entry in found), right=4)
    for entry in found:
        if entry.damage is not None:
            print_lines("", f"damaged: {entry.damage}")


def _row(entry: Entry) -> tuple[str, ...]:
    size = format_value(_size_bytes(entry.folder), "B")
    if entry.baseline is None:
        unknown = [NOTHING] * (2 + len(HEADLINES))
        return entry.server, entry.test, "damaged", *unknown, size
    baseline = entry.baseline
    medians = medians_of(baseline)
    return (
        entry.server,
        entry.test,
        baseline.recorded_at.replace("T", " ").removesuffix("+00:00"),
        short_commit(baseline.provenance.get("git_commit", NOTHING)),
        str(len(baseline.runs)),
        *(shown(name, medians[name]) if name in medians else NOTHING for name in HEADLINES),
        size,
    )


def medians_of(baseline: Baseline) -> dict[str, float]:
    """Return metric name → the median of its values, one a run."""
    names = sorted({name for run in baseline.runs for name in run.values})
    return {
        name: median(run.values[name] for run in baseline.runs if name in run.values)
        for name in names
    }


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.iterdir())


def _json(root: Path, found: Sequence[Entry]) -> str:
    document = {
        "schema": SCHEMA,
        "folder": str(root),
        "baselines": [_document(entry) for entry in found],
    }
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False)


def _document(entry: Entry) -> dict[str, object]:
    baseline = entry.baseline
    return {
        "server": entry.server,
        "test": entry.test if baseline else None,
        "folder": str(entry.folder),
        "size_bytes": _size_bytes(entry.folder),
        "damage": None if entry.damage is None else entry.damage.brief,
        "recorded_at": baseline and baseline.recorded_at,
        "git_commit": baseline and baseline.provenance.get("git_commit"),
        "runs": baseline and len(baseline.runs),
        "medians": baseline and medians_of(baseline),
        "exact": baseline and dict(baseline.exact),
    }
