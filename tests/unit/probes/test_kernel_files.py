"""What the kernel counts, in files as both versions of control groups write them."""

import contextlib
import os
import subprocess
import sys

import psutil
import pytest

from pytest_modelgate.errors import ServerError
from pytest_modelgate.probes.kernel_files import (
    WorkingSet,
    cgroup_cpu_ns,
    cgroup_version,
    high_water_bytes,
)

MIB = 2**20
V1_STAT = """\
cache 9000000
inactive_file 1
total_cache 9000000
total_inactive_file 3000000
total_active_file 6000000
"""
V2_STAT = """\
anon 5000000
file 9000000
inactive_anon 77
active_file 6000000
inactive_file 3000000
"""


@pytest.fixture
def v1(tmp_path):
    """A control group of version 1."""
    (tmp_path / "memory.usage_in_bytes").write_text("14000000\n")
    (tmp_path / "memory.stat").write_text(V1_STAT)
    (tmp_path / "cpuacct.usage").write_text("123456789\n")
    return tmp_path


@pytest.fixture
def v2(tmp_path):
    """A control group of version 2."""
    (tmp_path / "memory.current").write_text("15000000\n")
    (tmp_path / "memory.stat").write_text(V2_STAT)
    (tmp_path / "cpu.stat").write_text("usage_usec 123456\nuser_usec 100000\nnr_periods 0\n")
    return tmp_path


def read(directory) -> int:
    working_set = WorkingSet(directory)
    try:
        return working_set.read_bytes()
    finally:
        working_set.close()


def test_version_1_counts_usage_without_the_inactive_file_cache_of_all_descendants(v1):
    assert cgroup_version(v1) == "cgroup v1"
    assert read(v1) == 11_000_000


def test_version_2_counts_usage_without_the_inactive_file_cache(v2):
    assert cgroup_version(v2) == "cgroup v2"
    assert read(v2) == 12_000_000


def test_the_processor_controller_alone_tells_the_version_too(tmp_path):
    (tmp_path / "cpuacct.usage").write_text("1\n")
    assert cgroup_version(tmp_path) == "cgroup v1"


def test_a_reading_is_of_now(v2):
    working_set = WorkingSet(v2)
    assert working_set.read_bytes() == 12_000_000
    (v2 / "memory.current").write_text("16000000\n")
    assert working_set.read_bytes() == 13_000_000
    working_set.close()


def test_a_group_that_is_gone_is_a_server_that_has_ended(v2):
    (v2 / "memory.stat").unlink()
    with pytest.raises(ServerError, match="has ended") as caught:
        WorkingSet(v2)
    assert caught.value.got == "No such file or directory"


def test_a_group_that_goes_meanwhile_is_too(v2):
    working_set = WorkingSet(v2)
    files = list(working_set._files)
    working_set.close()
    working_set._files = files  # closed: what the kernel gives for a removed group is an error, too
    with pytest.raises(ServerError, match="has ended"):
        working_set.read_bytes()


def test_processor_time_is_in_ns_in_both_versions(v1, tmp_path_factory):
    assert cgroup_cpu_ns(v1) == 123_456_789
    v2 = tmp_path_factory.mktemp("v2")
    (v2 / "cpu.stat").write_text("usage_usec 123456\nuser_usec 100000\n")
    assert cgroup_cpu_ns(v2) == 123_456_000


def test_processor_time_of_a_group_that_is_gone_is_of_a_server_that_has_ended(tmp_path):
    with pytest.raises(ServerError, match="has ended"):
        cgroup_cpu_ns(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is in /proc")
def test_the_high_water_mark_remembers_memory_that_was_given_back():
    code = "block = bytearray(64 << 20); del block; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert psutil.Process(child.pid).memory_info().rss < 64 * MIB
        assert 64 * MIB < high_water_bytes([child.pid]) < 128 * MIB
        assert high_water_bytes([child.pid, child.pid]) == 2 * high_water_bytes([child.pid])
        child.kill()


def test_processes_that_are_gone_have_no_mark():
    assert high_water_bytes([2**22 + 1]) == 0
    assert high_water_bytes([]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is in /proc")
def test_a_zombie_has_no_mark():
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert high_water_bytes([pid]) == 0
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("memory.stat", "anon 5000000\n"),
        ("memory.stat", "anon 1\ninactive_file x\n"),
        ("memory.stat", "anon 1\ninactive_file 1"),
        ("memory.current", "max\n"),
    ],
)
def test_memory_files_that_say_something_else_are_told(v2, file, text):
    (v2 / file).write_text(text)
    gauge = WorkingSet(v2)
    with contextlib.closing(gauge), pytest.raises(ServerError, match="cannot be read"):
        gauge.read_bytes()
