"""Small real processes."""

import subprocess
import sys

import pytest

LISTEN = """\
import socket, sys
listener = socket.create_server((sys.argv[1], 0), family=getattr(socket, sys.argv[2]))
print(listener.getsockname()[1], flush=True)
input()
"""


@pytest.fixture
def idle_child():
    """A process that does nothing until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


@pytest.fixture(params=[("127.0.0.1", "AF_INET")])
def listening_child(request):
    """A process that listens, and its port."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, *request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        yield child, int(child.stdout.readline())
        child.kill()
