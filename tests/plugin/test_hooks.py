"""What other plugins add through the hooks: here a project's own conftest.py."""

import pytest
from gate_project import KEPT, gated

PROBE = """\
from pytest_modelgate.metrics import Metric

class Reading:
    source = ""
    def begin(self, completed):
        self.completed = completed
    def end(self):
        return {"requests.answered": float(self.completed())}
    def unmeasured(self):
        return {}

class Probe:
    metrics = (Metric("requests.answered", "1", better="higher"),)
    def attach(self, server):
        return Reading()

def pytest_modelgate_probes():
    return (Probe(),)
"""

KIND = """\
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.owner import Session

class Niced(ProcessKind):
    def start(self, spec):
        server = super().start(spec)
        server.conditions["engine"] = "a kind of our own"
        return server

def pytest_modelgate_server_kinds(settings):
    return {"niced": Niced(Session.current(), settings.root)}
"""


def test_a_metric_of_a_probes_is_measured_and_gated(project):
    project.write("conftest.py", PROBE)
    project.configure(thresholds={"requests.answered": ">= 40"})
    project.gate().assert_outcomes(passed=1)
    assert project.the_metric("requests.answered")["value"] == 40
    project.configure(thresholds={"requests.answered": ">= 41"})
    project.gate().stdout.fnmatch_lines(["  requests.answered: breach"])


def test_a_server_kind_is_chosen_by_its_name(project):
    project.write("conftest.py", KIND)
    project.configure(server={"runtime": "niced"})
    project.gate().assert_outcomes(passed=1)
    assert project.the_gate()["conditions"]["engine"] == "a kind of our own"


def test_a_protocol_is_chosen_by_its_name(project):
    project.write(
        "conftest.py",
        "from pytest_modelgate.protocols.oip_http import OipHttp\n"
        "def pytest_modelgate_protocols():\n"
        "    return {'toy': lambda spec: OipHttp('toy', {})}",
    )
    project.configure(server={"protocol": "toy"})
    project.gate().assert_outcomes(passed=1)


def test_a_report_is_given_the_whole_and_its_text_is_shown(project):
    project.write(
        "conftest.py",
        "def pytest_modelgate_report(report, settings):\n"
        "    return f\"ours: {report['verdict']}, {len(report['gates'])} gate\"",
    )
    project.gate().stdout.fnmatch_lines(["ours: pass, 1 gate"])


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("pytest_modelgate_protocols(): return {'json': None}", "*the protocol 'json'"),
        ("pytest_modelgate_server_kinds(settings): return {'docker': None}", "*'docker'"),
    ],
)
def test_a_name_that_is_taken_is_a_usage_error(project, hook, said):
    project.write("conftest.py", f"def {hook}")
    result = project.gate()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: modelgate: two plugins provide {said}"])


def test_a_hook_that_does_not_exist_is_refused_by_name(project):
    project.write("conftest.py", "def pytest_modelgate_protocol(): return {}")
    result = project.gate()
    assert result.ret != pytest.ExitCode.OK
    assert "pytest_modelgate_protocol" in result.stderr.str() + result.stdout.str()


def test_hooks_cost_a_plain_run_nothing(project):
    project.write("conftest.py", "def pytest_modelgate_probes(): raise RuntimeError")
    project.write_tests(gated(KEPT))
    project.run().assert_outcomes(skipped=1)
