"""Memory around a window, of a real process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import psutil
import pytest

from pytest_modelgate.errors import EngineError
from pytest_modelgate.probes.memory import MemoryProbe, MemoryReading
from pytest_modelgate.servers.server import Accounting

MIB = 2**20
NAMES = {"memory.idle", "memory.peak", "memory.after", "memory.growth"}


@dataclass
class Gauged:
    """A server whose engine says how much memory it uses."""

    used: list[int]
    asked: int = 0
    accounting: Accounting = field(init=False)

    def __post_init__(self) -> None:
        self.accounting = Accounting(engine_memory_bytes=self.read)

    def read(self) -> int:
        self.asked += 1
        if not self.used:
            raise EngineError("the engine is gone")
        return self.used.pop(0) if len(self.used) > 1 else self.used[0]


def wait_for(condition):
    while not condition():
        time.sleep(0.001)


def test_the_probe_declares_what_it_reads():
    assert {metric.name for metric in MemoryProbe.metrics} == NAMES


def test_a_process_is_read_by_its_resident_set(obedient):
    obedient("hold 32")
    reading = MemoryProbe().attach(obedient)
    assert reading.source == "process RSS"
    completed = 0
    reading.begin(lambda: completed)
    obedient("hold 64")
    completed = 1
    obedient("drop")
    values = reading.end()
    assert 32 * MIB < values["memory.idle"] < 64 * MIB
    assert 96 * MIB < values["memory.peak"] < 128 * MIB
    assert values["memory.after"] < 32 * MIB


def test_growth_is_memory_over_completed_requests():
    server = Gauged([1000] * 5 + list(range(10_000, 20_000, 100)))
    reading = MemoryProbe().attach(server)
    reading.begin(lambda: server.asked)
    wait_for(lambda: server.asked >= 30)
    assert reading.end()["memory.growth"] == 100
    assert reading.unmeasured() == {}


def test_idle_and_after_are_medians_of_five_readings_and_the_peak_is_never_below_them():
    server = Gauged([50, 10, 30, 20, 40, 5])
    reading = MemoryReading(server.accounting, sleep=lambda _: None)
    reading.begin(int)
    wait_for(lambda: len(server.used) == 1)
    values = reading.end()
    assert values["memory.idle"] == 30
    assert values["memory.after"] == 5
    assert values["memory.peak"] == 30


def test_a_dear_gauge_is_read_once_at_rest():
    now_s = [0.0]
    server = Gauged([7])

    def slow():
        now_s[0] += 1.0
        return server.read()

    MemoryReading(Accounting(engine_memory_bytes=slow), clock=lambda: now_s[0])
    assert server.asked == 1


def test_a_window_too_short_for_growth_says_so():
    reading = MemoryProbe().attach(Gauged([7]))
    reading.begin(int)
    values = reading.end()
    assert set(values) == NAMES - {"memory.growth"}
    assert "too short" in reading.unmeasured()["memory.growth"]


def test_a_server_elsewhere_has_no_memory_that_could_be_read():
    reading = MemoryReading(Accounting())
    assert reading.source == "none"
    reading.begin(int)
    assert reading.end() == {}
    assert set(reading.unmeasured()) == NAMES
    assert set(reading.unmeasured().values()) == {
        "the server runs where this machine cannot read what it uses"
    }


def test_a_gauge_that_fails_in_the_window_leaves_the_window_unmeasured():
    server = Gauged([7])
    reading = MemoryProbe().attach(server)
    reading.begin(int)
    server.used.clear()
    assert reading.end() == {"memory.idle": 7}
    reasons = reading.unmeasured()
    assert reasons == dict.fromkeys(NAMES - {"memory.idle"}, "the engine is gone")


def test_a_window_that_never_began_has_no_peak():
    reading = MemoryProbe().attach(Gauged([7]))
    assert reading.end() == {"memory.idle": 7, "memory.after": 7}


def test_sampling_stops_with_the_window():
    reading = MemoryProbe().attach(Gauged([7]))
    reading.begin(int)
    assert any(thread.name == "modelgate-memory" for thread in threading.enumerate())
    reading.end()
    assert not any(thread.name == "modelgate-memory" for thread in threading.enumerate())


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), ValueError("no"), KeyError("usage")])
def test_whatever_ends_the_sampling_leaves_no_peak_that_is_too_low(error):
    server = Gauged([1000])
    reading = MemoryReading(server.accounting, sleep=lambda _: None)

    def completed():
        if server.asked < 10:
            return 0
        raise error

    reading.begin(completed)
    wait_for(lambda: not reading._sampler._thread.is_alive())
    values = reading.end()
    assert set(values) == {"memory.idle", "memory.after"}
    assert reading.unmeasured() == {"memory.peak": repr(error), "memory.growth": repr(error)}
