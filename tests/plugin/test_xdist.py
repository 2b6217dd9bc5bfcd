"""Under pytest-xdist: complete on the controller, and one measurement at a time."""

import itertools
import json

import pytest
from gate_project import BROKEN, KEPT, gated

# The windows of all measurements, on a clock that all processes share.
PROBE = """\
import json, os, time
from pytest_modelgate.metrics import Metric

class Reading:
    source = "clock"
    def begin(self, completed):
        self.begun = time.clock_gettime(time.CLOCK_MONOTONIC)
    def end(self):
        window = [self.begun, time.clock_gettime(time.CLOCK_MONOTONIC), os.getpid()]
        with open("windows.jsonl", "a") as file:
            file.write(json.dumps(window) + "\\n")
        return {"clock.window": window[1] - window[0]}
    def unmeasured(self):
        return {}

class Probe:
    metrics = (Metric("clock.window", "s"),)
    def attach(self, server):
        return Reading()

def pytest_modelgate_probes():
    return (Probe(),)
"""

TWO = ("-p", "xdist", "-n2")


def test_the_controller_has_every_gate_and_the_machine_is_measured_on_by_one_worker_at_a_time(
    project,
):
    project.configure(runs=2)
    project.write("conftest.py", PROBE)
    load = "@pytest.mark.load(duration='100 ms', warmup=2)"
    for file in "abcd":
        test = gated(KEPT, '@pytest.mark.latency(p90="< 10 s")', load=load, name=f"test_{file}")
        project.write_tests(test, file=f"test_{file}.py")
    (project.path / "test_toy.py").unlink()
    result = project.run_alone("--modelgate", "--modelgate-json=report.json", *TWO)
    result.assert_outcomes(passed=4)
    assert [gate["verdict"] for gate in project.report()["gates"]] == ["pass"] * 4
    result.stdout.fnmatch_lines(["modelgate: pass (4 gates)"])
    lines = (project.path / "windows.jsonl").read_text().splitlines()
    windows = sorted(map(json.loads, lines))
    assert len(windows) == 8
    assert len({pid for _, _, pid in windows}) == 2, "both workers measured"
    for (_, ended, _), (begun, _, _) in itertools.pairwise(windows):
        assert ended <= begun


def test_the_error_rate_is_shared_among_the_gates_of_all_workers(project):
    project.write_tests(gated(BROKEN, name="test_a"), gated(KEPT, name="test_b"))
    result = project.run_alone("--modelgate", *TWO)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*beyond the limit < 1 ns, at 99.5 % confidence"])


def test_workers_record_each_its_own_baselines(project):
    project.write_tests(*(gated("@pytest.mark.drift()", name=f"test_{n}") for n in range(4)))
    project.run_alone("--update-baseline", *TWO).assert_outcomes(passed=4)
    assert sum(name.endswith(".json") for name in project.baselines()) == 4
    project.run_alone("--modelgate", *TWO).assert_outcomes(passed=4)


def test_a_worker_that_dies_takes_no_gate_out_of_the_report(project):
    project.write_tests(
        gated(KEPT, name="test_dies", body="import os\nos._exit(1)"),
        gated(KEPT, name="test_lives"),
    )
    result = project.run_alone("--modelgate", "--modelgate-json=report.json", *TWO)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    gates = {gate["test"]: gate for gate in project.report()["gates"]}
    assert gates["test_toy.py::test_lives"]["verdict"] == "pass"
    assert gates["test_toy.py::test_dies"]["verdict"] == "inconclusive"


def test_nothing_gated_is_no_pass_there_either(project):
    project.write("test_toy.py", "def test_plain():\n    pass")
    result = project.run_alone("--modelgate", *TWO)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_configuration_that_cannot_be_understood_is_said_once(project):
    project.write("modelgate.toml", "runs = 0")
    result = project.run_alone("--modelgate", *TWO)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: modelgate: *runs is not valid"])
