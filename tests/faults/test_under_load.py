"""A server that goes wrong once the load runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fault_project import FaultProject, MakeProject
    from gate_run import GateRun

AFTER = 40  # good answers: the warm-up is over by then, and the window is not
ALLOWED_S = 5.0  # from the fault to the end of the session


def gated(project: FaultProject) -> GateRun:
    project.record_baseline()
    return project.run("--modelgate")


def test_an_exit(fault_project: MakeProject, runtime: str) -> None:
    run = gated(fault_project("exit", after=AFTER, runtime=runtime))
    run.assert_one_message(
        "the server 'toy' ended: exit 3",
        "server's last 2 log lines:",
        "| listening on ",
        "| fatal: tensor arena exhausted",
    )


def test_the_session_ends_within_5_s_of_an_exit(fault_project: MakeProject) -> None:
    project = fault_project("exit", after=AFTER)
    project.record_baseline()
    with project.start("--modelgate") as gate:
        gate.wait_for_server()
        while project.alive():
            time.sleep(0.02)
        died_s = time.monotonic()
        run = gate.finish()
        ended_s = time.monotonic()
    run.assert_one_message("the server 'toy' ended: exit 3")
    assert ended_s - died_s < ALLOWED_S


@pytest.mark.container
def test_a_memory_hog_is_killed_for_its_limit(fault_project: MakeProject) -> None:
    run = gated(fault_project("hog", after=AFTER, bytes=200 << 20, runtime="docker"))
    run.assert_one_message(
        "the server 'toy' ended: killed for exceeding its memory limit",
        "to do:    give it more memory",
        "| listening on ",
    )


def test_a_hang(fault_project: MakeProject, runtime: str) -> None:
    run = gated(fault_project("hang", after=AFTER, runtime=runtime))
    run.assert_one_message(
        "no request was answered for 1.25 s: the server hangs",
        "expected: an answer within 1 s",
        "got:",
        "no answer within 1 s",
        "to do:    raise request_timeout",
        "| listening on ",
    )


BROKEN_ANSWERS = {
    "reset": "connection reset by the server",
    "truncated": "truncated answer: the server closed the connection in the middle of it",
    "error-500": 'HTTP 500: {"error":"out of workers"}',
    "garbage": "the answer to 'row",
}


@pytest.mark.parametrize("fault", BROKEN_ANSWERS)
def test_answers_that_are_none(fault_project: MakeProject, runtime: str, fault: str) -> None:
    """Of 105 requests after 1, those from the 41st on, each 8th: 8 of each run."""
    run = gated(fault_project(fault, after=AFTER, every=8, runtime=runtime))
    run.assert_one_message(
        "modelgate: breach — toy",
        "errors.rate: breach",
        f"16 of 210 requests failed: {BROKEN_ANSWERS[fault]}",
        "measured  7.62 %",
        "threshold <= 0",
        "| listening on ",
    )
    assert run.metric("errors.rate")["samples"] == 210


RATE = {"thresholds": {"errors.rate": "< 30 %"}}


@pytest.mark.parametrize("fault", ["error-500", "garbage"])
def test_failures_within_the_errors_rate_threshold_are_allowed(
    fault_project: MakeProject, fault: str
) -> None:
    project = fault_project(fault, after=AFTER, every=8, settings=RATE)
    run = project.run("--modelgate")
    assert run.exit_code == 0, run.output
    assert run.metric("errors.rate")["value"] == pytest.approx(16 / 210)
    assert "16 failed requests: in the window infinitely slow to the percentiles" in run.output
    run.assert_nothing_left()


@pytest.mark.parametrize("fault", ["error-500", "garbage"])
def test_failures_beyond_the_errors_rate_threshold_are_not(
    fault_project: MakeProject, fault: str
) -> None:
    """All from the 41st request on: 66 of each run's 100."""
    project = fault_project(fault, after=AFTER, settings=RATE)
    run = project.run("--modelgate")
    run.assert_one_message("errors.rate: breach", "132 of 210 requests failed", "threshold < 30 %")


@pytest.mark.parametrize("fault", ["error-500", "garbage"])
def test_failures_are_infinitely_slow_and_not_left_out_of_a_percentile(
    fault_project: MakeProject, fault: str
) -> None:
    settings = {"thresholds": {"errors.rate": "< 90 %"}}
    run = fault_project(fault, after=AFTER, settings=settings).run("--modelgate")
    run.assert_one_message("latency.p50: breach", "beyond the limit < 1 s", "threshold < 1 s")
    assert run.metric("errors.rate")["verdict"] == "pass"
    assert run.metric("latency.p50")["value"] is None


def test_a_log_with_escape_sequences_and_no_utf8_is_shown_as_text(
    fault_project: MakeProject, runtime: str
) -> None:
    run = gated(fault_project("chatty,exit", after=AFTER, runtime=runtime))
    run.assert_one_message(
        "the server 'toy' ended: exit 3",
        "server's last 50 log lines:",
        "| warning: cache miss",
        "| raw bytes \N{REPLACEMENT CHARACTER}",
        "| plain line",
        "| fatal: tensor arena exhausted",
    )
    assert "\x1b" not in run.output
    assert "\x07" not in run.output


def test_what_a_chatty_server_logs_is_no_fault(fault_project: MakeProject) -> None:
    run = fault_project("chatty").run("--modelgate")
    assert run.exit_code == 0, run.output
    assert "raw bytes" not in run.output
