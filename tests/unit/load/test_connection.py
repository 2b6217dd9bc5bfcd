"""The HTTP/1.1 connection, byte by byte: how an answer is cut up must not matter."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest
from httptools import HttpParserCallbackError
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.load.connection import Connection
from pytest_modelgate.load.phase import Phase, Question
from pytest_modelgate.load.recording import Failure, Failures, Outcomes, Recording

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"
)
INFORMED = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + PLAIN
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"
UNTIL_CLOSED_INFORMED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"


class Wire(asyncio.Transport):
    """Stands where the transport is, so that each test says how the bytes arrive."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        # A pair has no Nagle to switch off; the rest of the socket is real.
        self.tcp = socket.socket()
        super().__init__({"socket": self})
        self.unsent = b""
        self.closed = ""

    def setsockopt(self, *option: int) -> None:
        self.tcp.setsockopt(*option)

    def fileno(self) -> int:
        return self.ours.fileno()

    def write(self, data) -> None:
        """Send what the socket takes, and keep the rest, as real transports do."""
        try:
            sent = self.ours.send(data)
        except OSError:
            sent = 0
        self.unsent += bytes(data[sent:])

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed = self.closed or "close"

    def abort(self) -> None:
        self.closed = "abort"

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self.ours, self.theirs, self.tcp):
            each.close()


def converse(*events, recorder, requests=1, inputs=1000, size_bytes=10):
    """Send this many requests, and let these bytes arrive; None and errors end the connection.

    Returns the phase, how the connection was closed, and how the run of requests ended.
    """

    async def main():
        asked = [Question(index, bytes(size_bytes)) for index in range(min(inputs, requests))]
        questions = itertools.islice(itertools.cycle(asked), requests)
        phase = Phase(questions, recorder)
        connection = Connection(phase)
        with Wire() as wire:
            connection.connection_made(wire)
            ended = connection.run(phase, phase.take())
            for event in events:
                if isinstance(event, bytes):
                    connection.data_received(event)
                    continue
                if event is None:
                    connection.eof_received()
                connection.connection_lost(event)
            return phase, wire.closed, ended.result() if ended.done() else "still waiting"

    return asyncio.run(main())


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(1, 120), max_size=8)


@given(
    st.lists(st.tuples(st.sampled_from([PLAIN, EMPTY, CHUNKED, INFORMED]), CUTS), min_size=1),
)
def test_an_answer_is_the_same_however_it_is_cut_up(answers):
    outcomes = Outcomes()
    events = [piece for data, cuts in answers for piece in pieces(data, cuts)]
    phase, closed, ended = converse(*events, requests=len(answers), recorder=outcomes)
    expected = [b"" if data is EMPTY else b"hello" for data, _ in answers]
    assert outcomes.all == expected
    assert (phase.answers, phase.breaks, closed, ended) == (len(answers), 0, "", None)


@given(CUTS, st.sampled_from([UNTIL_CLOSED, UNTIL_CLOSED_INFORMED]))
def test_an_answer_of_no_declared_length_ends_with_the_connection(cuts, data):
    outcomes = Outcomes()
    converse(*pieces(data, cuts), None, recorder=outcomes)
    assert outcomes.all == [b"hello"]


def test_an_empty_answer_of_no_declared_length_ends_with_the_connection():
    outcomes = Outcomes()
    converse(b"HTTP/1.0 200 OK\r\n\r\n", None, recorder=outcomes)
    assert outcomes.all == [b""]


