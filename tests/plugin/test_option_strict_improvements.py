"""``--modelgate-strict-improvements``: whether what became much better fails, too."""

from __future__ import annotations

import pytest
from gate_project import gated

LOAD = "@pytest.mark.load(requests=20, warmup=2)"
WIDE = '@pytest.mark.latency(p50="+99999 %")'
NARROW = '@pytest.mark.latency(p50="+20 %")'
IMPROVED = "*improved by *, surely by *or more: consider --update-baseline*"


@pytest.fixture
def improved(empty_project):
    """A project whose server has become several times as fast as its baseline's."""
    slow = {"work": "1ms", "fault": "slow", "slow": 5}
    empty_project.configure(runs=2, flags=slow, side_by_side="auto")
    empty_project.write_tests(gated(WIDE, load=LOAD))
    empty_project.record()
    empty_project.configure(runs=2, flags={"work": "1ms"}, side_by_side="auto")
    empty_project.write_tests(gated(NARROW, load=LOAD))
    return empty_project


def test_an_improvement_passes_and_is_reported_with_what_to_do(improved):
    result = improved.gate()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([IMPROVED])
    found = improved.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "pass")
    assert found["improved"] is True
    assert found["runs"] >= 3
    assert found["change"]["high"] < -0.2


def test_it_fails_an_improvement_and_the_baseline_stays(improved):
    before = improved.baselines()
    result = improved.gate("--modelgate-strict-improvements")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: breach — toy: latency.p50", IMPROVED])
    found = improved.the_metric("latency.p50")
    assert (found["verdict"], found["improved"]) == ("breach", True)
    assert improved.baselines() == before


EXACT = 'modelgate.record("recall", {}, threshold="-1 %")'


@pytest.fixture
def better(empty_project):
    """A project that records a number of its own, without noise, and better than its baseline."""
    empty_project.configure()
    empty_project.write_tests(gated(body=EXACT.format(0.5)))
    empty_project.record()
    empty_project.write_tests(gated(body=EXACT.format(0.6)))
    return empty_project


@pytest.mark.parametrize(("now", "verdict"), [(0.5, "pass"), (0.505, "pass"), (0.506, "breach")])
def test_a_number_without_noise_fails_only_beyond_its_threshold(better, now, verdict):
    better.write_tests(gated(body=EXACT.format(now)))
    better.gate("--modelgate-strict-improvements")
    found = better.the_metric("recall")
    assert (found["method"], found["verdict"]) == ("stored", verdict)
    assert found["improved"] is (verdict == "breach")


def test_an_improvement_can_be_recorded_under_it_and_passes_then(better):
    better.record("--modelgate-strict-improvements")
    assert better.the_gate()["recorded"] == "recorded"
    better.gate("--modelgate-strict-improvements").assert_outcomes(passed=1)
    assert better.the_metric("recall")["improved"] is False


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_asks_for_it(better, file):
    (better.path / "modelgate.toml").unlink()
    better.configure(file, strict_improvements=True)
    better.gate().assert_outcomes(failed=1)
    assert better.the_metric("recall")["improved"] is True


def test_the_environment_stands_before_the_file_and_the_command_line_before_both(
    better, monkeypatch
):
    monkeypatch.setenv("MODELGATE_STRICT_IMPROVEMENTS", "1")
    better.configure(strict_improvements=False)
    better.gate().assert_outcomes(failed=1)
    monkeypatch.setenv("MODELGATE_STRICT_IMPROVEMENTS", "0")
    better.configure(strict_improvements=True)
    better.gate().assert_outcomes(passed=1)
    better.gate("--modelgate-strict-improvements").assert_outcomes(failed=1)


def test_what_is_neither_true_nor_false_is_a_usage_error(better, monkeypatch):
    monkeypatch.setenv("MODELGATE_STRICT_IMPROVEMENTS", "perhaps")
    result = better.gate()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*MODELGATE_STRICT_IMPROVEMENTS is not valid*"])
