"""``--modelgate-side-by-side``: when the baseline's server is started beside the candidate."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from gate_project import gated

from pytest_modelgate.servers.addresses import free_port

FAST = {"work": "1ms"}
SLOW = {"work": "1ms", "fault": "slow", "slow": 3}
LOAD = "@pytest.mark.load(requests=20, warmup=2)"
NARROW = '@pytest.mark.latency(p50="+20 %")'
WIDE = '@pytest.mark.latency(p50="+99999 %")'
"""A tolerance that any two runs keep, and show clearly that they do."""


@pytest.fixture
def recorded(empty_project):
    """A project whose baseline was recorded of the fast server."""
    empty_project.configure(runs=2, flags=FAST, side_by_side="auto")
    empty_project.write_tests(gated(WIDE, load=LOAD))
    empty_project.record()
    return empty_project


@pytest.fixture
def fault_server(fault_binary):
    """The URL of a server that somebody else has started."""
    port = free_port()
    with subprocess.Popen(
        [fault_binary, f"--http=127.0.0.1:{port}"], stdout=subprocess.DEVNULL
    ) as process:
        yield f"http://127.0.0.1:{port}"
        process.kill()


def slow_down(project, side_by_side="auto", **settings):
    """Make the candidate slow, and gate it narrowly; the baseline's server is what it was."""
    project.configure(runs=2, flags=SLOW, side_by_side=side_by_side, **settings)
    project.write_tests(gated(NARROW, load=LOAD))


def method(project):
    return project.the_metric("latency.p50")["method"]


def test_auto_settles_side_by_side_what_the_recorded_numbers_leave_open(recorded):
    slow_down(recorded)
    result = recorded.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: breach — toy: latency.p50", "*worse by *allowed*"])
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "breach")
    assert found["runs"] >= 3  # rounds
    assert found["improved"] is False
    assert 0.2 < found["change"]["low"] <= found["change"]["value"]
    assert found["baseline"]["value"] < found["value"]


def test_auto_is_what_holds_without_the_option(recorded):
    slow_down(recorded)
    text = (recorded.path / "modelgate.toml").read_text()
    recorded.write("modelgate.toml", text.replace('side_by_side = "auto"\n', ""))
    recorded.gate().assert_outcomes(failed=1)
    assert method(recorded) == "side-by-side"


def test_auto_leaves_alone_what_the_recorded_numbers_show_clearly(recorded):
    recorded.gate().assert_outcomes(passed=1)
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["runs"]) == ("stored", 2)


def test_always_holds_them_side_by_side_even_where_it_is_clear(recorded):
    recorded.gate("--modelgate-side-by-side=always").assert_outcomes(passed=1)
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "pass")
    assert found["runs"] >= 3


def test_never_leaves_it_to_the_recorded_numbers(recorded):
    slow_down(recorded, "never")
    recorded.gate().assert_outcomes(failed=1)
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["runs"]) == ("stored", 2)


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_says_which(recorded, file):
    (recorded.path / "modelgate.toml").unlink()
    recorded.configure(file, runs=2, flags=FAST, side_by_side="always")
    recorded.gate().assert_outcomes(passed=1)
    assert method(recorded) == "side-by-side"


def test_the_environment_stands_before_the_file_and_the_command_line_before_both(
    recorded, monkeypatch
):
    monkeypatch.setenv("MODELGATE_SIDE_BY_SIDE", "always")
    recorded.gate().assert_outcomes(passed=1)
    assert method(recorded) == "side-by-side"
    recorded.gate("--modelgate-side-by-side=never").assert_outcomes(passed=1)
    assert method(recorded) == "stored"


def test_another_word_is_a_usage_error(recorded):
    result = recorded.gate("--modelgate-side-by-side=sometimes")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--modelgate-side-by-side is not valid", '*"auto", "always" or "never"']
    )


def test_an_update_starts_no_other_server(recorded):
    before = recorded.baselines()
    recorded.configure(runs=2, flags={"fault": "crash-at-start"}, side_by_side="always")
    recorded.gate("--update-baseline").assert_outcomes(failed=1)
    recorded.configure(runs=2, flags=FAST, side_by_side="always")
    recorded.record()
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["runs"]) == ("stored", 2)
    assert recorded.baselines().keys() == before.keys()