@pytest.mark.parametrize("data", [PLAIN, CHUNKED, UNTIL_CLOSED[:20], INFORMED])
@given(st.data())
def test_an_answer_cut_short_is_truncated(data, draw):
    length = draw.draw(st.integers(1, len(data) - 1))
    outcomes = Outcomes()
    phase, _, ended = converse(data[:length], None, recorder=outcomes)
    expected = "truncated answer: the server closed the connection in the middle of it"
    assert outcomes.all == [Failure(expected)]
    assert (phase.answers, phase.breaks, ended) == (0, 1, expected)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([None], "connection closed by the server without an answer"),
        ([ConnectionResetError()], "connection reset by the server"),
        (
            [b"HT", ConnectionResetError()],
            "connection reset by the server in the middle of an answer",
        ),
        ([BrokenPipeError(32, "Broken pipe")], "connection lost: [Errno 32] Broken pipe"),
        (
            [UNTIL_CLOSED, ConnectionResetError()],
            "connection reset by the server in the middle of an answer",
        ),
        ([PLAIN + PLAIN], "malformed answer: bytes after its end"),
        ([PLAIN + b"HTTP/1.1 2"], "malformed answer: bytes after its end"),
        (
            [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
            "malformed answer: ",
        ),
        ([b"garbage\r\n\r\n"], "malformed answer: "),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"], "malformed answer: "),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "malformed answer: "),
    ],
)
def test_a_request_without_an_answer_fails_with_the_reason(events, reason):
    outcomes = Outcomes()
    phase, closed, ended = converse(*events, recorder=outcomes)
    (failure,) = outcomes.all
    assert isinstance(failure, Failure)
    assert failure.reason.startswith(reason)
    assert (phase.answers, phase.breaks) == (0, 1)
    assert ended == failure.reason
    assert closed == "abort"


def test_bytes_that_no_request_asked_for_are_a_failure():
    outcomes = Outcomes()
    phase, closed, ended = converse(PLAIN, PLAIN, recorder=outcomes)
    assert outcomes.all == [b"hello", Failure("malformed answer: bytes that no request asked for")]
    assert (phase.breaks, closed, ended) == (1, "abort", None)


def test_bytes_after_an_answer_that_closes_the_connection_are_malformed():
    outcomes = Outcomes()
    data = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    converse(data + b"HTTP", recorder=outcomes)
    (failure,) = outcomes.all
    assert "malformed answer" in failure.reason


def test_an_answer_that_says_close_ends_the_connection_and_not_the_request():
    outcomes = Outcomes()
    data = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    phase, closed, ended = converse(data, None, requests=2, recorder=outcomes)
    assert outcomes.all == [b"ok"]
    assert (phase.breaks, closed, ended) == (0, "close", None)
    assert phase.take().index == 1, "the next is still to be sent, over another connection"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (b"500 Oops", b"out of memory", "HTTP 500: out of memory"),
        (b"503 Busy", b"", "HTTP 503"),
        (b"302 Found", b"elsewhere", "HTTP 302: elsewhere"),
        (b"404 None", "é".encode() * 300, "HTTP 404: " + "é" * 200),
        (b"400 Bad", b"\xff\xfe", "HTTP 400: ��"),
    ],
)
def test_an_answer_that_is_not_2xx_is_a_failure_on_a_connection_that_stays(status, body, reason):
    outcomes = Outcomes()
    data = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    phase, closed, ended = converse(data, recorder=outcomes)
    assert outcomes.all == [Failure(reason)]
    assert (phase.answers, phase.breaks, closed, ended) == (1, 0, "", None)


class Attentive(Recording):
    """Counts the answers that had to be looked at."""

    def __init__(self, **limits: int) -> None:
        super().__init__(Failures(), **limits)
        self.looked_at = 0

    def answered(self, index, body, latency_ns):
        self.looked_at += 1
        return super().answered(index, body, latency_ns)


def test_the_same_bytes_again_are_recorded_without_being_parsed():
    recording = Attentive()
    phase, _, _ = converse(PLAIN, PLAIN, PLAIN, requests=3, inputs=1, recorder=recording)
    assert (len(recording), recording.looked_at, phase.answers) == (3, 1, 3)
    assert recording.answers().by_input == {0: (b"hello",)}


def test_an_answer_that_changes_is_noticed_among_many_that_do_not():
    other = PLAIN.replace(b"hello", b"hallo")
    recording = Attentive()
    converse(PLAIN, PLAIN, other, PLAIN, PLAIN, requests=5, inputs=1, recorder=recording)
    assert len(recording) == 5
    assert recording.answers().by_input == {0: (b"hello", b"hallo")}
    assert recording.answers().given.tolist() == [1, 1, 2, 1, 1]


