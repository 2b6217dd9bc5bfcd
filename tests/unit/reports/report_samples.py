"""Gates of a JSON report, as verdicts make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "modelgate-report-1.schema.json").read_text("utf-8")
)


def metric_report(name: str = "latency.p50", **changes: Any) -> dict[str, Any]:
    """A metric that passed, held against a baseline."""
    return {
        "name": name,
        "unit": "s",
        "value": 0.0081,
        "low": 0.0080,
        "high": 0.0083,
        "baseline": {"value": 0.0080, "low": 0.0079, "high": 0.0081},
        "change": {"value": 0.012, "low": -0.004, "high": 0.028},
        "threshold": "+5 %",
        "method": "stored",
        "verdict": "pass",
        "reason": None,
        "smallest_detectable_change": 0.018,
        "samples": 6000,
        "runs": 3,
        **changes,
    }


def gate_report(*metrics: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A gate that passed."""
    return {
        "test": "test_gate.py::test[a]",
        "server": "classifier",
        "verdict": "pass",
        "metrics": list(metrics),
        "reason": None,
        "notes": [],
        "recorded": None,
        "skipped": False,
        "conditions": {},
        "provenance": {},
        **changes,
    }
