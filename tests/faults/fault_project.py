"""A project of a user's, with one gated test, whose server goes wrong on request."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import docker
import psutil
from gate_run import GateRun

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docker.models.containers import Container

MARKER = "MODELGATE_TEST_PROJECT"
"""In the environment of every server that a project starts, so that what is left can be found."""

MARKS = '@pytest.mark.load(requests=100, warmup=5)\n@pytest.mark.latency(p50="< 1 s")'

INPUTS = {
    "oip-http": '{f"row{i}": {"x": np.full((1, 4), i, np.float32)} for i in range(8)}',
    "json": '{f"row{i}": {"x": [i, i, i, i]} for i in range(8)}',
}
PROTOCOL_KEYS: Mapping[str, Mapping[str, object]] = {
    "oip-http": {"model": "toy"},
    "json": {"path": "/predict", "answer": "result", "ready_path": "/readyz"},
}

TEST_FILE = """\
import numpy as np
import pytest

INPUTS = {inputs}


@pytest.mark.modelgate("toy")
{marks}
def test_toy({arguments}):
{body}
"""


@dataclass
class FaultProject:
    """Writes the project, runs its gate, and finds what the gate left behind.

    :ivar path: the project's folder.
    :ivar launch: the keys of the server's table that say what to run, and within what limits.
    :ivar fault: the server's ``--fault``; None for a healthy server.
    :ivar options: the fault's own flags, as ``after=20``; ``for_`` is ``--for``.
    :ivar always: flags that the healthy server gets too, as ``work="1ms"``.
    :ivar marks: the decorators of the gated test; `arguments` and `body` are the rest of it.
    :ivar env: further variables for pytest.
    :ivar recorded: where baselines are kept for projects that are alike.
    :ivar server: further keys of the server's table.
    :ivar settings: further keys at the top of ``modelgate.toml``.
    """

    path: Path
    recorded: Path
    launch: Mapping[str, object]
    fault: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    always: Mapping[str, object] = field(default_factory=dict)
    marks: str = MARKS
    arguments: str = "modelgate"
    body: str = "modelgate.check(INPUTS)"
    protocol: str = "oip-http"
    server: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self.report_path = self.path / "report.json"
        self.baselines = self.path / "baselines"
        self.test_file = self.path / "test_toy.py"
        self.test_file.write_text(
            TEST_FILE.format(
                inputs=INPUTS[self.protocol],
                marks=self.marks,
                arguments=self.arguments,
                body=textwrap.indent(self.body, "    "),
            )
        )
        (self.path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
        self._write_toml()

    def inject(self, fault: str | None, **options: object) -> None:
        """Let the server have another fault from the next run on; None heals it."""
        self.fault, self.options = fault, options
        self._write_toml()

    def record_baseline(self) -> None:
        """Record a baseline from the healthy server, or take that of a project just like it."""
        fault, options = self.fault, self.options
        self.inject(None)
        toml = self._toml_path.read_text().replace(self.name, "")
        alike = hashlib.sha256((toml + self.test_file.read_text()).encode()).hexdigest()
        recorded = self.recorded / alike
        if not recorded.exists():
            run = self.run("--modelgate", "--update-baseline")
            assert run.exit_code == 0, run.output
            shutil.copytree(self.baselines, recorded)
        shutil.copytree(recorded, self.baselines, dirs_exist_ok=True)
        self.inject(fault, **options)

    def run(self, *args: str, timeout_s: float = 90) -> GateRun:
        """Run pytest to its end; past the time, kill it and raise subprocess.TimeoutExpired."""
        with self.start(*args) as gate:
            return gate.finish(timeout_s)

    @contextlib.contextmanager
    def start(self, *args: str) -> Iterator[StartedGate]:
        """Start pytest, to be interrupted; if it still runs at the end of the block, kill it."""
        self.report_path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        # These take longer to import than all of the plugin.
        command += ["-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:anyio"]
        command += ["--modelgate-json", str(self.report_path), *args]
        # Options of the suite's own run, given in the environment, are not the project's.
        foreign = ("MODELGATE_", "PYTEST_ADDOPTS")
        env = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        env |= {"COLUMNS": "120", **self.env}
        before, begun = self.baseline_files(), time.monotonic()
        output = self.path / "output.txt"
        with (
            output.open("wb") as sink,
            subprocess.Popen(
                command,
                cwd=self.path,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                yield StartedGate(self, process, output, before, begun)
            finally:
                process.kill()

    def alive(self) -> tuple[str, ...]:
        """Return the project's servers that live, containers of any state included."""
        return (
            *(f"process {process.pid}" for process in self._processes()),
            *(f"container {c.name}: {c.status}" for c in self._containers()),
        )

    def remove_leftovers(self) -> None:
        """Kill and remove what the project's servers left, so that no other test meets it."""
        for container in self._containers():
            container.remove(force=True)
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            # Another user's process, one that has just ended, or a zombie: none is a leftover.
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARKER) == self.name:
                    found.append(process)
        return found

    def _containers(self) -> list[Container]:
        if "image" not in self.launch:
            return []
        with contextlib.closing(docker.from_env()) as engine:
            ours: dict[str, str | list[str] | bool] = {"ancestor": str(self.launch["image"])}
            listed = engine.containers.list(all=True, filters=ours, ignore_removed=True)
        return [c for c in listed if f"{MARKER}={self.name}" in c.attrs["Config"]["Env"]]

    def baseline_files(self) -> dict[str, bytes]:
        """Return everything under ``baselines/``, by path."""
        files = (path for path in self.baselines.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    def _write_toml(self) -> None:
        fault = {"fault": self.fault, **self.options} if self.fault else {}
        args = ["--http", "{host}:{port}"]
        for key, value in {**self.always, **fault}.items():
            args += [f"--{key.rstrip('_').replace('_', '-')}", str(value)]
        server = {
            "protocol": self.protocol,
            "ready_timeout": "3 s",
            "request_timeout": "1 s",
            "env": {MARKER: self.name},
            **PROTOCOL_KEYS[self.protocol],
            **self.launch,
            "args": args,
            **self.server,
        }
        settings = {"runs": 2, "side_by_side": "never", **self.settings}
        lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        lines += ["", "[servers.toy]"]
        lines += [f"{key} = {_toml(value)}" for key, value in server.items()]
        self._toml_path.write_text("\n".join([*lines, ""]))

    @property
    def _toml_path(self) -> Path:
        return self.path / "modelgate.toml"


class MakeProject(Protocol):
    """Makes a project; the arguments are FaultProject's, and ``after=20`` is ``--after 20``."""

    def __call__(
        self, fault: str | None = None, *, runtime: str = "process", **arguments: object
    ) -> FaultProject: ...


@dataclass(frozen=True)
class StartedGate:
    """A pytest that runs."""

    project: FaultProject
    process: subprocess.Popen[bytes]
    output: Path
    baseline_before: Mapping[str, bytes]
    begun_s: float

    def wait_for_server(self, processes: int = 1, timeout_s: float = 30) -> None:
        """Return when the project has a server alive, of so many processes."""
        deadline = time.monotonic() + timeout_s
        while len(self.project.alive()) < processes:
            assert self.process.poll() is None, self.output.read_text(errors="replace")
            assert time.monotonic() < deadline, "no server was started"
            time.sleep(0.02)

    def wait_for_requests(self, timeout_s: float = 30) -> None:
        """Return when the load is running: when pytest, or a worker of its, writes and writes."""
        deadline, enough = time.monotonic() + timeout_s, self._writes() + 500
        while self._writes() < enough:
            assert self.process.poll() is None, self.output.read_text(errors="replace")
            assert time.monotonic() < deadline, "no load was begun"
            time.sleep(0.02)

    def _writes(self) -> int:
        pytest = psutil.Process(self.process.pid)
        written = 0
        for process in (pytest, *pytest.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # it has just ended
                written += process.io_counters().write_count
        return written

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to pytest, and to pytest alone."""
        self.process.send_signal(signum)

    def send_to_all(self, signum: signal.Signals) -> None:
        """Send a signal to pytest and its workers, as a terminal does with Ctrl-C."""
        os.killpg(self.process.pid, signum)

    def finish(self, timeout_s: float = 90) -> GateRun:
        """Wait for the end; raises subprocess.TimeoutExpired, with the output so far."""
        try:
            exit_code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            error.output = self.output.read_bytes()
            raise
        elapsed_s = time.monotonic() - self.begun_s
        report = self.project.report_path
        return GateRun(
            exit_code=exit_code,
            output=self.output.read_text(errors="replace"),
            elapsed_s=elapsed_s,
            report=json.loads(report.read_text()) if report.exists() else None,
            leftovers=self._leftovers(),
            baseline_changed=self.project.baseline_files() != self.baseline_before,
        )

    def _leftovers(self, grace_s: float = 1) -> tuple[str, ...]:
        """Return what still lives when the kernel has had time to bury what was killed."""
        deadline = time.monotonic() + grace_s
        while (alive := self.project.alive()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return alive


def _toml(value: object) -> str:
    """Write a value as TOML, whose strings and numbers are JSON's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
