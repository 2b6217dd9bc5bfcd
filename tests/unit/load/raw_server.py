"""Real servers on loopback, written on bare sockets so that they can misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

from pytest_modelgate.load.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """An answer with its length declared."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Peer:
    """The server's end of one connection."""

    def __init__(self, connected: socket.socket, number: int, server: RawServer) -> None:
        self.socket = connected
        self.number = number
        self._server = server
        self._rest = b""

    def request(self) -> bytes | None:
        """The body of the next request; None when the client has gone."""
        while b"\r\n\r\n" not in self._rest:
            if not self._read():
                return None
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        while len(self._rest) < length:
            if not self._read():
                return None
        body, self._rest = self._rest[:length], self._rest[length:]
        self._server.heads.append(head)
        self._server.bodies.append(body)
        return body

    def _read(self) -> bool:
        data = self.socket.recv(1 << 20)
        self._rest += data
        return bool(data)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class RawServer:
    """Runs ``behave`` in a thread of its own for every connection.

    :ivar bodies: the request bodies, in the order in which they came.
    :ivar connections: how many connections were made.
    """

    def __init__(self, behave: Callable[[Peer], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.bodies: list[bytes] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.closing = threading.Event()
        self.target = Target("127.0.0.1", self._listener.getsockname()[1], path="/infer")
        self._start(self._accept)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        # The listener is shut down in the end, which accept() reports as an error.
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                self._sockets.append(connected)
                self.connections += 1
                self._start(self._serve, Peer(connected, self.connections, self))

    def _serve(self, peer: Peer) -> None:
        # The client may close at any moment, and close() below shuts everything down.
        with peer.socket, contextlib.suppress(OSError):
            self._behave(peer)

    def stop_listening(self) -> None:
        """Refuse connections from now on."""
        with contextlib.suppress(OSError):  # already shut down
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        self.closing.set()
        self.stop_listening()
        for connected in self._sockets:
            with contextlib.suppress(OSError):  # already closed
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def echo(peer: Peer) -> None:
    """Answer every request with its own body."""
    while (body := peer.request()) is not None:
        peer.send(answer(body))