def test_the_program_that_was_released_is_the_baselines_server(recorded, fault_binary):
    """The candidate's is a script, of which alone nobody could tell what it runs."""
    candidate = recorded.path / "candidate"
    candidate.write_text(f'#!/bin/sh\nexec {fault_binary} "$@" --fault=slow --slow=3\n')
    candidate.chmod(0o755)
    here = {"command": [str(candidate)], "baseline_command": [str(fault_binary)]}
    recorded.configure(runs=2, flags=FAST, side_by_side="auto", server=here)
    recorded.write_tests(gated(NARROW, load=LOAD))
    recorded.gate().assert_outcomes(failed=1)
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "breach")


def replaced_program(project, fault_binary):
    """Record a baseline of a program that another takes the place of."""
    program = project.path / "server"
    shutil.copy(fault_binary, program)
    here = {"command": [str(program)]}
    project.configure(runs=2, flags=FAST, server=here)
    project.write_tests(gated(WIDE, load=LOAD))
    project.record()
    program.write_bytes(program.read_bytes() + b"another build")
    return here


def test_where_the_baselines_server_cannot_be_had_auto_says_so_beside_what_is_open(
    empty_project, fault_binary
):
    """Of one run nobody knows how far runs differ, so that it is open whatever it measures."""
    here = replaced_program(empty_project, fault_binary)
    empty_project.configure(runs=1, flags=FAST, side_by_side="auto", server=here)
    empty_project.write_tests(gated('@pytest.mark.latency(p50="+0.001 %")', load=LOAD))
    result = empty_project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not settled side by side: *has changed since the baseline*"])
    found = empty_project.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("stored", "inconclusive")


def test_where_the_baselines_server_cannot_be_had_always_lets_nothing_pass(
    empty_project, fault_binary
):
    here = replaced_program(empty_project, fault_binary)
    empty_project.configure(runs=2, flags=FAST, side_by_side="auto", server=here)
    empty_project.gate().assert_outcomes(passed=1)
    empty_project.gate("--modelgate-side-by-side=always").assert_outcomes(failed=1)
    found = empty_project.the_metric("latency.p50")
    assert found["verdict"] == "inconclusive"
    assert found["reason"].startswith("not settled side by side: ")


def test_always_is_inconclusive_for_a_server_that_is_given_by_url(recorded, fault_server):
    remote = f'protocol = "oip-http"\nmodel = "toy"\nurl = "{fault_server}"\n'
    recorded.write("modelgate.toml", f'runs = 2\nside_by_side = "auto"\n[servers.toy]\n{remote}')
    recorded.record()
    recorded.gate().assert_outcomes(passed=1)
    result = recorded.gate("--modelgate-side-by-side=always")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: inconclusive — toy: latency.p50"])
    found = recorded.the_metric("latency.p50")
    assert found["verdict"] == "inconclusive"
    assert found["reason"] == (
        "not settled side by side: server 'toy' is given by url, and cannot be started beside "
        "itself"
    )


def test_a_baselines_server_that_starts_no_more_is_no_fault_of_the_candidates(
    recorded, fault_binary
):
    recorded.configure(
        runs=2,
        flags=FAST,
        side_by_side="always",
        server={
            "baseline_command": [str(fault_binary), "--fault=crash-at-start"]
        },
    )  # fmt: skip
    recorded.gate().assert_outcomes(failed=1)
    found = recorded.the_metric("latency.p50")
    assert found["verdict"] == "inconclusive"
    assert "the baseline's server cannot be measured" in found["reason"]
    assert recorded.the_gate()["verdict"] == "inconclusive"


def test_a_metric_without_noise_is_compared_as_it_is_recorded(recorded):
    body = 'modelgate.check(INPUTS)\nmodelgate.record("recall", 0.93, threshold="-1 %")'
    recorded.write_tests(gated(WIDE, load=LOAD, body=body))
    recorded.record()
    recorded.gate("--modelgate-side-by-side=always").assert_outcomes(passed=1)
    assert recorded.the_metric("recall")["method"] == "stored"
    assert method(recorded) == "side-by-side"
