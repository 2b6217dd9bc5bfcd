"""One HTTP/1.1 connection that carries one request at a time and times it.

Written for speed, as everything that runs between an answer and the next request costs throughput,
and on a server that answers in microseconds latency too: an `asyncio.Protocol` on llhttp's parser,
without a coroutine, a task or a queue in between. A latency counts from just before the request is
handed to the transport until the last bytes of its answer have been read.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from time import perf_counter_ns
from typing import TYPE_CHECKING, cast

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpResponseParser,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.load.phase import Phase, Question

_HEAD_BYTES = 64 * 1024  # kept of an answer that comes in pieces; more than any server's head
_SHOWN_CHARACTERS = 200  # of the body of an answer that is an error


class Connection(asyncio.Protocol):
    """A connection to the server.

    :ivar waiting: whether a request is on its way.
    :ivar sent_ns: when the last one was sent, on the clock of `time.perf_counter_ns`.
    """

    _transport: asyncio.Transport
    _write: Callable[[bytes], int]
    _parser: HttpResponseParser
    _feed: Callable[[bytes], None]
    _question: Question
    _ended: asyncio.Future[str | None]

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._known: bytes | None = None  # the question's; None once an answer is being parsed
        self._begun = 0  # answers that began since the request was sent
        self._complete = False
        self._body: list[bytes] = []
        self._head = b""  # the start of an answer that comes in pieces
        self.sent_ns = 0
        self._usable = False
        self.waiting = False

    @property
    def usable(self) -> bool:
        """Whether a request can be sent: connected, and the server has not said "close"."""
        return self._usable and not self._transport.is_closing()

    def run(self, phase: Phase, question: Question) -> asyncio.Future[str | None]:
        """Send this question, and then, from answer to answer, what the phase has.

        :return: is done when the phase has nothing left (None), the server closed the connection
            after an answer (None), or a request got no answer (why), with the connection closed.
        """
        self._phase = phase
        self._question = question
        self._ended = asyncio.get_running_loop().create_future()
        self.waiting = True
        self.sent_ns = perf_counter_ns()
        self._transport.write(question.request)
        return self._ended

    def _write_by_transport(self, request: bytes) -> int:
        self._transport.write(request)
        return len(request)

    def _end(self, reason: str | None) -> None:
        self.waiting = False
        self._known = None
        if not self._ended.done():  # nobody waits any more where the run was broken off
            self._ended.set_result(reason)

    def fail(self, reason: str) -> None:
        """Close at once; the request on its way, if there is one, ends with this reason."""
        self._phase.broken(reason)
        if self.waiting:
            self._end(reason)
        self.abort()

    def abort(self) -> None:
        """Close at once, and tell nobody."""
        self.waiting = self._usable = False
        self._known = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio calls this)."""
        self._transport = cast("asyncio.Transport", transport)
        connected = transport.get_extra_info("socket")
        # A small request must not wait for the acknowledgement of the one before (Nagle).
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Straight to the kernel where that can be: uvloop's transport keeps what is written until
        # all other connections have been read, and the clock would be running meanwhile.
        plain = os.name == "posix" and transport.get_extra_info("sslcontext") is None
        fd = connected.fileno()
        self._write = functools.partial(os.write, fd) if plain else self._write_by_transport
        self._parser = HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._usable = True

    def data_received(self, data: bytes) -> None:
        """Take bytes of an answer (asyncio calls this)."""
        received_ns = perf_counter_ns()
        phase = self._phase
        if data == self._known:
            # The same bytes as a whole answer that came before: nothing that parsing could tell.
            phase.answers += 1
            phase.answered_again(received_ns - self.sent_ns)
            phase.numbered(self._question.number)
        elif not self._is_answered(data, received_ns):
            return
        if not self._usable or received_ns >= phase.deadline_ns:
            self._end(None)
            return
        try:
            self._question = question = phase.take()
        except StopIteration:
            self._end(None)
            return
        self._known = question.known
        request = question.request
        self.sent_ns = perf_counter_ns()
        try:
            taken_bytes = self._write(request)
        except OSError:
            taken_bytes = 0  # the transport will meet the same error, and report it
        if taken_bytes < len(request):
            self._known = None  # the answer must be looked at: it may come before all is sent
            self._transport.write(memoryview(request)[taken_bytes:])

    def _is_answered(self, data: bytes, received_ns: int) -> bool:
        """Parse a piece of an answer; tell whether that completed it."""
        if not self.waiting:
            self.fail("malformed answer: bytes that no request asked for")
            return False
        self._known = None
        try:
            self._feed(data)
        except HttpParserCallbackError:
            raise  # a fault of ours, not of the server's
        except (HttpParserError, HttpParserUpgrade) as error:
            self.fail(f"malformed answer: {error}")
            return False
        if not self._complete:
            if len(self._head) < _HEAD_BYTES:
                self._head += data
            return False
        if self._begun > 1:
            self.fail("malformed answer: bytes after its end")
            return False
        self._finish(received_ns, whole=None if self._head else data)
        return True

    def _finish(self, received_ns: int, whole: bytes | None) -> None:
        """Record the answer that is complete; ``whole`` if it came in one piece."""
        body = b"".join(self._body)
        self._body.clear()
        self._head = b""
        self._begun = 0
        self._complete = False
        phase, question = self._phase, self._question
        phase.answers += 1
        status = self._parser.get_status_code()
        if 200 <= status < 300:
            number = phase.recorder.answered(question.index, body, received_ns - self.sent_ns)
            if number and whole and self._usable:
                phase.remember(question, whole, number)
        else:
            phase.recorder.failed(_describe(status, body))
        if self._transport.get_write_buffer_size():
            self._usable = False
            self._transport.abort()  # before the request was all sent: its rest would come first
        elif not self._usable:
            self._transport.close()

    def eof_received(self) -> None:
        """Send nothing more on it (asyncio calls this, and closes the connection)."""
        self._usable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Judge what the end of the connection means (asyncio calls this)."""
        self._usable = False
        if self.waiting:
            if exc is None and _ends_with_the_connection(self._head):
                self._finish(perf_counter_ns(), whole=None)
                self._end(None)
            else:
                self.fail(_why_lost(exc, begun=bool(self._head)))
        # The parser holds this object and this object the parser, and the garbage collector that
        # would find out is off while a window is open.
        del self._feed, self._parser

    def on_message_begin(self) -> None:
        """Count an answer (httptools calls this)."""
        self._begun += 1

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, with any chunking undone (httptools calls this)."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Take note of the end of an answer (httptools calls this)."""
        if self._parser.get_status_code() < 200:  # informational: the answer is still to come
            self._begun -= 1
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self._usable = False


