"""Two servers at once, in rounds: what goes wrong there, and what is left of it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from fault_project import FaultProject, MakeProject, StartedGate

ALWAYS = {"side_by_side": "always", "budget": "60 s"}
SHORT = """\
@pytest.mark.load(requests=10, warmup=2)
@pytest.mark.latency(p50="+99999 %")"""
"""A run sends a server 13 requests, and a round the least that there may be: 23."""
IN_RUNS, IN_A_ROUND = 13, 23

LONG = """\
@pytest.mark.load(requests=400, warmup=2)
@pytest.mark.latency(p50="+0.001 %")"""
"""What no round settles, so that they go on until the session is broken off."""


def in_rounds(
    fault_project: MakeProject, fault: str | None = None, **arguments: object
) -> FaultProject:
    """Make a project with a baseline, whose gate goes on to rounds after its runs."""
    project = fault_project(fault, marks=SHORT, settings=ALWAYS, **arguments)
    options = project.options
    # Not another project's: the environment that was recorded is this one's.
    project.inject(None)
    recording = project.run("--modelgate", "--update-baseline")
    assert recording.exit_code == 0, recording.output
    project.inject(fault, **options)
    return project


def endless(fault_project: MakeProject, runtime: str) -> FaultProject:
    """Make a project whose rounds do not end by themselves for a minute."""
    project = in_rounds(fault_project, runtime=runtime, always={"work": "2ms"})
    project.test_file.write_text(project.test_file.read_text().replace(SHORT, LONG))
    return project


def wait_for_a_round(gate: StartedGate) -> None:
    """Return in the middle of one: the runs have but one server at a time."""
    gate.wait_for_server(2)
    gate.wait_for_requests()


def test_after_kill_9_the_next_session_removes_both_servers(
    fault_project: MakeProject, runtime: str
) -> None:
    killed = endless(fault_project, runtime)
    with killed.start("--modelgate") as gate:
        wait_for_a_round(gate)
        gate.send(signal.SIGKILL)
        gate.finish()
    assert fault_project(runtime=runtime).run("--modelgate").exit_code == 0
    assert killed.alive() == ()
    assert killed.baseline_files()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_session_that_is_told_to_end_takes_both_servers_along(
    fault_project: MakeProject, signum: signal.Signals
) -> None:
    project = endless(fault_project, "process")
    with project.start("--modelgate") as gate:
        wait_for_a_round(gate)
        gate.send(signum)
        run = gate.finish(20)
    assert run.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    assert "Traceback" not in run.output
    run.assert_nothing_left()


@pytest.mark.container
def test_an_interrupt_in_the_rounds_leaves_no_container(fault_project: MakeProject) -> None:
    project = endless(fault_project, "docker")
    with project.start("--modelgate") as gate:
        wait_for_a_round(gate)
        gate.send(signal.SIGINT)
        run = gate.finish(20)
    assert run.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    run.assert_nothing_left()


def test_a_candidate_that_dies_in_a_round_fails_with_its_log(fault_project: MakeProject) -> None:
    run = in_rounds(fault_project, "exit", after=IN_RUNS + 3).run("--modelgate")
    run.assert_one_message(
        "the server 'toy' ended: exit 3",
        "server's last 2 log lines:",
        "| listening on ",
        "| fatal: tensor arena exhausted",
    )
    assert "(baseline)" not in run.message


def test_a_candidate_that_is_killed_from_outside_in_a_round_fails(
    fault_project: MakeProject,
) -> None:
    project = endless(fault_project, "process")
    project.always = {"work": "1900us"}  # by which it is told from the baseline's server
    project.inject(None)
    with project.start("--modelgate") as gate:
        wait_for_a_round(gate)
        killed = False
        while not killed:  # one may just have ended with its round
            for process in psutil.Process(gate.process.pid).children():
                if "1900us" in process.cmdline():
                    process.kill()
                    killed = True
        run = gate.finish()
    run.assert_one_message("the server 'toy' ended: killed", "| listening on ")


@pytest.mark.parametrize("fault", ["error-500", "reset", "garbage"])
def test_requests_that_fail_only_beside_the_baseline_are_a_breach(
    fault_project: MakeProject, fault: str
) -> None:
    """Of a round's 23 requests, each second from the 16th on: 4."""
    project = in_rounds(fault_project, fault, after=IN_RUNS + 2, every=2)
    run = project.run("--modelgate")
    run.assert_one_message("modelgate: breach — toy", "errors.rate: breach", "requests failed")
    rounds = run.metric("latency.p50")["runs"]
    assert rounds >= 3
    found = run.metric("errors.rate")
    requests = 2 * (IN_RUNS - 1) + rounds * (IN_A_ROUND - 1)  # the first of each is no measurement
    assert found["samples"] == requests
    assert found["value"] == pytest.approx(4 * rounds / requests)


def test_a_baselines_server_that_dies_in_a_round_leaves_the_matter_open(
    fault_project: MakeProject, fault_binary: object
) -> None:
    released = [str(fault_binary), "--fault", "exit", "--after", "16"]
    project = in_rounds(fault_project)
    project.server = {"baseline_command": released}
    project.inject(None)
    run = project.run("--modelgate")
    run.assert_one_message(
        "modelgate: inconclusive — toy: latency.p50",
        "not settled side by side: the baseline's server cannot be measured: "
        "the server 'toy (baseline)' ended: exit 3",
    )