def test_an_answer_is_recognised_only_as_the_answer_to_the_same_input():
    recording = Attentive()
    converse(PLAIN, PLAIN, PLAIN, PLAIN, requests=4, inputs=2, recorder=recording)
    assert recording.looked_at == 2
    assert recording.answers().by_input == {0: (b"hello",), 1: (b"hello",)}


def test_the_bytes_of_a_known_answer_inside_another_are_not_taken_for_it():
    inner = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PLAIN)
    outcomes = Attentive()
    converse(PLAIN, inner, PLAIN, requests=2, inputs=1, recorder=outcomes)
    assert outcomes.answers().by_input == {0: (b"hello", PLAIN)}


def test_an_answer_whose_body_was_not_kept_is_looked_at_every_time():
    recording = Attentive(budget_bytes=0)
    converse(PLAIN, PLAIN, PLAIN, requests=3, inputs=1, recorder=recording)
    assert recording.looked_at == 3
    assert recording.answers().not_kept == {0: 3}


def test_an_answer_that_closes_the_connection_is_never_remembered():
    data = PLAIN.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    remembered: list[bytes] = []

    async def main() -> None:
        question = Question(0, b"request")
        phase = Phase(iter(()), Attentive())
        connection = Connection(phase)
        with Wire() as wire:
            connection.connection_made(wire)
            connection.run(phase, question)
            connection.data_received(data)
            remembered.append(question.known)

    asyncio.run(main())
    assert remembered == [None]


def test_after_an_answer_that_came_before_its_request_was_sent_nothing_more_is_sent():
    """What is left of the request would stand in the stream before the next one."""
    outcomes = Outcomes()
    phase, closed, ended = converse(PLAIN, requests=2, recorder=outcomes, size_bytes=10_000_000)
    assert outcomes.all == [b"hello"]
    assert (closed, ended) == ("abort", None)
    assert phase.take().index == 1


@pytest.mark.parametrize(("excess", "kept"), [(-1, 2), (0, 2), (1, 1)])
def test_no_more_than_64_mib_of_answers_are_remembered(excess, kept):
    half = bytes(32 * 1024 * 1024)
    phase = Phase(iter(()), Outcomes())
    questions = [Question(0, b""), Question(1, b"")]
    phase.remember(questions[0], b"an earlier answer makes room for the later", 1)
    phase.remember(questions[0], half, 2)
    phase.remember(questions[1], half + bytes(excess) if excess >= 0 else half[:-1], 3)
    assert questions[0].known is half
    assert sum(question.known is not None for question in questions) == kept


def test_a_request_that_the_kernel_does_not_take_is_left_to_the_transport():
    """The peer has gone: the transport meets the same error, and reports it."""

    async def main():
        phase = Phase(iter([Question(1, b"second")]), Outcomes())
        connection = Connection(phase)
        with Wire() as wire:
            connection.connection_made(wire)
            connection.run(phase, Question(0, b"first"))
            wire.theirs.close()
            connection.data_received(PLAIN)
            return wire.unsent

    assert asyncio.run(main()) == b"second"


def test_an_answer_that_comes_when_nobody_waits_any_more_does_no_harm():
    async def main():
        outcomes = Outcomes()
        phase = Phase(iter(()), outcomes)
        connection = Connection(phase)
        with Wire() as wire:
            connection.connection_made(wire)
            connection.run(phase, Question(0, b"request")).cancel()
            connection.data_received(PLAIN)
        return outcomes.all

    assert asyncio.run(main()) == [b"hello"]


def test_a_fault_in_our_own_callback_is_not_called_malformed():
    class Faulty(Connection):
        def on_body(self, body: bytes) -> None:
            raise MemoryError

    async def main():
        phase = Phase(iter(()), Outcomes())
        connection = Faulty(phase)
        with Wire() as wire:
            connection.connection_made(wire)
            connection.run(phase, Question(0, b"request"))
            with pytest.raises(HttpParserCallbackError):
                connection.data_received(PLAIN)

    asyncio.run(main())


def test_small_requests_do_not_wait_for_an_acknowledgement():
    async def main():
        connection = Connection(Phase(iter(()), Outcomes()))
        with Wire() as wire:
            connection.connection_made(wire)
            return wire.tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert asyncio.run(main()) != 0
