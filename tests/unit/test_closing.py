"""The end of a session."""

from pathlib import Path

import jsonschema
import pytest

from pytest_modelgate.closing import close_session
from pytest_modelgate.config.specs import Settings
from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.gate import unfinished

METRIC = {"name": "recall"}


class Hooks:
    """Reports that say what they are told to, or cannot be written."""

    def __init__(self, *said, error=None):
        self.said, self.error, self.reports = said, error, []

    def pytest_modelgate_report(self, *, report, settings):
        self.reports.append(report)
        if self.error:
            raise self.error
        return list(self.said)


def gate(verdict, *, metrics=(METRIC,), **changes):
    base = unfinished(test="t.py::t", server="toy", reason="")
    return {**base, "verdict": verdict, "metrics": list(metrics), **changes}


def closed(gates, *, expected=None, hooks=None, inconclusive="fail", root="/"):
    settings = Settings(Path(root), inconclusive=inconclusive)
    expected = set(gates) if expected is None else expected
    return close_session(gates, expected, settings, hooks or Hooks())


@pytest.mark.parametrize("verdict", ["pass", "breach", "inconclusive"])
def test_a_session_whose_gates_all_have_a_verdict_is_as_green_as_its_tests(verdict):
    closing = closed({"a": gate("pass"), "b": gate(verdict)})
    assert closing.report["verdict"] == verdict
    assert not closing.failed


def test_a_gate_that_never_ran_is_in_the_report_and_the_session_is_not_green():
    closing = closed({"b": gate("pass")}, expected={"c", "b", "a"})
    assert [(g["test"], g["reason"]) for g in closing.report["gates"][1:]] == [
        ("a", "did not run"), ("c", "did not run"),
    ]  # fmt: skip
    assert closing.report["verdict"] == "inconclusive"
    assert closing.failed


def test_a_gate_without_any_metric_is_not_green():
    assert closed({"a": gate("inconclusive", metrics=(), skipped=True)}).failed


def test_nothing_gated_is_not_green_and_says_so():
    closing = closed({}, hooks=Hooks("JSON report: x"))
    assert closing.failed
    assert closing.lines[0].startswith("nothing was gated: ")
    assert closing.lines[1] == "JSON report: x"
    assert closing.report["verdict"] == "inconclusive"


@pytest.mark.parametrize(("gates", "expected"), [({}, ()), ({}, ("a",))])
def test_warn_excuses_what_was_not_measured(gates, expected):
    assert not closed(gates, expected=expected, inconclusive="warn").failed


def test_every_report_is_given_the_same_and_its_lines_are_shown():
    hooks = Hooks("one\ntwo", "three")
    closing = closed({"a": gate("pass")}, hooks=hooks)
    assert closing.lines == ("one", "two", "three")
    assert hooks.reports == [closing.report]


def test_a_report_that_cannot_be_written_fails_the_session_with_its_message():
    error = ModelgateError("the disk is full", hint="make room")
    closing = closed({"a": gate("pass")}, hooks=Hooks(error=error), inconclusive="warn")
    assert closing.failed
    assert closing.lines == ("the disk is full", "  to do:    make room")
    assert closing.report["verdict"] == "pass"


def test_a_report_of_a_plugin_that_raises_anything_fails_the_session_and_keeps_the_verdicts():
    closing = closed({"a": gate("pass")}, hooks=Hooks(error=OSError("disk full")))
    assert closing.failed
    assert closing.lines == ("a report could not be made: OSError('disk full')",)
    assert closing.report["verdict"] == "pass"


def test_the_environment_says_machine_and_versions(tmp_path):
    environment = closed({}, root=tmp_path).report["environment"]
    assert {"os", "cpu_model", "python", "pytest_modelgate"} <= environment.keys()
    jsonschema.validate(environment, {"additionalProperties": {"type": "string"}})
