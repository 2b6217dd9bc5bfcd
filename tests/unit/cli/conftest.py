"""A project under git with baselines, and the command run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# the samples of the layer below: a baseline is a baseline
sys.path.insert(0, str(Path(__file__).parents[1] / "baselines"))

from baseline_samples import sample_baseline, sample_run

from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Repository:
    """A git repository, which is the working directory too."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.store = BaselineStore(path / "baselines")
        self._capsys = capsys

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.path, check=True, capture_output=True, text=True
        )
        return done.stdout

    def commit(self, subject: str = "Record") -> str:
        """Commit everything, and return the hash."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD").strip()

    def save(self, p50_s: float = 0.008, **changes: object) -> Path:
        """Record a baseline whose latency differs."""
        runs = tuple(sample_run(p50_s * (1 + i / 1000)) for i in range(5))
        return self.store.save(sample_baseline(**{"runs": runs, **changes}))

    def run(self, *args: str) -> Ended:
        """Run ``pytest-modelgate``."""
        self._capsys.readouterr()
        code = main(args)
        printed = self._capsys.readouterr()
        return Ended(code, printed.out, printed.err)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, in no repository, and git with a name."""
    for name in os.environ:
        if name.startswith(("MODELGATE_", "GIT_")):
            monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    project = tmp_path / "a project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def outside(folder: Path, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A folder that is no repository."""
    return Repository(folder, capsys)


@pytest.fixture
def repository(outside: Repository) -> Repository:
    outside.git("init", "-q", "-b", "main")
    return outside
