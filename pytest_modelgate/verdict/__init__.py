"""Thresholds, measurements and a baseline to a verdict. Pure: no file, clock, network or pytest."""

from __future__ import annotations

from pytest_modelgate.verdict.changes import MetricChange, answers_change, metric_changes, moved
from pytest_modelgate.verdict.judging import judge, statistical_metrics
from pytest_modelgate.verdict.settling import is_settled, to_record, to_settle
from pytest_modelgate.verdict.values import GateVerdict, Interval, MetricVerdict, Verdict, worst

__all__ = [
    "GateVerdict",
    "Interval",
    "MetricChange",
    "MetricVerdict",
    "Verdict",
    "answers_change",
    "is_settled",
    "judge",
    "metric_changes",
    "moved",
    "statistical_metrics",
    "to_record",
    "to_settle",
    "worst",
]
