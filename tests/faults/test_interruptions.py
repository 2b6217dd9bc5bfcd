"""A session that is broken off, and servers that do not want to end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from fault_project import FaultProject, MakeProject, StartedGate

LONG = """\
@pytest.mark.load(duration="60 s", warmup=5)
@pytest.mark.latency(p50="< 1 s")"""

MOMENTS = {"start": "never-ready", "load": None}
"""What keeps a session at this moment, until it is broken off."""


def busy_project(
    fault_project: MakeProject, runtime: str, moment: str, fault: str | None = None
) -> FaultProject:
    """Make a project whose session lasts a minute at this moment, with a baseline."""
    project = fault_project(runtime=runtime)
    project.record_baseline()
    project.test_file.write_text(project.test_file.read_text().replace(project.marks, LONG))
    project.server = {"ready_timeout": "60 s"}
    project.inject(fault or MOMENTS[moment])
    return project


def wait_for(gate: StartedGate, moment: str) -> None:
    """Return when the session is in the middle of it."""
    gate.wait_for_server()
    if moment == "load":
        gate.wait_for_requests()


SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
def test_a_session_that_is_told_to_end_takes_its_server_along(
    fault_project: MakeProject, runtime: str, moment: str, signum: signal.Signals
) -> None:
    project = busy_project(fault_project, runtime, moment)
    with project.start("--modelgate") as gate:
        wait_for(gate, moment)
        gate.send(signum)
        run = gate.finish(20)
    assert run.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    assert "KeyboardInterrupt" in run.output
    assert "Traceback" not in run.output
    assert "did not run" in run.output
    run.assert_nothing_left()


def test_a_session_with_xdist_workers_does_so_too(fault_project: MakeProject, runtime: str) -> None:
    project = busy_project(fault_project, runtime, "load")
    with project.start("-n", "1", "--modelgate") as gate:
        wait_for(gate, "load")
        gate.send_to_all(signal.SIGINT)
        run = gate.finish(20)
    assert run.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    run.assert_nothing_left()


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_kill_9_the_next_session_removes_what_is_left_and_only_that(
    fault_project: MakeProject, runtime: str, moment: str
) -> None:
    killed = busy_project(fault_project, runtime, moment)
    with killed.start("--modelgate") as gate:
        wait_for(gate, moment)
        gate.send(signal.SIGKILL)
        gate.finish()  # leaves what was started, until the next session of anybody's
    living = fault_project(
        runtime=runtime, arguments="model_server", marks="", body="import time\ntime.sleep(60)"
    )
    # With locks of its own: else the next session would wait until this one is done.
    living.env = {"TMPDIR": str(living.path)}
    with living.start("--modelgate") as other:
        other.wait_for_server()
        theirs = living.alive()
        run = fault_project(runtime=runtime).run("--modelgate")
        assert run.exit_code == 0, run.output
        assert killed.alive() == ()
        assert living.alive() == theirs
        other.send(signal.SIGINT)
        assert other.finish().leftovers == ()
    assert killed.baseline_files()


def test_after_kill_9_a_child_that_ignores_sigterm_is_removed_too(
    fault_project: MakeProject,
) -> None:
    killed = busy_project(fault_project, "process", "load", "fork")
    with killed.start("--modelgate") as gate:
        gate.wait_for_server(2)
        gate.send(signal.SIGKILL)
        gate.finish()
    assert fault_project().run("--modelgate").exit_code == 0
    assert killed.alive() == ()


def test_the_server_of_a_killed_xdist_worker_does_not_outlive_the_session(
    fault_project: MakeProject, runtime: str
) -> None:
    project = busy_project(fault_project, runtime, "load")
    with project.start("-n", "1", "--max-worker-restart", "0", "--modelgate") as gate:
        wait_for(gate, "load")
        (worker,) = (
            child
            for child in psutil.Process(gate.process.pid).children()
            if "exec(eval(sys.stdin.readline()))" in " ".join(child.cmdline())
        )
        worker.kill()
        run = gate.finish()
    assert run.exit_code == 1, run.output
    run.assert_nothing_left()


@pytest.mark.parametrize("fault", ["ignore-sigterm", "fork"])
def test_a_server_that_does_not_want_to_end_is_ended(
    fault_project: MakeProject, runtime: str, fault: str
) -> None:
    project = fault_project(fault, runtime=runtime)
    project.record_baseline()
    run = project.run("--modelgate")
    assert run.exit_code == 0, run.output
    run.assert_nothing_left()
