"""Where real processes listen."""

import sys

import pytest

from pytest_modelgate.servers.listening import listening_addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize(
    ("listening_child", "shown"),
    [
        (("127.0.0.1", "AF_INET"), "127.0.0.1:{}"),
        (("0.0.0.0", "AF_INET"), "0.0.0.0:{}"),
        (("::1", "AF_INET6"), "[::1]:{}"),
        (("::", "AF_INET6"), "[::]:{}"),
    ],
    indirect=["listening_child"],
)
def test_the_address_of_a_listener_is_found(listening_child, shown):
    child, port = listening_child
    assert listening_addresses([child.pid]) == (shown.format(port),)


def test_all_processes_are_looked_at_and_those_that_ended_are_passed_over(
    listening_child, idle_child
):
    child, port = listening_child
    pids = [2**22 + 1, idle_child.pid, child.pid]
    assert listening_addresses(pids) == (f"127.0.0.1:{port}",)


def test_no_processes_listen_nowhere():
    assert listening_addresses([]) == ()
