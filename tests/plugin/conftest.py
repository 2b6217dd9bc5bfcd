"""Projects in which pytest runs inside pytest."""

from __future__ import annotations

import importlib
import os
import pkgutil
from typing import TYPE_CHECKING

import pytest
from gate_project import KEPT, GateProject, gated

import pytest_modelgate

if TYPE_CHECKING:
    from pathlib import Path

# pytester forgets what was imported within it, and extension modules cannot be imported twice; so
# everything is imported before, also what the plugin and its libraries import when they need it.
for module in pkgutil.walk_packages(pytest_modelgate.__path__, "pytest_modelgate."):
    importlib.import_module(module.name)
for name in ("httpcore", "safetensors.numpy", "uvloop"):
    importlib.import_module(name)


@pytest.fixture
def empty_project(
    pytester: pytest.Pytester, fault_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> GateProject:
    """A project without tests and configuration."""
    for name in os.environ:
        if name.startswith("MODELGATE_"):
            monkeypatch.delenv(name)
    return GateProject(pytester, fault_binary)


@pytest.fixture
def project(empty_project: GateProject) -> GateProject:
    """A project with one gated test that passes: its only threshold is generous and absolute."""
    empty_project.configure()
    empty_project.write_tests(gated(KEPT))
    return empty_project
