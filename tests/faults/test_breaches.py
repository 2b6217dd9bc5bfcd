"""A server that gives the right answers, and is worse."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fault_project import MakeProject


def test_a_leak(fault_project: MakeProject, runtime: str) -> None:
    """A process is a dear thing to read the memory of: that takes seconds for some samples."""
    marks = """\
@pytest.mark.load(duration="3 s", warmup=5)
@pytest.mark.memory(growth="< 4 KiB/request")"""
    project = fault_project(
        "leak", bytes=16 << 10, runtime=runtime, marks=marks, always={"work": "2ms"}
    )
    run = project.run("--modelgate")
    run.assert_one_message(
        "memory.growth: breach", "beyond the limit < 4 KiB/request", "threshold < 4 KiB/request"
    )
    assert run.metric("memory.growth")["value"] > 8 << 10


def test_a_slower_median_than_the_baselines(fault_project: MakeProject, runtime: str) -> None:
    marks = """\
@pytest.mark.load(requests=60, warmup=5)
@pytest.mark.latency(p50="+300 %")"""
    project = fault_project(
        "slow", slow=12, runtime=runtime, marks=marks, always={"work": "1ms"}, settings={"runs": 4}
    )
    project.record_baseline()
    run = project.run("--modelgate")
    run.assert_one_message(
        "latency.p50: breach",
        "worse by ",
        "300 % is allowed",
        "baseline  ",
        "change    +",
        "threshold +300 %",
        "if this change is intended, record it",
        "pytest --modelgate --update-baseline test_toy.py::test_toy",
    )


def test_a_slower_tail_than_the_limit(fault_project: MakeProject, runtime: str) -> None:
    marks = """\
@pytest.mark.load(requests=200, warmup=5)
@pytest.mark.latency(p50="< 1 s", p99="< 10 ms")"""
    project = fault_project("slow", slow=20, every=10, runtime=runtime, marks=marks)
    project.always = {"work": "1ms"}
    project.inject("slow", slow=20, every=10)
    run = project.run("--modelgate")
    run.assert_one_message("latency.p99: breach", "beyond the limit < 10 ms", "threshold < 10 ms")
    assert run.metric("latency.p50")["verdict"] == "pass"


def test_a_tail_of_which_there_are_too_few_samples(fault_project: MakeProject) -> None:
    """Two runs of 149 are 298 requests: one fewer than a p99 needs."""
    marks = """\
@pytest.mark.load(requests=149, warmup=5)
@pytest.mark.latency(p99="< 10 s")"""
    run = fault_project(marks=marks).run("--modelgate")
    run.assert_one_message("latency.p99: inconclusive", "too few samples: 298 of at least 299")
