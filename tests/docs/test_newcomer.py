"""README.md works for somebody who has nothing but Python, a server of their own, and the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest
from blocks import blocks_of
from reader import README, ROOT, Reader

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a release would publish."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture
def newcomer(tmp_path: Path, wheel: Path, fault_binary: Path) -> Reader:
    """Somebody whose package index has our wheel, and everything else that the world's has."""
    environment, project = tmp_path / "environment", tmp_path / "project"
    venv.create(environment, with_pip=True)
    project.mkdir()
    shutil.copy(fault_binary, project / "server")
    constraint = tmp_path / "constraint.txt"
    constraint.write_text(f"pytest-modelgate @ {wheel.as_uri()}\n")
    python = environment / "bin" / "python"
    return Reader(project, python, env={"PIP_CONSTRAINT": str(constraint)})


def test_the_readme_works_with_the_installed_wheel_in_a_project_elsewhere(newcomer: Reader) -> None:
    for block in blocks_of(README):
        if not block.is_for_checkout:
            newcomer.execute(block)
