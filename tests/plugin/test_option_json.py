"""``--modelgate-json``: where the report goes, and that there always is one."""

import json

import pytest
from gate_project import BROKEN, KEPT, gated


def test_nothing_is_written_unless_asked_for(project):
    project.run("--modelgate").assert_outcomes(passed=1)
    assert list(project.path.glob("*.json")) == []


def test_the_terminal_says_where_it_is_and_folders_are_made(project):
    result = project.run("--modelgate", "--modelgate-json", "out/deep/report.json")
    path = project.path / "out" / "deep" / "report.json"
    result.stdout.fnmatch_lines([f"JSON report: {path}"])
    assert project.report("out/deep/report.json")["verdict"] == "pass"


@pytest.mark.parametrize("file", ["sub/modelgate.toml", "sub/pyproject.toml"])
def test_in_the_file_it_is_relative_to_the_file(project, file):
    (project.path / "modelgate.toml").unlink()
    (project.path / "sub").mkdir()
    (project.path / "test_toy.py").rename(project.path / "sub" / "test_toy.py")
    project.configure(file, json="report.json")
    project.run("--modelgate", "sub").assert_outcomes(passed=1)
    assert project.report("sub/report.json")["verdict"] == "pass"


def test_in_the_environment_it_is_relative_to_where_pytest_was_started(project, monkeypatch):
    (project.path / "elsewhere").mkdir()
    monkeypatch.chdir(project.path / "elsewhere")
    monkeypatch.setenv("MODELGATE_JSON", "report.json")
    project.run("--modelgate", "../test_toy.py").assert_outcomes(passed=1)
    assert project.report("elsewhere/report.json")["verdict"] == "pass"


def test_it_holds_every_gate_in_the_order_they_ran_and_the_worst_verdict(project):
    project.write_tests(
        gated(KEPT, name="test_kept"),
        gated(BROKEN, name="test_broken"),
        gated(name="test_inconclusive", body="pass"),
        "def test_plain():\n    pass",
    )
    project.gate().assert_outcomes(passed=2, failed=2)
    report = project.report()
    assert [(gate["test"], gate["verdict"]) for gate in report["gates"]] == [
        ("test_toy.py::test_kept", "pass"),
        ("test_toy.py::test_broken", "breach"),
        ("test_toy.py::test_inconclusive", "inconclusive"),
    ]
    assert report["verdict"] == "breach"
    assert report["environment"]["os"]


def test_it_says_what_was_measured_how_and_of_what(project):
    project.configure(runs=2)
    project.gate()
    gate = project.the_gate()
    metric = project.the_metric("latency.p50")
    assert metric["unit"] == "s"
    assert 0 < metric["low"] <= metric["value"] <= metric["high"]
    assert (metric["runs"], metric["samples"]) == (2, 80)
    assert (metric["method"], metric["threshold"]) == ("absolute", "< 10 s")
    assert gate["conditions"]["load"] == "closed loop, concurrency 1, 40 requests, warm-up 2"
    assert "--http" in gate["provenance"]["command"]


def test_a_session_in_which_nothing_was_gated_has_a_report_that_is_not_green(project):
    project.write("test_toy.py", "def test_plain():\n    pass")
    assert project.gate().ret == pytest.ExitCode.TESTS_FAILED
    report = project.report()
    assert (report["verdict"], report["gates"]) == ("inconclusive", [])


def test_a_path_that_cannot_be_written_fails_the_session_with_a_message(project):
    (project.path / "file").write_text("")
    result = project.run("--modelgate", "--modelgate-json", "file/report.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["PASS *", "the JSON report cannot be written to *", "  got: *", "  to do: *"]
    )


def test_numbers_that_are_not_finite_are_null(project):
    project.configure(flags={"fault": "error-500", "after": 20})
    project.write_tests(gated('@pytest.mark.latency(p99="< 1 s")'))
    project.gate()
    text = (project.path / "report.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert project.the_metric("latency.p99")["value"] is None
