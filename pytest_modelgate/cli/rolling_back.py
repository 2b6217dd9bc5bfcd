"""``pytest-modelgate rollback``: a version that git has, put back into the working tree."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.store import DOCUMENT
from pytest_modelgate.cli.catalogue import all_entries, find
from pytest_modelgate.cli.output import one_line, print_lines, short_commit
from pytest_modelgate.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.baselines.history import History, Version
    from pytest_modelgate.baselines.store import BaselineStore
    from pytest_modelgate.cli.catalogue import Entry


def roll_back(
    store: BaselineStore, history: History, name: str, revision: str | None, *, force: bool
) -> int:
    """Restore a baseline, commit nothing, and say what to commit.

    :param revision: None: the last version before the present one that differs from it.
    :param force: also where the present version is in no commit, and will be lost.
    :raises BaselineError: there is no such version, or the present one would be lost.
    """
    entry = find(all_entries(store, history), name, store.root)
    versions = history.versions(entry.name)
    present = history.present_blobs(entry.folder)
    wanted = _previous(entry, versions, present, history) if revision is None else revision
    commit = history.commit(wanted)
    recorded = history.at(entry.name, commit)
    if store.path_for(recorded.baseline.server, recorded.baseline.test) != entry.folder:
        raise BaselineError(
            f"{short_commit(commit)} has another test's baseline there",
            got=f"{recorded.baseline.server}/{recorded.baseline.test}",
        )
    if present == history.blobs(entry.name, commit):
        print_lines(f"{entry.title} is as {short_commit(commit)} has it: nothing to restore")
        return 0
    if not force:
        _refuse_loss(entry, versions, present)
    store.write(entry.folder, recorded.files)
    _print(entry, history, commit, recorded.baseline.recorded_at)
    return 0


def _previous(
    entry: Entry, versions: Sequence[Version], present: Mapping[str, str], history: History
) -> str:
    """Return the commit of the version before the present one."""
    documents = [version.blobs[DOCUMENT] for version in versions]
    now = present.get(DOCUMENT)
    # One that no commit has comes after all that one has.
    first = documents.index(now) + 1 if now in documents else 0
    for version, document in zip(versions[first:], documents[first:], strict=True):
        if document != now:
            return version.commit
    raise BaselineError(
        f"git has no other version of {entry.title} before the present one",
        hint=history.shallow_hint() or "see `pytest-modelgate show --history`",
    )


def _refuse_loss(entry: Entry, versions: Sequence[Version], present: Mapping[str, str]) -> None:
    if present and not any(present.items() <= version.blobs.items() for version in versions):
        raise BaselineError(
            f"what is recorded now of {entry.title} is in no commit, and would be lost",
            hint="commit it first, or give it up with --force",
        )


def _print(entry: Entry, history: History, commit: str, recorded_at: str) -> None:
    print_lines(
        f"restored {entry.title} as {short_commit(commit)} has it, "
        f"recorded at {one_line(recorded_at)}"
    )
    if history.present_blobs(entry.folder) == history.blobs(entry.name, history.commit("HEAD")):
        print_lines("this is HEAD's version: there is nothing to commit")
    else:
        folder = shlex.quote(str(entry.folder))
        print_lines("look at it and commit it:", f"  git add -A -- {folder} && git commit")
