"""Somebody who reads a page and does what its blocks say, in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from blocks import commands_of, missing_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blocks import Block

ROOT = Path(__file__).parents[2]

README = ROOT / "README.md"
"""Followed by a newcomer with an environment of their own: test_newcomer.py."""

PAGES = sorted([ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
ALL_PAGES = [README, *PAGES]

# What the suite was started with is not the reader's.
_FOREIGN = ("MODELGATE_", "PYTEST_", "GIT_", "GITHUB_", "PYTHONPATH", "VIRTUAL_ENV")


class Reader:
    """Works in one folder, with one Python.

    :param folder: where the blocks are executed; a git repository from now on.
    :param python: of the virtual environment whose commands come first on the PATH.
    :param env: variables to add to the environment.
    """

    def __init__(self, folder: Path, python: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._python = python
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        self._env["PATH"] = f"{python.parent}{os.pathsep}{self._env['PATH']}"
        self._env["COLUMNS"] = "140"
        for role in ("AUTHOR", "COMMITTER"):
            self._env |= {f"GIT_{role}_NAME": "Reader", f"GIT_{role}_EMAIL": "reader@example.org"}
        self._env |= env or {}
        subprocess.run(["git", "init", "-q"], cwd=folder, env=self._env, check=True)

    def execute(self, block: Block) -> None:
        """Execute a block; an AssertionError says where the page is wrong."""
        match block.language:
            case "console":
                self._type(block)
            case "toml" | "python" if "file" in block.options:
                target = self.folder / block.options["file"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text)
            case "python":
                script = [self._python, "-c", block.text]
                subprocess.run(script, cwd=self.folder, env=self._env, check=True)
            case "toml":
                tomllib.loads(block.text)
            case "json":
                schema = json.loads((ROOT / "docs" / block.options["schema"]).read_text())
                jsonschema.validate(json.loads(block.text), schema)
            case "yaml":
                yaml.safe_load(block.text)
            case "text":
                pass
            case other:
                pytest.fail(f"{block}: nobody knows how to execute {other!r}")

    def _type(self, block: Block) -> None:
        """Type the commands of a console block, and look at what they print."""
        commands = commands_of(block)
        for command in commands:
            is_last = command is commands[-1]
            expected_exit = int(block.options.get("exit", 0)) if is_last else 0
            done = subprocess.run(
                command.line,
                shell=True,
                cwd=ROOT if block.is_for_checkout else self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            context = f"{block}: $ {command.line}\n{done.stdout}"
            assert done.returncode == expected_exit, context
            missing = missing_line(command.output, done.stdout)
            assert missing is None, f"{missing!r} is not in the output of\n{context}"
