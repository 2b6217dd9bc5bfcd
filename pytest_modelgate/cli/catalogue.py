"""Which baselines there are, and which of them an argument names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.store import DOCUMENT
from pytest_modelgate.cli.output import one_line
from pytest_modelgate.errors import BaselineError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_modelgate.baselines.history import History
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.baselines.store import BaselineStore

_MOST_CANDIDATES = 10


@dataclass(frozen=True)
class Entry:
    """One baseline.

    :ivar name: its folder, as ``"server/folder"``.
    :ivar folder: the same in the file system.
    :ivar server: the server's name.
    :ivar test: the test's id; the folder's name where neither the disk nor git can say.
    :ivar baseline: what lies there, None where that is damaged or absent.
    :ivar damage: why it cannot be used, None where nothing is wrong.
    """

    name: str
    folder: Path
    server: str
    test: str
    baseline: Baseline | None
    damage: BaselineError | None

    @property
    def title(self) -> str:
        """The baseline as people speak of it: its server and its test."""
        return one_line(f"{self.server}/{self.test}")


def entries(store: BaselineStore) -> list[Entry]:
    """Return all baselines on the disk, damaged ones too; raises BaselineError."""
    return [_entry(store, folder) for folder in store.folders()]


def all_entries(store: BaselineStore, history: History) -> list[Entry]:
    """Return all baselines on the disk or in HEAD; raises BaselineError.

    One that is damaged or deleted on the disk is still known by the test that HEAD has it for.
    """
    names = {_name(folder) for folder in store.folders()}
    names.update(history.folders("HEAD") if history.has_commits() else ())
    return [_entry_with_history(store, history, name) for name in sorted(names)]


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _entry(store: BaselineStore, folder: Path) -> Entry:
    server, test = folder.parent.name, folder.name
    try:
        baseline = store.read(folder)
    except BaselineError as error:
        return Entry(_name(folder), folder, server, test, None, error)
    return Entry(_name(folder), folder, server, baseline.test, baseline, None)


def _entry_with_history(store: BaselineStore, history: History, name: str) -> Entry:
    folder = store.root / name
    if not (folder / DOCUMENT).exists():
        entry = Entry(name, folder, folder.parent.name, folder.name, None, None)
    else:
        entry = _entry(store, folder)
    if entry.baseline is not None:
        return entry
    return Entry(
        name, folder, entry.server, history.test_of(name) or entry.test, None, entry.damage
    )


def find(known: Sequence[Entry], argument: str, root: Path) -> Entry:
    """Return the baseline that an argument names.

    A test's id, with or without ``server/`` before it, or a baseline's folder; failing that, a part
    of one id alone.

    :param root: the folder of the baselines, for the message.
    :raises BaselineError: it names none, or more than one.
    """
    if not argument:
        raise BaselineError("the name of a baseline is empty")
    path = Path(argument).absolute()
    rules: tuple[Callable[[Entry], bool], ...] = (
        lambda e: argument in (f"{e.server}/{e.test}", e.test, e.name, e.folder.name),
        lambda e: _is_same_folder(path, e.folder),
        lambda e: argument in f"{e.server}/{e.test}",
    )
    for rule in rules:
        found = [entry for entry in known if rule(entry)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(argument, found)
    near = did_you_mean(argument, (name for e in known for name in (e.test, e.title)))
    raise BaselineError(
        f"no baseline is called {one_line(argument)!r}",
        expected=f"one of the {len(known)} in {root}",
        hint=near or "see `pytest-modelgate list`",
    )


def _is_same_folder(path: Path, folder: Path) -> bool:
    try:
        return path.resolve() == folder.resolve()
    except (OSError, ValueError):  # too long, or with a NUL, for a path: then it is no folder's
        return False


def _ambiguous(argument: str, found: Iterable[Entry]) -> BaselineError:
    titles = [entry.title for entry in found]
    rest = len(titles) - _MOST_CANDIDATES
    more = f", and {rest} more" if rest > 0 else ""
    return BaselineError(
        f"{one_line(argument)!r} is in the names of {len(titles)} baselines",
        expected="the name of one",
        got=", ".join(titles[:_MOST_CANDIDATES]) + more,
    )
