"""A process that does as it is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Self

import pytest

from pytest_modelgate.servers.server import Accounting

OBEY = """\
import os, subprocess, sys, time
blocks = []

def hold(mib):
    blocks.append(bytearray(b"x") * (int(mib) << 20))

def drop(_):
    blocks.clear()

def burn(ms):
    end = time.process_time() + int(ms) / 1000
    while time.process_time() < end:
        pass

def child(code):
    subprocess.run([sys.executable, "-c", code], check=True)

def spawn(code):
    global running
    running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    running.stdout.readline()
    print(running.pid)

for line in sys.stdin:
    order, _, number = line.strip().partition(" ")
    globals()[order](number)
    print("done", flush=True)
"""


@dataclass
class Obedient:
    """A server of sorts; what it is told, it has done when the call returns."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls) -> Self:
        return cls(
            subprocess.Popen(
                [sys.executable, "-c", OBEY],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def __call__(self, order: str) -> list[str]:
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        said = []
        while (line := self.process.stdout.readline().strip()) != "done":
            assert self.process.poll() is None
            said.append(line)
        return said

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def accounting(self) -> Accounting:
        return Accounting(pids=lambda: (self.pid,))


@pytest.fixture
def obedient():
    """A process that does as it is told."""
    server = Obedient.start()
    server("drop")  # done, it has found its size
    yield server
    server.end()
