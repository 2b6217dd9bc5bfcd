"""Which gates a project has: pytest is asked, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.cli import collected
from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from pytest_modelgate.config.specs import Settings

_NO_TESTS = 5
"""pytest's exit code where it collected nothing."""
_LAST_LINES = 20
_WHOLE = "a collection of all tests, as `pytest --modelgate --collect-only` makes it"


class CollectionError(ModelgateError):
    """It cannot be known which tests exist."""


@dataclass(frozen=True)
class Collection:
    """A whole collection.

    :ivar gates: (server, test's id) of every gated test.
    :ivar files: the files that were collected, resolved.
    """

    gates: frozenset[tuple[str, str]]
    files: frozenset[Path]


def collect(settings: Settings) -> Collection:
    """Collect the project's gates from the folder of its configuration.

    :raises CollectionError: pytest found errors, or nothing, or was told to leave tests out.
    """
    with tempfile.TemporaryDirectory(prefix="modelgate-") as temporary:
        notes = Path(temporary) / "collected.json"
        done = _run_pytest(settings, notes, Path(temporary))
        if done.returncode == _NO_TESTS:
            raise CollectionError("pytest collected no test", hint=f"look at it in {settings.root}")
        if done.returncode:
            lines = done.stdout.decode(errors="replace").splitlines()
            raise CollectionError(
                f"pytest could not collect the tests, exit code {done.returncode}:\n"
                + "\n".join(f"    | {line}" for line in lines[-_LAST_LINES:]),
                expected=_WHOLE,
            )
        if not notes.exists():
            raise CollectionError(
                "pytest did not load pytest-modelgate", hint="is it turned off by a `-p no:…`?"
            )
        return _read(notes, settings.root)


def _run_pytest(
    settings: Settings, notes: Path, temporary: Path
) -> subprocess.CompletedProcess[bytes]:
    command = [
        sys.executable, "-m", "pytest", "--modelgate", "--collect-only", "-q",
        "-p", collected.__name__,
        # Beginning, a session removes the report of an earlier one, which is not this one's to do.
        f"--modelgate-json={temporary / 'no-report.json'}",
    ]  # fmt: skip
    return subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=settings.root,
        env={**os.environ, collected.VARIABLE: str(notes)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _read(path: Path, root: Path) -> Collection:
    notes = json.loads(path.read_text())
    for problem, found, hint in (
        ("options leave tests out", notes["narrowed_by"], "see addopts and PYTEST_ADDOPTS"),
        ("gates were left out", notes["left_out"], "see addopts, PYTEST_ADDOPTS and plugins"),
        ("the markers of a test are wrong", notes["unreadable"], None),
    ):
        if found:
            raise CollectionError(
                f"nothing is pruned after a partial collection: {problem}",
                expected=_WHOLE,
                got=", ".join(found),
                hint=hint,
            )
    gates = frozenset((server, test) for server, test in notes["gates"])
    files = frozenset(Path(file) for file in notes["files"])
    for _, test in sorted(gates):
        # A baseline's key begins with its file, seen from the folder of the configuration.
        if (root / test.partition("::")[0]).resolve() not in files:
            raise CollectionError(
                f"the tests are not those of the configuration in {root}",
                got=test,
                hint="run it in the folder of the configuration that the tests have",
            )
    return Collection(gates, files)
