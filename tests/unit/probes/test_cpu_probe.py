"""Processor time over a window, of a real process."""

from __future__ import annotations

import pytest

from pytest_modelgate.errors import EngineError
from pytest_modelgate.probes.cpu import CpuProbe, CpuReading
from pytest_modelgate.servers.server import Accounting


def test_the_probe_declares_what_it_reads():
    assert [metric.name for metric in CpuProbe.metrics] == ["cpu.per_request"]


def test_it_is_what_the_server_used_in_the_window_divided_by_the_requests_in_it(obedient):
    obedient("burn 200")
    reading = CpuProbe().attach(obedient)
    assert reading.source == "process times"
    completed = 10
    reading.begin(lambda: completed)
    obedient("burn 100")
    completed = 15
    assert 0.016 <= reading.end()["cpu.per_request"] < 0.04
    assert reading.unmeasured() == {}


def test_a_control_group_is_read_where_there_is_one(tmp_path):
    usage = tmp_path / "cpuacct.usage"
    usage.write_text("1000000000\n")
    reading = CpuReading(Accounting(cpu_cgroup=tmp_path))
    assert reading.source == "cgroup v1"
    completed = 0
    reading.begin(lambda: completed)
    usage.write_text("3000000000\n")
    completed = 4
    assert reading.end() == {"cpu.per_request": 0.5}


def test_an_engine_is_asked_where_it_alone_knows():
    used_ns = iter([5_000_000, 9_000_000])
    reading = CpuReading(Accounting(engine_cpu_ns=lambda: next(used_ns)))
    assert reading.source == "engine stats API"
    completed = iter([0, 2])
    reading.begin(lambda: next(completed))
    assert reading.end() == {"cpu.per_request": 0.002}


@pytest.mark.parametrize("completed", [0, 7])
def test_without_a_completed_request_there_is_nothing_to_divide_by(obedient, completed):
    reading = CpuProbe().attach(obedient)
    reading.begin(lambda: completed)
    assert reading.end() == {}
    assert reading.unmeasured() == {"cpu.per_request": "no request was completed in the window"}


def test_a_server_elsewhere_has_none_that_could_be_read():
    reading = CpuReading(Accounting())
    assert reading.source == "none"
    reading.begin(int)
    assert reading.end() == {}
    assert "cannot read" in reading.unmeasured()["cpu.per_request"]


def test_a_server_that_ends_in_the_window_leaves_it_unmeasured():
    def read_ns():
        if ended:
            raise EngineError("the engine is gone")
        return 0

    ended = False
    reading = CpuReading(Accounting(engine_cpu_ns=read_ns))
    reading.begin(int)
    ended = True
    assert reading.end() == {}
    assert reading.unmeasured() == {"cpu.per_request": "the engine is gone"}
