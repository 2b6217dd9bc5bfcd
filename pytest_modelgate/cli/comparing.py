"""``pytest-modelgate diff``: how one version of a baseline differs from another."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.conditions import differences
from pytest_modelgate.cli.catalogue import all_entries, find
from pytest_modelgate.cli.output import (
    NOTHING,
    one_line,
    print_lines,
    print_table,
    short_commit,
    shown,
)
from pytest_modelgate.drift.contract import contract_differences
from pytest_modelgate.errors import BaselineError
from pytest_modelgate.session import BUILD_ALPHA
from pytest_modelgate.units import format_change
from pytest_modelgate.verdict import answers_change, metric_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modelgate.baselines.history import History
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.baselines.store import BaselineStore
    from pytest_modelgate.cli.catalogue import Entry
    from pytest_modelgate.verdict import MetricChange

WORKING_TREE = "the working tree"


@dataclass(frozen=True)
class _Side:
    """One of the two versions.

    :ivar label: what it is called.
    :ivar blobs: git's hashes of its files: equal, and there is no difference.
    :ivar baseline: None where there is none.
    """

    label: str
    blobs: Mapping[str, str]
    baseline: Baseline | None


def diff_one(store: BaselineStore, history: History, name: str, old: str, new: str | None) -> bool:
    """Print how a baseline differs, and tell whether it does; raises BaselineError.

    :param old: a revision.
    :param new: a revision, None for the working tree.
    """
    entry = find(all_entries(store, history), name, store.root)
    before, now = _recorded(history, entry, old), _side(history, entry, new)
    if before.baseline is None and now.baseline is None:
        raise BaselineError(
            f"neither {before.label} nor {now.label} has the baseline {entry.title}",
            hint=history.shallow_hint(),
        )
    return _print(entry, before, now)


def diff_all(store: BaselineStore, history: History) -> bool:
    """Print how every baseline of the working tree differs from HEAD's; tell whether any does.

    :raises BaselineError: at the end, where some could not be compared.
    """
    head = history.commit("HEAD")
    found, errors = False, []
    for entry in all_entries(store, history):
        if history.blobs(entry.name, head) == history.present_blobs(entry.folder):
            continue
        try:
            before, now = _recorded(history, entry, "HEAD"), _side(history, entry, None)
        except BaselineError as error:
            errors.append(error)
        else:
            print_lines(*([""] if found else []))
            found |= _print(entry, before, now)
    if errors:
        raise BaselineError("\n".join(str(error) for error in errors))
    if not found:
        print_lines(f"no baseline in {store.root} differs from HEAD's")
    return found


def _side(history: History, entry: Entry, revision: str | None) -> _Side:
    if revision is not None:
        return _recorded(history, entry, revision)
    if entry.damage is not None:
        raise entry.damage
    return _Side(WORKING_TREE, history.present_blobs(entry.folder), entry.baseline)


def _recorded(history: History, entry: Entry, revision: str) -> _Side:
    commit = history.commit(revision)
    recorded = history.read(entry.name, revision)
    label = one_line(revision)
    if not commit.startswith(revision):
        label += f" ({short_commit(commit)})"
    blobs = history.blobs(entry.name, commit)
    return _Side(label, blobs, None if recorded is None else recorded.baseline)


def _print(entry: Entry, old: _Side, new: _Side) -> bool:
    print_lines(entry.title, f"old: {_when(old)}", f"new: {_when(new)}")
    if old.baseline is None or new.baseline is None:
        return True
    if old.blobs == new.blobs:
        print_lines("no difference")
        return False
    _print_numbers(old.baseline, new.baseline)
    for title, lines in _sections(old.baseline, new.baseline):
        if lines:
            print_lines(f"{title}:", *(f"  {one_line(line)}" for line in lines))
    return True


def _when(side: _Side) -> str:
    if side.baseline is None:
        return f"{side.label} has none"
    runs = len(side.baseline.runs)
    return f"{side.label}, recorded at {one_line(side.baseline.recorded_at)}, {runs} runs"


def _print_numbers(old: Baseline, new: Baseline) -> None:
    changes = metric_changes(old, new, BUILD_ALPHA)
    exact = sorted({*old.exact, *new.exact})
    rows = [
        *(_metric_row(change) for change in changes),
        *(_exact_row(name, old.exact.get(name), new.exact.get(name)) for name in exact),
    ]
    if rows:
        print_table(("metric", "old", "new", "change", "between", "which is"), rows)


def _metric_row(change: MetricChange) -> tuple[str, ...]:
    found = change.change
    return (
        change.name,
        _median(change.name, change.before),
        _median(change.name, change.now),
        NOTHING if found is None else format_change(found.change),
        NOTHING if found is None else f"{format_change(found.low)} … {format_change(found.high)}",
        "within noise" if change.moved is None else "moved",
    )


def _median(name: str, values: Sequence[float]) -> str:
    return shown(name, median(values)) if values else NOTHING


def _exact_row(name: str, old: float | None, new: float | None) -> tuple[str, ...]:
    change = NOTHING
    if old and new is not None:
        change = format_change((new - old) / abs(old))
    before, now = (NOTHING if value is None else shown(name, value) for value in (old, new))
    return name, before, now, change, NOTHING, "equal" if old == new else "moved"


def _sections(old: Baseline, new: Baseline) -> Iterator[tuple[str, Sequence[str]]]:
    yield "conditions", differences(old.fingerprint, new.fingerprint)
    yield "provenance", differences(old.provenance, new.provenance)
    yield "contract", _contract(old, new)
    if old.answers or new.answers:
        yield "answers", answers_change(old, new).describe()


def _contract(old: Baseline, new: Baseline) -> tuple[str, ...]:
    if old.contract is None or new.contract is None:
        was, now = ("declared" if it else "not declared" for it in (old.contract, new.contract))
        return () if was == now else (f"{now}, was {was}",)
    return contract_differences(old.contract, new.contract)
