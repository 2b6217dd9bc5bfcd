"""A user's project: gated tests, a configuration, and the fault server run as a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "modelgate-report-1.schema.json").read_text("utf-8")
)

LOAD = "@pytest.mark.load(requests=40, warmup=2)"
KEPT = '@pytest.mark.latency(p50="< 10 s")'
"""A threshold that the server keeps, whatever the machine is busy with."""
BROKEN = '@pytest.mark.latency(p50="< 1 ns")'
"""A threshold that no server keeps."""

HEAD = """\
import numpy as np
import pytest

INPUTS = {f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(4)}
"""


class GateProject:
    """The project, in pytester's folder; pytest runs in it within this process, if not told else.

    :ivar path: its folder.
    """

    def __init__(self, pytester: pytest.Pytester, binary: Path) -> None:
        self.path = pytester.path
        self._pytester = pytester
        self._binary = binary
        pytester.makeini("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")

    def configure(
        self,
        file: str = "modelgate.toml",
        *,
        flags: Mapping[str, object] | None = None,
        server: Mapping[str, object] | None = None,
        thresholds: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        """Write the configuration.

        :param file: its path in the project; a pyproject.toml has it in ``[tool.modelgate]``.
        :param flags: of the fault server, as ``{"fault": "nan", "after": 3}``.
        :param server: further keys of the server's table.
        :param settings: keys at the top; one run unless given.
        """
        given = [f"--{name}={value}" for name, value in (flags or {}).items()]
        table = {
            "protocol": "oip-http",
            "model": "toy",
            "command": [str(self._binary)],
            "args": ["--http", "{host}:{port}", *given],
            **(server or {}),
        }
        is_shared = file.endswith("pyproject.toml")
        prefix = "tool.modelgate." if is_shared else ""
        lines = ["[tool.modelgate]"] if is_shared else []
        lines += _lines({"runs": 1, "side_by_side": "never", **settings})
        lines += [f"[{prefix}servers.toy]", *_lines(table)]
        lines += [f"[{prefix}thresholds]", *_lines(thresholds or {})]
        self.write(file, "\n".join([*lines, ""]))

    def write(self, file: str, text: str) -> None:
        """Write a file of the project."""
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def write_tests(self, *tests: str, file: str = "test_toy.py") -> None:
        """Write a test file: the inputs, and these functions."""
        self.write(file, "\n\n".join([HEAD, *tests]))

    def run(self, *args: str) -> pytest.RunResult:
        """Run pytest in this process."""
        return self._pytester.runpytest_inprocess(*args)

    def gate(self, *args: str) -> pytest.RunResult:
        """Run ``pytest --modelgate`` in this process, with a JSON report."""
        (self.path / "report.json").unlink(missing_ok=True)
        return self.run("--modelgate", "--modelgate-json=report.json", *args)

    def run_alone(self, *args: str) -> pytest.RunResult:
        """Run pytest in a process of its own, without other plugins: importing them takes long."""
        return self._pytester.runpytest_subprocess(
            "--disable-plugin-autoload", "-p", "modelgate", *args
        )

    def record(self, *args: str) -> None:
        """Record the baselines, which must succeed."""
        result = self.gate("--update-baseline", *args)
        assert result.ret == 0, result.stdout.str()

    def report(self, file: str = "report.json") -> dict[str, object]:
        """Return the JSON report, which is as the schema has it."""
        report = json.loads((self.path / file).read_text("utf-8"))
        jsonschema.validate(report, SCHEMA)
        return report

    def the_gate(self) -> dict[str, object]:
        """Return the only gate of the report."""
        (gate,) = self.report()["gates"]
        return gate

    def the_metric(self, name: str) -> dict[str, object]:
        """Return a metric of the only gate."""
        return next(metric for metric in self.the_gate()["metrics"] if metric["name"] == name)

    def baselines(self, folder: str = "baselines") -> dict[str, bytes]:
        """Return every file of the baselines by its path in their folder."""
        root = self.path / folder
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }


def gated(
    *marks: str,
    name: str = "test_toy",
    arguments: str = "modelgate",
    body: str = "modelgate.check(INPUTS)",
    load: str = LOAD,
) -> str:
    """Return the text of a gated test."""
    lines = ['@pytest.mark.modelgate("toy")', load, *marks, f"def {name}({arguments}):"]
    return "\n".join([*lines, *(f"    {line}" for line in body.splitlines()), ""])


def _lines(table: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    """Write a value as TOML, whose strings, numbers and arrays are JSON's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)
