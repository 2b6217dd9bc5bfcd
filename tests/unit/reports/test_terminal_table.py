"""The verdict table, rendered from the JSON report."""

from pathlib import Path

import pytest
from report_samples import gate_report, metric_report

from pytest_modelgate.reports.json_report import session_report
from pytest_modelgate.reports.terminal import render_terminal


def rendered(*gates, width=120, color=False):
    return render_terminal(session_report(gates, {}), width=width, color=color)


def row(text, name):
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [name])


def test_a_metric_is_a_row_from_baseline_to_verdict():
    text = rendered(gate_report(metric_report()))
    assert " ".join(row(text, "latency.p50")) == ("latency.p50 8 ms 8.1 ms +1.2 % +5 % ±1.8 % pass")


def test_what_is_not_there_is_a_dash():
    empty = metric_report(
        value=None, baseline=None, change=None, threshold=None, verdict=None,
        smallest_detectable_change=None,
    )  # fmt: skip
    assert row(rendered(gate_report(empty)), "latency.p50")[1:] == ["–"] * 6


def test_a_change_that_is_infinite_in_the_run_is_a_dash():
    metric = metric_report(change={"value": None, "low": None, "high": None})
    assert row(rendered(gate_report(metric)), "latency.p50")[5] == "–"


@pytest.mark.parametrize(
    ("name", "unit", "value", "shown"),
    [
        ("errors.rate", "1", 0.0012, "0.12 %"),
        ("drift.max_abs", "1", 0.0012, "0.0012"),
        ("memory.growth", "B/request", 2048.0, "2 KiB/req"),
        ("throughput", "1/s", 1234.5, "1,234/s"),
    ],
)
def test_each_unit_is_shown_as_people_read_it(name, unit, value, shown):
    assert shown in rendered(gate_report(metric_report(name, unit=unit, value=value)))


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (None, ""),
        ("recorded", "  baseline recorded"),
        ("unchanged", "  baseline unchanged"),
        ("refused", "  baseline not recorded"),
    ],
)
def test_the_title_says_what_became_of_the_baseline(recorded, said):
    first = rendered(gate_report(recorded=recorded)).splitlines()[0]
    assert first == f"PASS  classifier  test_gate.py::test[a]{said}"


def test_one_reason_of_several_metrics_is_said_once():
    reason = "no baseline recorded for this test"
    text = rendered(
        gate_report(
            metric_report("latency.p50", reason=reason),
            metric_report("latency.p90", reason="too few samples"),
            metric_report("latency.p99", reason=reason),
        )
    )
    assert f"  latency.p50, latency.p99: {reason}" in text
    assert "  latency.p90: too few samples" in text


def test_a_gate_without_metrics_has_the_first_line_of_its_reason():
    text = rendered(gate_report(verdict="inconclusive", reason="it never ran\n  got: a log"))
    assert text.splitlines()[:2] == ["INCONCLUSIVE  classifier  test_gate.py::test[a]",
                                     "  it never ran"]  # fmt: skip
    assert "a log" not in text


def test_notes_are_shown():
    assert "  3 failed requests" in rendered(gate_report(notes=["3 failed requests"]))


def test_what_looks_like_markup_is_shown_as_it_is():
    text = rendered(
        gate_report(metric_report(reason="[bold]x[/]"), test="t.py::t[red]", notes=["[/blue]"])
    )
    assert "t.py::t[red]" in text
    assert "[bold]x[/]" in text
    assert "[/blue]" in text


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ([], "modelgate: inconclusive (no gate ran)"),
        (["pass"], "modelgate: pass (1 gate)"),
        (["pass", "breach", "inconclusive"], "modelgate: breach (3 gates)"),
    ],
)
def test_the_last_line_is_the_sessions_verdict(verdicts, line):
    assert rendered(*(gate_report(verdict=v) for v in verdicts)).splitlines()[-1] == line


def test_colors_come_with_a_terminal_only():
    assert "\x1b[" not in rendered(gate_report(metric_report()))
    assert "\x1b[32mPASS" in rendered(gate_report(metric_report()), color=True)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_row_is_wider_than_the_terminal(width):
    text = rendered(gate_report(*(metric_report(f"latency.p{p}") for p in (50, 90))), width=width)
    assert all(len(line) <= width for line in text.splitlines())


def test_the_environment_is_no_part_of_it(tmp_path: Path):
    assert "machine" not in rendered(gate_report(provenance={"machine": "x"}))
