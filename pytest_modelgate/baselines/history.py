"""The earlier versions of baselines, from git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.baselines.document import from_json
from pytest_modelgate.baselines.store import (
    DOCUMENT,
    RecordedFiles,
    answers_name,
    checked_answers,
)
from pytest_modelgate.config.server_table import SERVER_NAME
from pytest_modelgate.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.baselines.record import Baseline

_GIT_TIMEOUT_S = 120
_FETCH_LFS = "install Git LFS, and fetch it: `git lfs fetch --all`"


@dataclass(frozen=True)
class Version:
    """A baseline as one commit recorded it.

    :ivar commit: its full hash.
    :ivar committed_at: in UTC.
    :ivar subject: the first line of its message.
    :ivar blobs: the names of the baseline's files, and git's hash of each.
    """

    commit: str
    committed_at: datetime
    subject: str
    blobs: Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """A baseline as git has it: as a value, and as files."""

    baseline: Baseline
    files: RecordedFiles


class History:
    """What git knows of the baselines under one folder.

    :param root: the folder; it need not exist any more, but a folder above it must.
    :raises BaselineError: there is no git, or no repository around the folder.
    """

    def __init__(self, root: Path) -> None:
        # Git speaks of real paths, and a baselines folder may be a link into its repository.
        self._root = root.resolve()
        cwd = next(path for path in (self._root, *self._root.parents) if path.is_dir())
        try:
            top = _Git(cwd).text("rev-parse", "--show-toplevel").removesuffix("\n")
        except BaselineError as error:
            raise BaselineError(
                f"the history of {root} is not known",
                expected="a folder in a git repository",
                got=error.got or error.what,
            ) from error
        self._git = _Git(Path(top))
        self._prefix = os.path.relpath(self._root, top)

    def commit(self, revision: str) -> str:
        """Return the full hash of the commit that a revision names.

        :raises BaselineError: it names none.
        """
        try:
            # the option's end first: a revision may not be taken for an option
            found = self._git.text(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except BaselineError as error:
            raise BaselineError(
                f"{revision!r} names no commit", got=error.got or None, hint=self.shallow_hint()
            ) from error
        return found.strip()

    def has_commits(self) -> bool:
        """Tell whether there is a HEAD: a new repository has none."""
        return self._git.succeeds("rev-parse", "--verify", "--quiet", "HEAD")

    def folders(self, revision: str) -> list[str]:
        """Return the baselines that a revision has, each as ``"server/folder"``, sorted.

        :raises BaselineError: it names no commit.
        """
        commit = self.commit(revision)
        names = self._git.text("ls-tree", "-r", "-z", "--name-only", commit, "--", *self._top())
        found = (
            os.path.relpath(name, self._prefix).split("/") for name in names.split("\0") if name
        )
        return sorted(
            "/".join(parts[:2])
            for parts in found
            if parts[2:] == [DOCUMENT] and SERVER_NAME.fullmatch(parts[0])
        )

    def versions(self, folder: str) -> tuple[Version, ...]:
        """Return the versions of a baseline that HEAD's history recorded, the newest first.

        :param folder: as ``"server/folder"``.
        :raises BaselineError: git cannot say.
        """
        path = self._path(folder, DOCUMENT)
        if not self.has_commits():
            return ()
        log = self._git.text("log", "-z", "--format=%H%x00%ct%x00%s", "HEAD", "--", path)
        fields = log.split("\0")
        entries = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
        found = (self._version(folder, *entry) for entry in entries)
        return tuple(version for version in found if version is not None)

    def _version(self, folder: str, commit: str, seconds: str, subject: str) -> Version | None:
        blobs = self.blobs(folder, commit)
        if DOCUMENT not in blobs:  # a commit that removed it
            return None
        return Version(commit, datetime.fromtimestamp(int(seconds), UTC), subject, blobs)

    def blobs(self, folder: str, commit: str) -> dict[str, str]:
        """Return name → git's hash of each file that a commit has in a folder."""
        listing = self._git.text("ls-tree", "-z", commit, "--", self._path(folder, ""))
        # each is "MODE TYPE HASH<tab>PATH"
        lines = (line.partition("\t") for line in listing.split("\0") if line)
        return {path.rpartition("/")[2]: about.split()[2] for about, _, path in lines}

    def read(self, folder: str, revision: str) -> Recorded | None:
        """Return a baseline as it was at a revision, None where that has none.

        :raises BaselineError: the revision names no commit, or what it has is damaged.
        """
        commit = self.commit(revision)
        blobs = self.blobs(folder, commit)
        if DOCUMENT not in blobs:
            return None
        try:
            return self._read(folder, commit, blobs)
        except BaselineError as error:
            raise BaselineError(
                f"cannot use the baseline {folder} of {revision}: {error.what}",
                expected=error.expected,
                got=error.got,
                hint=error.hint,
            ) from error

    def at(self, folder: str, revision: str) -> Recorded:
        """Return a baseline as `read` does; raises BaselineError also where there is none."""
        recorded = self.read(folder, revision)
        if recorded is None:
            raise BaselineError(f"{revision} has no baseline {folder}", hint=self.shallow_hint())
        return recorded

    def test_of(self, folder: str) -> str | None:
        """Return the test's id as HEAD has it for a folder, None where it cannot say."""
        if not self.has_commits():
            return None
        try:
            recorded = self.read(folder, "HEAD")
        except BaselineError:  # a name is all that was asked for
            return None
        return None if recorded is None else recorded.baseline.test

    def _read(self, folder: str, commit: str, blobs: Mapping[str, str]) -> Recorded:
        content = self._content(commit, folder, DOCUMENT)
        document = from_json(content)
        if document.answers is None:
            return Recorded(document.with_answers({}), RecordedFiles(content, "", b""))
        name = answers_name(document.answers)
        if name not in blobs:
            raise BaselineError(f"its answers are missing: {name}")
        answers = self._content(commit, folder, name)
        checked = checked_answers(document.answers, answers, _FETCH_LFS)
        return Recorded(document.with_answers(checked), RecordedFiles(content, name, answers))

    def _content(self, commit: str, folder: str, name: str) -> bytes:
        # filtered as a checkout is: line ends, and Git LFS where it is installed
        return self._git.output("cat-file", "--filters", f"{commit}:{self._path(folder, name)}")

    def present_blobs(self, folder: Path) -> dict[str, str]:
        """Return name → the hash that git would give it, of a baseline's files on the disk.

        Equal to those of a commit: git has this version, and it can be had back from there.
        """
        paths = [path for path in (folder / DOCUMENT, *folder.glob("answers-*")) if path.is_file()]
        return {
            path.name: self._git.text("hash-object", "--", str(path.resolve())).strip()
            for path in paths
        }

    def _path(self, *parts: str) -> str:
        """Return a path as git has it: from the top of its work tree."""
        return "/".join((*self._top(), *parts))

    def _top(self) -> tuple[str, ...]:
        return () if self._prefix == "." else (self._prefix,)

    def shallow_hint(self) -> str | None:
        """Return what to do where a version is missing that a whole clone would have."""
        is_shallow = self._git.text("rev-parse", "--is-shallow-repository").strip() == "true"
        return (
            "the clone is shallow: fetch the rest, `git fetch --unshallow`" if is_shallow else None
        )


@dataclass(frozen=True)
class _Git:
    """Git, asked in one folder; every method raises BaselineError with git's own words."""

    cwd: Path

    def text(self, *args: str) -> str:
        return os.fsdecode(self.output(*args))

    def succeeds(self, *args: str) -> bool:
        try:
            self.output(*args)
        except BaselineError:
            return False
        return True

    def output(self, *args: str) -> bytes:
        command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", str(self.cwd), *args]
        try:
            done = subprocess.run(  # noqa: S603 - our own command; what comes from outside is data
                command, capture_output=True, timeout=_GIT_TIMEOUT_S, check=True
            )
        except FileNotFoundError as error:
            raise BaselineError("git is not installed, and has the history") from error
        except subprocess.TimeoutExpired as error:
            raise BaselineError(f"git {args[0]} took longer than {_GIT_TIMEOUT_S} s") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()
            raise BaselineError(f"git has no answer about {self.cwd}", got=said or None) from error
        return done.stdout
