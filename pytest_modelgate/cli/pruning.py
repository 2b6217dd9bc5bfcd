"""``pytest-modelgate prune``: remove the baselines whose tests no longer exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.cli.catalogue import entries
from pytest_modelgate.cli.collecting import CollectionError, collect
from pytest_modelgate.cli.output import print_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_modelgate.baselines.store import BaselineStore
    from pytest_modelgate.cli.catalogue import Entry
    from pytest_modelgate.cli.collecting import Collection
    from pytest_modelgate.config.specs import Settings


@dataclass(frozen=True)
class Orphan:
    """A baseline that no test can use, and why."""

    entry: Entry
    reason: str


def prune(store: BaselineStore, settings: Settings, *, yes: bool) -> int:
    """Print the baselines whose tests no longer exist, and remove them if told so.

    :param yes: remove them.
    :return: 2 where a baseline is damaged, whose test is therefore not known: it stays; else 0.
    :raises ModelgateError: it cannot be known which tests exist, or a baseline cannot be removed.
    """
    recorded = entries(store)
    whole = [entry for entry in recorded if entry.damage is None]
    orphans = find_orphans(whole, settings, collect(settings)) if recorded else ()
    for orphan in orphans:
        if yes:
            store.remove(orphan.entry.folder)
        verb = "removed" if yes else "would remove"
        print_lines(f"{verb} {orphan.entry.title}: {orphan.reason}")
    damaged = [entry for entry in recorded if entry.damage is not None]
    print_lines(*(f"left {entry.title}: it is damaged" for entry in damaged))
    if not orphans:
        print_lines(f"nothing to prune in {store.root}")
    elif not yes:
        print_lines("nothing was removed: to remove, `pytest-modelgate prune --yes`")
    return 2 if damaged else 0


def find_orphans(
    recorded: Iterable[Entry], settings: Settings, collection: Collection
) -> Sequence[Orphan]:
    """Return the baselines that no collected gate has.

    A test is gone if its file is, or if its file was collected without it.

    :raises CollectionError: the file of a missing test is there, and was not collected.
    """
    orphans: list[Orphan] = []
    unknown: list[str] = []
    for entry in recorded:
        if (entry.server, entry.test) in collection.gates:
            continue
        reason = _reason(entry, settings, collection)
        if reason is None:
            unknown.append(entry.test)
        else:
            orphans.append(Orphan(entry, reason))
    if unknown:
        raise CollectionError(
            "nothing is pruned after a partial collection: "
            "tests that have baselines are in files that pytest did not collect whole",
            got=", ".join(unknown),
            hint="see testpaths, addopts, and whether a file skips itself",
        )
    return orphans


def _reason(entry: Entry, settings: Settings, collection: Collection) -> str | None:
    """Say why no test can use a baseline, None where that is not known."""
    if entry.server not in settings.servers:
        return "its server is not configured"
    file = settings.root / entry.test.partition("::")[0]
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "its test's file does not exist"
    except (OSError, ValueError):  # not allowed to look, or no path at all: not known
        return None
    return _reason_in(file, entry, collection)


def _reason_in(file: Path, entry: Entry, collection: Collection) -> str | None:
    if file.resolve() not in collection.files:
        return None
    other = sorted(server for server, test in collection.gates if test == entry.test)
    return f"its test is gated on {', '.join(other)}" if other else "its test does not exist"
