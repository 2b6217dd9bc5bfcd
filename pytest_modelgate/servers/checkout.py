"""The files of an earlier commit, in a temporary work tree."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.errors import BaselineServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 or SHA-256, and never an option
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Set where git itself runs pytest, as a hook; they would speak of another work tree."""


@dataclass(frozen=True)
class Repository:
    """A clone with a work tree.

    :ivar top: the work tree's top folder, without symbolic links.
    :ivar git_directory: where its objects are.
    """

    top: Path
    git_directory: Path

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """Return the repository that a folder is in.

        :raises BaselineServerError: where there is none, or no git.
        """
        done = _git("-C", str(folder), "rev-parse", "--show-toplevel", "--absolute-git-dir")
        if done.returncode:
            raise BaselineServerError(
                f"{folder} is in no git repository from which the baseline could be built",
                got=done.stderr.strip(),
            )
        top, git_directory = done.stdout.splitlines()
        return cls(Path(top), Path(git_directory))

    def expect(self, commit: str, folder: Path) -> None:
        """Check that a commit is here and has a folder.

        :param commit: in hexadecimal, whole.
        :param folder: relative to the top.
        :raises BaselineServerError: where it is not, or has not.
        """
        if not _COMMIT.fullmatch(commit):
            raise BaselineServerError(
                "the baseline does not say from which commit it was recorded",
                expected="40 or 64 hexadecimal digits",
                got=commit,
            )
        if self._type_of(commit) != "commit":
            raise BaselineServerError(
                f"the baseline's commit {commit[:12]} is not in this clone",
                hint="get the whole history: git fetch --unshallow, or fetch-depth: 0 in the CI's "
                "checkout; a commit that was squashed or rebased away is gone",
            )
        path = "" if folder == Path() else folder.as_posix()
        if self._type_of(f"{commit}:{path}") != "tree":
            raise BaselineServerError(
                f"there was no folder {folder} yet in the baseline's commit {commit[:12]}",
                hint="record the baseline anew: --update-baseline",
            )

    @contextlib.contextmanager
    def checked_out(self, commit: str) -> Iterator[Path]:
        """Have the files of a commit in a temporary folder, which is removed in the end.

        Nothing is written to the repository, unlike by ``git worktree add``: a session that is
        killed leaves nothing registered there. There is no ``.git`` in the folder either, which
        inside a container would lead nowhere and fail ``go build``, as it asks git for the version.

        :raises BaselineServerError: where git cannot write them.
        """
        with tempfile.TemporaryDirectory(prefix="modelgate-baseline-") as temporary:
            tree = Path(temporary, "tree")
            tree.mkdir()
            done = _git(
                f"--git-dir={self.git_directory}",
                f"--work-tree={tree}",
                *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
                *("checkout", "--quiet", commit, "--", "."),
                cwd=tree,
                env={"GIT_INDEX_FILE": str(Path(temporary, "index"))},
            )
            if done.returncode:
                raise BaselineServerError(
                    f"the files of the baseline's commit {commit[:12]} cannot be checked out",
                    got=done.stderr.strip(),
                )
            yield tree

    def _type_of(self, name: str) -> str:
        """Return "commit", "tree", "blob"; empty where git does not have it."""
        return _git(f"--git-dir={self.git_directory}", "cat-file", "-t", name).stdout.strip()


def _git(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git, which asks nobody for a password; raises BaselineServerError where it is absent."""
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command; what is recorded is validated
            ["git", *arguments],  # noqa: S607 - the user's own git, as provenance has it
            cwd=cwd,
            env={**kept, "GIT_TERMINAL_PROMPT": "0", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise BaselineServerError(
            "the baseline's server must be built from its commit, and git cannot be run",
            got=error.strerror,
            hint="install git",
        ) from error
    with process:
        try:
            output, errors = process.communicate()
        except BaseException:
            # subprocess.run would not wait for it after an interrupt, and it could still write.
            process.kill()
            process.wait()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)
