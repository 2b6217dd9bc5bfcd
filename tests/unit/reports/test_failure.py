"""The message that a gated test fails with."""

from pytest_modelgate.reports.failure import render_failure


def metric(name="latency.p50", **changes):
    return {
        "name": name,
        "unit": "s",
        "value": 0.0171,
        "low": 0.0169,
        "high": 0.0173,
        "baseline": {"value": 0.0081, "low": 0.0080, "high": 0.0082},
        "change": {"value": 1.11, "low": 1.05, "high": 1.17},
        "threshold": "+25 %",
        "method": "stored",
        "verdict": "breach",
        "reason": None,
        "smallest_detectable_change": 0.02,
        "samples": 2000,
        "runs": 5,
        **changes,
    }


def gate(*metrics, **changes):
    return {
        "test": "test_gate.py::test[a b]",
        "server": "classifier",
        "verdict": "breach",
        "metrics": list(metrics),
        "reason": None,
        "notes": [],
        "recorded": None,
        **changes,
    }


def test_a_breach_says_measured_baseline_change_threshold_and_evidence():
    assert render_failure(gate(metric())).splitlines() == [
        "modelgate: breach — classifier: latency.p50",
        "  latency.p50: breach",
        "    measured  17.1 ms (16.9 ms … 17.3 ms), 5 runs, 2,000 samples",
        "    baseline  8.1 ms (8 ms … 8.2 ms)",
        "    change    +111 % (+105 % … +117 %)",
        "    threshold +25 %",
        "  if this change is intended, record it and commit the difference:",
        "    pytest --modelgate --update-baseline 'test_gate.py::test[a b]'",
    ]


def test_every_metric_that_is_not_green_is_there_and_breaches_come_first():
    message = render_failure(
        gate(
            metric("latency.p90", verdict="inconclusive", reason="too few samples"),
            metric("memory.peak", verdict="pass"),
            metric("memory.idle", verdict=None, threshold=None),
            metric("latency.p50"),
        )
    )
    assert message.index("latency.p50: breach") < message.index("latency.p90: inconclusive")
    assert "too few samples" in message
    assert "memory" not in message


def test_what_was_not_measured_has_its_reason_and_no_numbers():
    message = render_failure(
        gate(
            metric(value=None, low=None, high=None, baseline=None, change=None, reason="no answer"),
            verdict="inconclusive",
        )
    )
    assert "no answer" in message
    assert "measured" not in message
    assert "baseline" not in message


def test_a_failed_share_is_shown_in_percent():
    message = render_failure(
        gate(metric("errors.rate", unit="1", value=0.25, low=0.25, high=0.25, baseline=None,
                    change=None, threshold="<= 0"))
    )  # fmt: skip
    assert "measured  25 %" in message


def test_drift_notes_and_the_servers_log_are_shown():
    message = render_failure(
        gate(metric(), notes=["3 of 100 requests failed"]), drift=["worst: …"], log=["panic: x"]
    )
    assert "  worst: …\n  3 of 100 requests failed\n" in message
    assert message.endswith("  server's last 1 log lines:\n    | panic: x")


def test_a_refused_recording_says_that_nothing_changed():
    message = render_failure(gate(metric(), recorded="refused"))
    assert "the baseline in git is as it was" in message
    assert "--update-baseline" not in message


def test_breaches_for_one_reason_are_each_shown_with_their_numbers():
    message = render_failure(
        gate(metric("latency.p50", reason="too slow"), metric("latency.p90", reason="too slow"))
    )
    assert message.count("    measured  17.1 ms") == 2


def test_what_is_inconclusive_for_one_reason_is_said_once():
    alike = {"verdict": "inconclusive", "reason": "no baseline"}
    message = render_failure(
        gate(metric("latency.p50", **alike), metric("latency.p90", **alike), verdict="inconclusive")
    )
    assert message.splitlines()[1:] == [
        "  latency.p50, latency.p90: inconclusive",
        "    no baseline",
    ]


def test_a_change_without_bounds_is_shown_alone_and_one_run_is_one_run():
    change = {"value": 0.5, "low": None, "high": None}
    lines = render_failure(gate(metric(change=change, runs=1))).splitlines()
    assert "    change    +50 %" in lines
    assert "    measured  17.1 ms (16.9 ms … 17.3 ms), 1 run, 2,000 samples" in lines
