"""Carries TCP connections to the engine's socket: an engine "elsewhere", which can also go away."""

from __future__ import annotations

import os
import select
import socket
import socketserver
import threading
from typing import Self

SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(SOCKET)
            self.server.opened += [engine, self.request]
            other = {engine: self.request, self.request: engine}
            while True:
                readable, _, _ = select.select(list(other), [], [])
                for one in readable:
                    try:
                        data = one.recv(65536)
                        other[one].sendall(data)
                    except OSError:  # cut off
                        return
                    if not data:
                        return


class EngineForwarder(socketserver.ThreadingTCPServer):
    """Serves from a thread until it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.opened: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()
        self.server_close()
        self._thread.join()

    def go_away(self) -> None:
        """Refuse new connections and cut those that are open."""
        self.shutdown()
        self.socket.close()
        for one in self.opened:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                continue
