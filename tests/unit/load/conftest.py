"""Servers that do as a test says, on both event loops."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest
from raw_server import Peer, RawServer

from pytest_modelgate.load.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Peer], None]], RawServer]]:
    """Start a server; the argument is what it does with every connection."""
    with contextlib.ExitStack() as stack:

        def start(behave: Callable[[Peer], None]) -> RawServer:
            server = RawServer(behave)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(params=["uvloop", "asyncio"])
def event_loop_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test on uvloop, and on plain asyncio as where uvloop cannot be imported."""
    if request.param == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return request.param


@pytest.fixture
def three_inputs() -> Iterator[Workload]:
    """The bodies ``0``, ``1`` and ``2``."""
    with Workload.spool(range(3), lambda value: str(value).encode()) as workload:
        yield workload
