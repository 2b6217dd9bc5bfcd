"""Baselines on disk: one folder for each server and test.

    baselines/<server>/<readable part of the test's id>-<hash of the whole id>/
        baseline.json                    numbers, conditions, and the SHA-256 of the answers
        answers-<part of it>.safetensors

The answers are written first, under a name of their own, and become the baseline's with the one
rename that replaces baseline.json; only then are the former answers deleted. So a process may be
killed at any moment, and leaves the old baseline or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import filelock

from pytest_modelgate.baselines.answers_file import decode_answers, encode_answers
from pytest_modelgate.baselines.document import AnswersReference, from_json, to_json
from pytest_modelgate.config.server_table import SERVER_NAME
from pytest_modelgate.errors import BaselineError
from pytest_modelgate.locks import lock_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.tensors import Tensors

DOCUMENT = "baseline.json"
_READABLE_LENGTH = 80
_HASH_LENGTH = 12
_LFS_POINTER = b"version https://git-lfs"
_RESTORE = "restore it (`git checkout`), or record anew: `pytest --modelgate --update-baseline`"
_MAKE_ROOM = "make the folder writable, or make room; no baseline is left half written"
_MAY_WRITE = "make the folder writable"
LOCK_TIMEOUT_S = 60.0


class BaselineStore:
    """The baselines under one folder. Processes may share it: each access holds a lock.

    :param root: the folder; made when the first baseline is saved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_for(self, server: str, test_id: str) -> Path:
        """Return the folder of a baseline, whether or not it exists.

        Every two ids have different folders, also where the file system ignores case, and all lie
        within the root. Raises BaselineError for a server's name that is none.
        """
        if not SERVER_NAME.fullmatch(server):
            raise BaselineError(f"the server's name {server!r} cannot be a folder's")
        digest = hashlib.sha256(test_id.encode(errors="surrogatepass")).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9_]+", "-", test_id).strip("-")
        # The end says more than the beginning: it has the test's name and its parameters.
        readable = readable[-_READABLE_LENGTH:].strip("-")
        return self.root / server / f"{readable or 'test'}-{digest[:_HASH_LENGTH]}"

    def load(self, server: str, test_id: str) -> Baseline | None:
        """Return a baseline, None where none was recorded.

        :raises BaselineError: there is one, and it cannot be read or is not this test's.
        """
        folder = self.path_for(server, test_id)
        with _explained("cannot use", folder, _RESTORE), _locked(folder):
            try:
                baseline = _read(folder)
            except FileNotFoundError:
                return None
            recorded = (baseline.server, baseline.test)
            if recorded != (server, test_id):
                raise BaselineError(
                    "it belongs to another test",
                    expected=f"{test_id} on {server}",
                    got=f"{recorded[1]} on {recorded[0]}",
                )
            return baseline

    def folders(self) -> list[Path]:
        """Return the folder of every baseline, sorted; none where the root does not exist.

        :raises BaselineError: the root cannot be read.
        """
        try:
            # pathlib's glob would pass over what it may not read, and so hide baselines.
            servers = [path for path in _subfolders(self.root) if SERVER_NAME.fullmatch(path.name)]
            found = [folder for server in servers for folder in _subfolders(server)]
        except OSError as error:
            raise BaselineError(
                f"cannot look for baselines in {self.root}", got=error.strerror or str(error)
            ) from error
        return [folder for folder in found if (folder / DOCUMENT).exists()]

    def read(self, folder: Path) -> Baseline:
        """Return the baseline of a folder, whosever it is.

        :raises BaselineError: it cannot be read, or does not belong into that folder.
        """
        with _explained("cannot use", folder, _RESTORE), _locked(folder):
            baseline = _read(folder)
            expected = self.path_for(baseline.server, baseline.test)
            if expected != folder:
                raise BaselineError(
                    f"it belongs to another test, {baseline.test} on {baseline.server}",
                    expected=f"in {expected}",
                )
            return baseline

    def load_or_none(self, server: str, test_id: str) -> Baseline | None:
        """Return a baseline, None also for a damaged one: for an update, which replaces it."""
        try:
            return self.load(server, test_id)
        except BaselineError:
            return None

    def save(self, baseline: Baseline) -> Path:
        """Write a baseline, in place of the test's former one, and return its folder.

        :raises BaselineError: it cannot be written, or holds what no baseline can; the former one
            is as it was.
        """
        folder = self.path_for(baseline.server, baseline.test)
        answers, tensors = encode_answers(baseline.answers)
        reference = AnswersReference(hashlib.sha256(answers).hexdigest(), tensors)
        content = to_json(baseline, reference if tensors else None)
        self.write(
            folder, RecordedFiles(content, answers_name(reference) if tensors else "", answers)
        )
        return folder

    def write(self, folder: Path, files: RecordedFiles) -> None:
        """Write a baseline's files, in place of the folder's former ones.

        :raises BaselineError: they cannot be written; the former ones are as they were.
        """
        name = files.answers_name
        with _explained("cannot write", folder, _MAKE_ROOM), _locked(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if name:
                is_new = not (folder / name).exists()
                _write(folder / name, files.answers)
            try:
                _write(folder / DOCUMENT, files.document)
            except BaseException:
                if name and is_new:  # answers of no baseline
                    (folder / name).unlink()
                raise
            _delete_leftovers(folder, keep=name)

    def remove(self, folder: Path) -> None:
        """Remove a baseline, and its server's folder with the last one.

        What else somebody put into the folder stays, and keeps it.

        :raises BaselineError: it cannot be removed, or does not lie where its name says: what a
            symbolic link leads to is not ours to remove.
        """
        with _explained("cannot remove", folder, _MAY_WRITE), _locked(folder):
            if folder.resolve() != self.root.resolve() / folder.parent.name / folder.name:
                raise BaselineError("it is reached by a symbolic link", hint="remove it by hand")
            (folder / DOCUMENT).unlink()
            _delete_leftovers(folder, keep="")
            for path in (folder, folder.parent):
                if not any(path.iterdir()):
                    path.rmdir()


@dataclass(frozen=True)
class RecordedFiles:
    """A baseline's files as they lie on the disk or in git.

    :ivar answers_name: of the answers' file; empty where the baseline has no answers.
    """

    document: bytes
    answers_name: str
    answers: bytes


def answers_name(reference: AnswersReference) -> str:
    """Return the name of the file that holds these answers."""
    return f"answers-{reference.sha256[:_HASH_LENGTH]}.safetensors"


def checked_answers(
    reference: AnswersReference, content: bytes, lfs_hint: str
) -> dict[str, Tensors]:
    """Return the answers in a file's bytes.

    :param lfs_hint: what to do where these are only Git LFS's pointer to them.
    :raises BaselineError: they are not what was recorded.
    """
    name = answers_name(reference)
    if content.startswith(_LFS_POINTER):
        raise BaselineError(f"{name} is a Git LFS pointer", hint=lfs_hint)
    found = hashlib.sha256(content).hexdigest()
    if found != reference.sha256:
        raise BaselineError(
            f"{name} is not the file that was recorded",
            expected=f"SHA-256 {reference.sha256}",
            got=found,
        )
    return dict(decode_answers(content, reference.tensors))


def _subfolders(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _read(folder: Path) -> Baseline:
    """Read a folder's baseline; raises FileNotFoundError where there is none, or BaselineError."""
    document = from_json((folder / DOCUMENT).read_bytes())
    if document.answers is None:
        return document.with_answers({})
    path = folder / answers_name(document.answers)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BaselineError(f"its answers are missing: {path.name}") from error
    return document.with_answers(
        checked_answers(document.answers, content, "fetch it: `git lfs pull`")
    )


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in the place of another, or leave that as it is."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could keep the rename and lose the content
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _delete_leftovers(folder: Path, keep: str) -> None:
    """Delete former answers, and what processes that were killed left behind."""
    for path in (*folder.glob("answers-*.safetensors"), *folder.glob(".*.tmp")):
        if path.name != keep:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a baseline's lock."""
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
    try:
        with lock_of(name).acquire(timeout=LOCK_TIMEOUT_S):
            yield
    except filelock.Timeout as error:
        raise BaselineError(
            f"another process has held its lock for {LOCK_TIMEOUT_S:.0f} s",
            hint=f"end the process that holds {error.lock_file}",
        ) from error


@contextlib.contextmanager
def _explained(what: str, folder: Path, hint: str) -> Iterator[None]:
    """Say of every error which baseline it concerns, and what to do about it."""
    try:
        yield
    except OSError as error:
        raise BaselineError(f"{what} the baseline {folder}", got=str(error), hint=hint) from error
    except BaselineError as error:
        raise BaselineError(
            f"{what} the baseline {folder}: {error.what}",
            expected=error.expected,
            got=error.got,
            hint=error.hint or hint,
        ) from error
