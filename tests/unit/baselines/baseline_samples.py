"""Baselines for the tests to write and read."""

import numpy as np

from pytest_modelgate.baselines.record import Baseline
from pytest_modelgate.runs import Run
from pytest_modelgate.stats.sketch import LatencySketch
from pytest_modelgate.tensors import Contract, TensorSpec

TEST = "tests/test_models.py::test_classifier[a-b]"
SERVER = "classifier"


def sample_run(p50_s=0.008, requests=4, failures=0):
    latencies_ns = np.array([7_000_000, 8_000_000, 9_000_000], dtype=np.int64)
    return Run(
        values={"latency.p50": p50_s, "memory.peak": 301_000_000.0},
        requests=requests,
        failures=failures,
        latencies=LatencySketch.from_latencies_ns(latencies_ns, failures),
    )


def sample_baseline(**changes):
    fields = {
        "test": TEST,
        "server": SERVER,
        "recorded_at": "2025-03-01T12:00:00+00:00",
        "runs": (sample_run(0.0081), sample_run(1 / 3, failures=1)),
        "exact": {"image.size": 54_000_000.0, "recall": 0.93},
        "fingerprint": {"cpu_model": "A", "cpu_count": "2"},
        "provenance": {"git_commit": "abc"},
        "contract": Contract(
            inputs=(TensorSpec("bytes", "INT32", (-1, 2048)),),
            outputs=(TensorSpec("label", "FP32", (-1, 214)),),
        ),
        "answers": {"0": {"label": np.arange(6, dtype=np.float32).reshape(2, 3)}},
    }
    return Baseline(**{**fields, **changes})


def answers_equal(one, other):
    """Tell whether two sets of answers are the same to the bit, dtypes and shapes included."""
    return one.keys() == other.keys() and all(
        one[name].keys() == other[name].keys()
        and all(tensors_equal(one[name][output], other[name][output]) for output in one[name])
        for name in one
    )


def tensors_equal(one, other):
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype == object:
        return one.ravel().tolist() == other.ravel().tolist()
    return one.tobytes() == other.tobytes()
