"""Memory and processor time of a real server in a real container."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelgate.config.specs import Mount
from pytest_modelgate.probes.cpu import CpuProbe
from pytest_modelgate.probes.memory import MemoryProbe

pytestmark = pytest.mark.container

MIB = 2**20
SLACK = 6 * MIB
"""What a Go program's heap and stacks may move by themselves."""


class Window:
    """Requests that are counted as they are answered."""

    def __init__(self, get) -> None:
        self.get = get
        self.completed = 0

    def __call__(self) -> int:
        return self.completed

    def send(self, path: str, times: int = 1) -> None:
        for _ in range(times):
            assert self.get(path).status == 200
            self.completed += 1


@pytest.fixture
def get(kind, spec, answering):
    """A server at work, and the way to ask it."""
    server = kind.start(replace(spec, memory_bytes=1024 * MIB))
    with answering(server) as get:
        get.server = server
        yield get


def test_idle_peak_and_after_follow_what_the_server_holds(get):
    get("/allocate?mib=32")
    reading = MemoryProbe().attach(get.server)
    window = Window(get)
    reading.begin(window)
    window.send("/allocate?mib=64")
    window.send("/free")
    values = reading.end()
    idle, peak, after = (values[f"memory.{name}"] for name in ("idle", "peak", "after"))
    assert 32 * MIB < idle < 32 * MIB + SLACK
    assert 96 * MIB < peak < 96 * MIB + 2 * SLACK
    assert after < SLACK


def test_a_peak_shorter_than_any_sampling_is_seen(get):
    window = Window(get)
    window.send("/allocate?mib=64")
    window.send("/free")
    reading = MemoryProbe().attach(get.server)
    reading.begin(window)
    values = reading.end()
    assert values["memory.peak"] > 64 * MIB > 8 * values["memory.idle"]


def test_file_cache_that_the_kernel_could_drop_is_not_counted(kind, spec, answering, tmp_path):
    model = tmp_path / "model.bin"
    model.write_bytes(os.urandom(MIB) * 64)
    with model.open("rb") as file:  # out of the cache, lest it stay on this process's account
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    server = kind.start(replace(spec, mounts=(Mount(tmp_path, "/models"),)))
    with answering(server) as get:
        reading = MemoryProbe().attach(server)
        window = Window(get)
        reading.begin(window)
        window.send("/file?path=/models/model.bin")
        values = reading.end()
    assert values["memory.after"] < values["memory.idle"] + SLACK


def test_a_leak_shows_as_growth_per_request(get):
    window = Window(get)
    window.send("/work?garbage=20000&leak=0", times=50)
    reading = MemoryProbe().attach(get.server)
    reading.begin(window)
    window.send("/work?garbage=20000&leak=65536", times=400)
    growth = reading.end()["memory.growth"]
    # Go's collector keeps headroom in proportion to the live heap, so up to twice the leak.
    assert 0.9 * 65536 < growth < 2.5 * 65536


def test_a_server_without_a_leak_does_not_grow(get):
    window = Window(get)
    window.send("/work?garbage=100000&leak=0", times=300)
    reading = MemoryProbe().attach(get.server)
    reading.begin(window)
    window.send("/work?garbage=100000&leak=0", times=1000)
    values = reading.end()
    assert abs(values["memory.growth"]) < 2048


def test_processor_time_is_that_of_the_server_divided_by_the_requests(get):
    reading = CpuProbe().attach(get.server)
    window = Window(get)
    reading.begin(window)
    window.send("/burn?ms=20", times=10)
    assert 0.019 < reading.end()["cpu.per_request"] < 0.04


def test_the_source_is_the_control_group(get):
    version = "cgroup v1" if Path("/sys/fs/cgroup/memory").exists() else "cgroup v2"
    assert MemoryProbe().attach(get.server).source == version
    assert CpuProbe().attach(get.server).source == version


def test_a_server_that_ends_in_the_window_leaves_its_metrics_unmeasured(get):
    readings = [probe.attach(get.server) for probe in (MemoryProbe(), CpuProbe())]
    for reading in readings:
        reading.begin(Window(get))
    get("/exit?code=1")
    while get.server.exit() is None:
        pass
    memory, cpu = readings
    assert list(memory.end()) == ["memory.idle"]
    assert cpu.end() == {}
    assert set(memory.unmeasured()) == {"memory.peak", "memory.after", "memory.growth"}
    assert set(cpu.unmeasured()) == {"cpu.per_request"}
    reasons = {*memory.unmeasured().values(), *cpu.unmeasured().values()}
    assert reasons == {"the server has ended: its control group is gone"}


def test_an_engine_elsewhere_is_asked_for_its_statistics(elsewhere, spec, answering):
    server = elsewhere.start(spec)
    with answering(server) as get:
        memory, cpu = MemoryProbe().attach(server), CpuProbe().attach(server)
        assert memory.source == cpu.source == "engine stats API"
        window = Window(get)
        for reading in (memory, cpu):
            reading.begin(window)
        window.send("/allocate?mib=64")
        window.send("/burn?ms=100")
        values = {**cpu.end(), **memory.end()}
    assert 64 * MIB < values["memory.after"] < 64 * MIB + SLACK
    assert values["memory.peak"] >= values["memory.after"]
    assert 0.05 < values["cpu.per_request"] < 0.15
    assert "too short" in memory.unmeasured()["memory.growth"]
