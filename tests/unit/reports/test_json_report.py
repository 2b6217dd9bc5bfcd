"""The report as JSON, and the schema that users rely on."""

import json

import jsonschema
import pytest
from report_samples import SCHEMA, gate_report, metric_report

from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.gate import unfinished
from pytest_modelgate.reports.json_report import session_report, write_json_report

GATES = [
    gate_report(metric_report()),
    gate_report(
        metric_report(
            value=None, low=None, high=None, baseline=None, change=None, threshold=None,
            method=None, verdict=None, smallest_detectable_change=None, samples=0, runs=0,
        ),
        verdict="breach",
        recorded="refused",
    ),
    unfinished(test="t.py::t", server="", reason="did not run", skipped=True),
]  # fmt: skip


@pytest.mark.parametrize("gates", [[], GATES[:1], GATES], ids=["none", "one", "all kinds"])
def test_it_is_what_the_schema_says(gates):
    jsonschema.validate(session_report(gates, {"os": "Linux"}), SCHEMA)


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([], "inconclusive"),
        (["pass"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["breach", "inconclusive", "pass"], "breach"),
    ],
)
def test_the_sessions_verdict_is_the_worst_and_no_gate_is_no_pass(verdicts, verdict):
    report = session_report([gate_report(verdict=v) for v in verdicts], {})
    assert report["verdict"] == verdict


def test_the_file_has_sorted_keys_ends_with_a_newline_and_is_the_same_each_time(tmp_path):
    report = session_report(GATES, {"cpu": "Ω"})
    line = write_json_report(report, tmp_path / "deep" / "a.json")
    write_json_report(report, tmp_path / "b.json")
    content = (tmp_path / "deep" / "a.json").read_bytes()
    assert line == f"JSON report: {tmp_path / 'deep' / 'a.json'}"
    assert content == (tmp_path / "b.json").read_bytes()
    assert content.endswith(b"}\n")
    assert list(json.loads(content)) == sorted(report)
    assert "Ω" in content.decode()


def test_a_number_that_json_does_not_have_is_a_mistake_of_ours(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json_report({"value": float("nan")}, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "a.json"):
        with pytest.raises(ModelgateError, match="the JSON report cannot be written to") as caught:
            write_json_report({}, path)
        assert str(path) in caught.value.what
        assert caught.value.hint == "give --modelgate-json a path that can be written"
