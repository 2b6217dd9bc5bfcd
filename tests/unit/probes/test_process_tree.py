"""What real processes use."""

import subprocess
import sys

import psutil
import pytest

from pytest_modelgate.errors import ServerError
from pytest_modelgate.probes.process_tree import ResidentSet, cpu_ns

MIB = 2**20
GONE = 2**22 + 1


def test_the_resident_set_follows_what_the_process_holds(obedient):
    gauge = ResidentSet(lambda: (obedient.pid,))
    before = gauge.read_bytes()
    obedient("hold 64")
    assert gauge.read_bytes() == pytest.approx(before + 64 * MIB, abs=4 * MIB)
    obedient("drop")
    assert gauge.read_bytes() == pytest.approx(before, abs=4 * MIB)
    gauge.close()


def test_processes_are_summed_and_those_that_ended_are_passed_over(obedient):
    (child,) = obedient("spawn print(flush=True); input()")
    one = ResidentSet(lambda: (obedient.pid,)).read_bytes()
    both = ResidentSet(lambda: (obedient.pid, int(child), GONE)).read_bytes()
    assert both == one + psutil.Process(int(child)).memory_info().rss
    psutil.Process(int(child)).kill()


def test_processes_are_looked_for_again_after_a_second_and_not_before(obedient):
    now_s, asked = [10.0], []

    def pids():
        asked.append(now_s[0])
        return (obedient.pid,)

    gauge = ResidentSet(pids, clock=lambda: now_s[0])
    for at_s in (10.0, 10.99, 11.0, 11.5):
        now_s[0] = at_s
        gauge.read_bytes()
    assert asked == [10.0, 11.0]


def test_a_process_that_ends_between_two_looks_is_passed_over(obedient):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        gauge = ResidentSet(lambda: (obedient.pid, other.pid), clock=lambda: 0)
        both = gauge.read_bytes()
        other.kill()
    assert 0 < gauge.read_bytes() < both


def test_no_process_left_is_a_server_that_has_ended(obedient):
    gauge = ResidentSet(lambda: (obedient.pid,), clock=lambda: 0)
    gauge.read_bytes()
    obedient.end()
    with pytest.raises(ServerError, match="has ended"):
        gauge.read_bytes()
    with pytest.raises(ServerError, match="has ended"):
        ResidentSet(tuple).read_bytes()
    with pytest.raises(ServerError, match="has ended"):
        cpu_ns([obedient.pid, GONE])


def test_processor_time_is_that_of_the_processes_and_their_ended_children(obedient):
    before_ns = cpu_ns([obedient.pid])
    obedient("burn 100")
    after_ns = cpu_ns([obedient.pid])
    assert 80e6 <= after_ns - before_ns < 300e6
    obedient("child import time; [0 for _ in iter(lambda: time.process_time() < 0.1, False)]")
    assert cpu_ns([obedient.pid]) - after_ns >= 80e6


@pytest.mark.parametrize(
    ("method", "read"),
    [
        ("__init__", lambda pids: ResidentSet(lambda: pids).read_bytes()),
        ("memory_info", lambda pids: ResidentSet(lambda: pids).read_bytes()),
        ("cpu_times", cpu_ns),
    ],
)
def test_a_process_that_may_not_be_read_is_told(obedient, monkeypatch, method, read):
    def refuse(*_):
        raise psutil.AccessDenied(obedient.pid)

    monkeypatch.setattr(psutil.Process, method, refuse)
    with pytest.raises(ServerError, match="may not be read"):
        read((obedient.pid,))
