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

_DOCUMENT = "baseline.json"
_READABLE_LENGTH = 80
_HASH_LENGTH = 12
_LFS_POINTER = b"version https://git-lfs"
_RESTORE = "restore it (`git checkout`), or record anew: `pytest --modelgate --update-baseline`"
_MAKE_ROOM = "make the folder writable, or make room; no baseline is left half written"
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
                content = (folder / _DOCUMENT).read_bytes()
            except FileNotFoundError:
                return None
            document = from_json(content)
            recorded = (document.baseline.server, document.baseline.test)
            if recorded != (server, test_id):
                raise BaselineError(
                    "it belongs to another test",
                    expected=f"{test_id} on {server}",
                    got=f"{recorded[1]} on {recorded[0]}",
                )
            return document.with_answers(_read_answers(folder, document.answers))

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
        sha256 = hashlib.sha256(answers).hexdigest()
        content = to_json(baseline, AnswersReference(sha256, tensors) if tensors else None)
        answers_name = _answers_name(sha256)
        with _explained("cannot write", folder, _MAKE_ROOM), _locked(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if tensors:
                is_new = not (folder / answers_name).exists()
                _write(folder / answers_name, answers)
            try:
                _write(folder / _DOCUMENT, content)
            except BaseException:
                if tensors and is_new:  # answers of no baseline
                    (folder / answers_name).unlink()
                raise
            _delete_leftovers(folder, keep=answers_name if tensors else "")
        return folder


def _answers_name(sha256: str) -> str:
    return f"answers-{sha256[:_HASH_LENGTH]}.safetensors"


def _read_answers(folder: Path, reference: AnswersReference | None) -> dict[str, Tensors]:
    if reference is None:
        return {}
    path = folder / _answers_name(reference.sha256)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BaselineError(f"its answers are missing: {path.name}") from error
    if content.startswith(_LFS_POINTER):
        raise BaselineError(f"{path.name} is a Git LFS pointer", hint="fetch it: `git lfs pull`")
    found = hashlib.sha256(content).hexdigest()
    if found != reference.sha256:
        raise BaselineError(
            f"{path.name} is not the file that was recorded",
            expected=f"SHA-256 {reference.sha256}",
            got=found,
        )
    return dict(decode_answers(content, reference.tensors))


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