def _describe(status: int, body: bytes) -> str:
    text = body[: 4 * _SHOWN_CHARACTERS].decode(errors="replace")[:_SHOWN_CHARACTERS]
    return f"HTTP {status}: {text}" if text else f"HTTP {status}"


def _why_lost(error: Exception | None, *, begun: bool) -> str:
    where = " in the middle of an answer" if begun else ""
    if isinstance(error, ConnectionResetError):
        return f"connection reset by the server{where}"
    if error is not None:
        return f"connection lost{where}: {error}"
    if begun:
        return "truncated answer: the server closed the connection in the middle of it"
    return "connection closed by the server without an answer"


class _Framing:
    """Collects what a head says of where its body ends."""

    def __init__(self) -> None:
        self.complete = False
        self.declared = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        self.declared |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        self.complete = True

    def on_message_complete(self) -> None:
        self.complete = self.declared = False  # it was an informational one: another head follows


def _ends_with_the_connection(head: bytes) -> bool:
    """Tell whether an answer's length is not declared, so that closing ends it (RFC 9112, 6.3).

    llhttp knows, but httptools does not pass it on, and a callback for every header would cost
    every answer; so the rare one that was cut short has its head parsed a second time.
    """
    framing = _Framing()
    HttpResponseParser(framing).feed_data(head)
    return framing.complete and not framing.declared
