"""Waiting for a server, on a clock that moves only by sleeping."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import pytest

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.server import Accounting, Exit, StartPhases


@dataclass
class Time:
    """Seconds that pass by sleeping."""

    now_s: float = 100.0
    pauses_s: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.now_s += seconds


@dataclass
class Server:
    """What waiting needs of a server."""

    ends_at_s: float = float("inf")
    end: Exit = field(default_factory=lambda: Exit(1))
    accounting: Accounting = field(default_factory=Accounting)
    time: Time = field(default_factory=Time)
    name: str = "toy"
    host: str = "127.0.0.1"
    port: int = 8000
    network: str = "loopback"

    def exit(self) -> Exit | None:
        return self.end if self.time.now_s >= self.ends_at_s else None

    def log_tail(self, lines: int = 50) -> tuple[str, ...]:
        return ("a line",) * min(lines, 60)

    def wait(self, live_at_s: float, ready_at_s: float, timeout_s: float = 10) -> StartPhases:
        return await_ready(
            self,
            lambda: self.time.now_s >= live_at_s,
            lambda: self.time.now_s >= ready_at_s,
            timeout_s=timeout_s,
            began_s=99.5,
            clock=self.time.clock,
            sleep=self.time.sleep,
        )


def test_each_phase_is_timed_from_the_beginning():
    phases = Server().wait(live_at_s=101, ready_at_s=104)
    assert phases.live_s == pytest.approx(1.5, rel=0.02)
    assert phases.ready_s == pytest.approx(4.5, rel=0.02)


def test_a_server_that_is_there_at_once_is_not_waited_for():
    server = Server()
    assert server.wait(live_at_s=0, ready_at_s=0) == StartPhases(0.5, 0.5)
    assert server.time.pauses_s == []


def test_pauses_are_a_hundredth_of_the_time_passed_within_bounds():
    server = Server()
    server.wait(live_at_s=0, ready_at_s=120, timeout_s=60)
    assert min(server.time.pauses_s) == 0.005
    assert max(server.time.pauses_s) == 0.1


@pytest.mark.parametrize(("live_at_s", "phase"), [(1000, "live"), (0, "ready")])
def test_a_server_that_ends_is_reported_at_once_with_its_log(live_at_s, phase):
    server = Server(ends_at_s=102, end=Exit(3))
    with pytest.raises(ServerError, match=f"server 'toy' ended before it was {phase}") as caught:
        server.wait(live_at_s, ready_at_s=1000)
    assert caught.value.got == "exit 3, 2.5 s after it was created"
    assert caught.value.hint is None
    assert len(caught.value.log) == 50
    assert server.time.now_s < 102.1


def test_a_server_killed_for_memory_is_told_to_have_more():
    server = Server(ends_at_s=0, end=Exit(-9, out_of_memory=True))
    with pytest.raises(ServerError) as caught:
        server.wait(1000, 1000)
    assert caught.value.hint == "give it more memory"


@pytest.mark.parametrize("ready_at_s", [109.4, 109.5])
def test_a_server_that_is_ready_just_in_time_is_ready(ready_at_s):
    assert Server().wait(0, ready_at_s).ready_s >= ready_at_s - 99.5


def test_a_server_that_is_not_ready_in_time_is_reported_with_the_phase_and_its_log():
    with pytest.raises(ServerError, match="server 'toy' was not ready after 10 s") as caught:
        Server().wait(live_at_s=0, ready_at_s=111)
    assert caught.value.got == "it is live, but does not say that it is ready"
    assert "ready_timeout" in caught.value.hint
    assert len(caught.value.log) == 50


def test_a_server_of_which_nothing_is_known_just_gave_no_answer():
    with pytest.raises(ServerError, match="was not live after 10 s") as caught:
        Server().wait(1000, 1000)
    assert caught.value.expected == "an answer from 127.0.0.1:8000 (loopback)"
    assert caught.value.got == "no answer"
    assert "ready_timeout" in caught.value.hint


def test_a_server_that_does_not_listen_is_told_so(idle_child):
    server = Server(accounting=Accounting(pids=lambda: (idle_child.pid,)))
    with pytest.raises(ServerError) as caught:
        server.wait(1000, 1000)
    assert caught.value.got == "it does not listen on any port yet"
    assert "ready_timeout" in caught.value.hint


def test_a_server_that_listens_elsewhere_is_told_where(listening_child):
    child, port = listening_child
    server = Server(accounting=Accounting(pids=lambda: (child.pid,)))
    with pytest.raises(ServerError) as caught:
        server.wait(1000, 1000)
    assert caught.value.got == f"it listens on 127.0.0.1:{port}"
    assert '"{port}"' in caught.value.hint


def test_a_port_of_this_process_is_not_taken_for_the_servers(idle_child):
    server = Server(accounting=Accounting(pids=lambda: (idle_child.pid,)))
    with socket.create_server(("127.0.0.1", 0)), pytest.raises(ServerError) as caught:
        server.wait(1000, 1000)
    assert caught.value.got == "it does not listen on any port yet"
