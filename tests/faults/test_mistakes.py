"""Mistakes of the user's: each has one message, and starts no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fault_project import MakeProject

MARKS = {
    "unknown argument of load": (
        '@pytest.mark.load(request=100)\n@pytest.mark.latency(p50="< 1 s")',
        ("@pytest.mark.load has no argument 'request'", "to do:    did you mean 'requests'?"),
    ),
    "unknown argument of latency": (
        '@pytest.mark.latency(q50="< 1 s")',
        ("unknown argument 'q50' of the marker 'latency'", "expected: one of mean, p50"),
    ),
    "unknown argument of drift": (
        "@pytest.mark.drift(rtoll=0.1)",
        ("@pytest.mark.drift has no argument 'rtoll'", "to do:    did you mean 'rtol'?"),
    ),
    "malformed threshold": (
        '@pytest.mark.latency(p50="about 40 ms")',
        (
            "cannot read 'about 40 ms' as a threshold for latency.p50",
            'expected: text such as "< 40 ms" or "+5 %"',
        ),
    ),
    "threshold that is no text": (
        "@pytest.mark.latency(p50=0.04)",
        ("p50", "is not a threshold", "got:      0.04"),
    ),
    "two servers": (
        '@pytest.mark.modelgate("toy", "other")\n@pytest.mark.drift()',
        ("@pytest.mark.modelgate takes the server's name and nothing else",),
    ),
}


@pytest.mark.parametrize("mistake", MARKS)
def test_in_a_marker(fault_project: MakeProject, mistake: str) -> None:
    marks, phrases = MARKS[mistake]
    project = fault_project()
    project.record_baseline()
    project.test_file.write_text(project.test_file.read_text().replace(project.marks, marks))
    project.run("--modelgate").assert_one_message(*phrases)


def test_a_server_that_is_not_configured(fault_project: MakeProject) -> None:
    project = fault_project()
    text = project.test_file.read_text()
    project.test_file.write_text(text.replace('modelgate("toy")', 'modelgate("toi")'))
    project.run("--modelgate").assert_one_message(
        "no server 'toi' is configured", "expected: one of toy", "to do:    did you mean 'toy'?"
    )


def test_no_configuration(fault_project: MakeProject) -> None:
    project = fault_project()
    (project.path / "modelgate.toml").unlink()
    project.run("--modelgate").assert_one_message(
        "no server 'toy' is configured",
        "expected: a table [tool.modelgate.servers.toy] in pyproject.toml",
    )


SERVER = """\
[servers.toy]
command = ["./toy", "{port}"]
protocol = "oip-http"
model = "toy"
"""
CONFIGURATIONS = {
    "no TOML": ("runs = ", "is not valid TOML"),
    "unknown key": ("run = 2", "did you mean 'runs'?"),
    "unknown key of a server": ('[servers.toy]\nimag = "toy:1"', "did you mean 'image'?"),
    "unknown protocol": (
        '[servers.toy]\ncommand = ["./toy", "{port}"]\nprotocol = "oip-htp"\nmodel = "toy"',
        "did you mean 'oip-http'?",
    ),
    "threshold of no metric": (
        f'{SERVER}[thresholds]\nlatency.q50 = "< 1 s"',
        "latency.q50",
    ),
    "malformed threshold": (
        f'{SERVER}[thresholds]\nlatency.p90 = "fast"',
        "cannot read 'fast' as a threshold for latency.p90",
    ),
}


@pytest.mark.parametrize("mistake", CONFIGURATIONS)
def test_in_the_configuration(fault_project: MakeProject, mistake: str) -> None:
    text, phrase = CONFIGURATIONS[mistake]
    project = fault_project()
    (project.path / "modelgate.toml").write_text(text + "\n")
    run = project.run("--modelgate")
    assert run.exit_code in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR}, run.output
    assert phrase in run.output, run.output
    assert "Traceback" not in run.output
    assert "pytest_modelgate/" not in run.output


def test_an_unknown_variable_that_looks_like_an_option(fault_project: MakeProject) -> None:
    run = fault_project(env={"MODELGATE_RUN": "2"}).run("--modelgate")
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "unknown environment variable MODELGATE_RUN" in run.output
    assert "did you mean MODELGATE_RUNS?" in run.output
