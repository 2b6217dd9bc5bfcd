"""``pytest-modelgate show``: all that a baseline holds, or its history."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pytest_modelgate.cli.catalogue import all_entries, entries, find
from pytest_modelgate.cli.output import (
    NOTHING,
    one_line,
    print_lines,
    print_table,
    short_commit,
    shown,
)
from pytest_modelgate.errors import BaselineError
from pytest_modelgate.tensors import datatype_of
from pytest_modelgate.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.history import History
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.baselines.store import BaselineStore
    from pytest_modelgate.tensors import Contract, Tensors


def show(store: BaselineStore, name: str) -> int:
    """Print a baseline of the working tree; raises BaselineError."""
    entry = find(entries(store), name, store.root)
    if entry.baseline is None:
        raise entry.damage or BaselineError(f"there is no baseline in {entry.folder}")
    _print(entry.baseline)
    return 0


def show_revision(store: BaselineStore, history: History, name: str, revision: str) -> int:
    """Print a baseline as it was at a revision; raises BaselineError."""
    entry = find(all_entries(store, history), name, store.root)
    _print(history.at(entry.name, revision).baseline)
    return 0


def show_history(store: BaselineStore, history: History, name: str) -> int:
    """Print the commits that recorded another version of a baseline; raises BaselineError."""
    entry = find(all_entries(store, history), name, store.root)
    versions = history.versions(entry.name)
    print_lines(entry.title)
    if not versions:
        print_lines("no commit has recorded it")
    else:
        rows = (
            (short_commit(v.commit), f"{v.committed_at:%Y-%m-%d %H:%M:%S}", v.subject)
            for v in versions
        )
        print_table(("commit", "committed at", "subject"), rows)
    if hint := history.shallow_hint():
        print_lines(hint)
    return 0


def _print(baseline: Baseline) -> None:
    print_lines(
        f"{one_line(baseline.server)}/{one_line(baseline.test)}",
        f"recorded at {one_line(baseline.recorded_at)}, {len(baseline.runs)} runs",
    )
    _print_metrics(baseline)
    _print_exact(baseline.exact)
    _print_texts("conditions", baseline.fingerprint)
    _print_texts("provenance", baseline.provenance)
    _print_contract(baseline.contract)
    _print_answers(baseline.answers)


def _print_metrics(baseline: Baseline) -> None:
    names = sorted({name for run in baseline.runs for name in run.values})
    if not names:
        return
    print_lines("")
    columns = ("metric", "median", "min", "max", "spread", "runs")
    print_table(columns, (_metric_row(name, baseline) for name in names), right=5)
    failures = sum(run.failures for run in baseline.runs)
    requests = sum(run.requests for run in baseline.runs)
    print_lines(f"{requests:,} requests, {failures:,} failed")


def _metric_row(name: str, baseline: Baseline) -> tuple[str, ...]:
    values = [run.values[name] for run in baseline.runs if name in run.values]
    middle, least, greatest = median(values), min(values), max(values)
    spread = format_percent((greatest - least) / abs(middle)) if middle else NOTHING
    each = [
        shown(name, run.values[name]) if name in run.values else NOTHING for run in baseline.runs
    ]
    return (
        name,
        *(shown(name, value) for value in (middle, least, greatest)),
        spread,
        ", ".join(each),
    )


def _print_exact(exact: Mapping[str, float]) -> None:
    if exact:
        print_lines("")
        print_table(
            ("exact", "value"), ((k, shown(k, v)) for k, v in sorted(exact.items())), right=1
        )


def _print_texts(title: str, texts: Mapping[str, str]) -> None:
    if texts:
        print_lines("")
        print_table((title, "value"), sorted(texts.items()))


def _print_contract(contract: Contract | None) -> None:
    if contract is None:
        return
    sides = (("input", contract.inputs), ("output", contract.outputs))
    rows = [
        (side, tensor.name, tensor.datatype, str(list(tensor.shape)))
        for side, tensors in sides
        for tensor in tensors
    ]
    print_lines("")
    print_table(("contract", "name", "datatype", "shape"), rows)


def _print_answers(answers: Mapping[str, Tensors]) -> None:
    rows = [
        (name, output, datatype_of(array.dtype) or str(array.dtype), str(list(array.shape)))
        for name, outputs in answers.items()
        for output, array in outputs.items()
    ]
    if rows:
        print_lines("")
        print_table(("answer to", "output", "datatype", "shape"), rows)
