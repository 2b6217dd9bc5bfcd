"""The closed loop against servers that misbehave: nothing is dropped, nothing goes on for ever."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest
from raw_server import answer, echo

from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.errors import LoadError, ServerError
from pytest_modelgate.load.closed_loop import run_closed_loop, send_each
from pytest_modelgate.load.lane import Endpoint
from pytest_modelgate.load.lanes import Lanes, _Seen
from pytest_modelgate.load.phase import Phase
from pytest_modelgate.load.recording import Failure, Failures, Recording
from pytest_modelgate.load.target import Target

pytestmark = pytest.mark.usefixtures("event_loop_kind")

TIMEOUT_S = 20.0  # where no request is to run into it
SHORT_S = 0.4  # where one is


def load(concurrency=1, requests=None, duration_s=None, warmup=0) -> LoadSpec:
    return LoadSpec(concurrency, requests, duration_s, warmup)


def on_second_request(misbehave):
    """Answer all requests but the second of all."""

    def behave(peer):
        while (body := peer.request()) is not None:
            if body == b"1":
                return misbehave(peer)
            peer.send(answer(body))
        return None

    return behave


TRUNCATED = "truncated answer: the server closed the connection in the middle of it"


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        (lambda peer: peer.reset(), "connection reset by the server"),
        (lambda peer: peer.socket.close(), "connection closed by the server without an answer"),
        (lambda peer: peer.send(answer(b"0123456789")[:-5]), TRUNCATED),
        (lambda peer: peer.send(answer()[:10]), TRUNCATED),
        (lambda peer: peer.send(b"SSH-2.0-OpenSSH\r\n"), "malformed answer: "),
    ],
)
def test_a_broken_request_is_counted_and_the_connection_reopened(
    serve, three_inputs, misbehave, reason
):
    server = serve(on_second_request(misbehave))
    result = run_closed_loop(server.target, three_inputs, load(requests=6), timeout_s=TIMEOUT_S)
    assert len(result.latencies_ns) == 4
    assert result.failures == 2
    (example,) = {text[: len(reason)] for text in result.failure_examples}
    assert example == reason
    assert server.connections == 3
    assert len(server.bodies) == 6


def test_a_request_that_is_never_answered_fails_and_the_others_go_on(serve, three_inputs):
    """Its lane goes on, too, over a new connection."""
    server = serve(on_second_request(lambda _peer: server.closing.wait()))
    outcomes = send_each(server.target, three_inputs, range(3), timeout_s=SHORT_S)
    assert outcomes == [b"0", Failure("no answer within 0.4 s"), b"2"]
    assert server.connections == 2


def test_a_server_that_trickles_is_not_waited_for_longer_than_the_timeout(serve, three_inputs):
    def trickle(peer):
        while not server.closing.wait(0.01):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" if first.pop() else b".")

    first = [False] * 10_000 + [True]
    server = serve(on_second_request(trickle))
    outcomes = send_each(server.target, three_inputs, range(3), timeout_s=SHORT_S)
    assert outcomes[1] == Failure("no answer within 0.4 s")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_server_that_hangs_ends_the_load(serve, three_inputs, concurrency):
    server = serve(lambda peer: (peer.request(), server.closing.wait()))
    with pytest.raises(LoadError, match=r"no request was answered for 0\.5 s") as caught:
        run_closed_loop(
            server.target, three_inputs, load(concurrency, requests=1000), timeout_s=SHORT_S
        )
    assert caught.value.expected == "an answer within 0.4 s"
    assert "the last: no answer within 0.4 s" in str(caught.value.got)


def test_a_server_that_resets_every_request_ends_the_load(serve, three_inputs):
    server = serve(lambda peer: (peer.request(), peer.reset()))
    with pytest.raises(LoadError, match="no request was answered") as caught:
        run_closed_loop(server.target, three_inputs, load(duration_s=60), timeout_s=SHORT_S)
    assert "the last: connection reset by the server" in str(caught.value.got)


def test_a_server_that_answers_500_to_all_is_driven_to_the_end(serve, three_inputs):
    def refuse(peer):
        while (body := peer.request()) is not None:
            peer.send(answer(b"no " + body, "500 Internal Server Error"))

    server = serve(refuse)
    result = run_closed_loop(server.target, three_inputs, load(requests=50), timeout_s=TIMEOUT_S)
    assert (len(result.latencies_ns), result.failures) == (0, 50)
    assert result.failure_examples == ("HTTP 500: no 0", "HTTP 500: no 1", "HTTP 500: no 2")
    assert server.connections == 1
    assert result.answers.by_input == {}


def test_bytes_after_an_answer_make_it_a_failure_and_shift_no_other(serve, three_inputs):
    """They come with the answer, soon after it, or as what seems to answer the next request."""

    def talkative(peer):
        peer.request()
        peer.send(answer(b"fine"))
        peer.send(b"and more")
        server.closing.wait()

    server = serve(talkative)
    for _ in range(30):
        (outcome,) = send_each(server.target, three_inputs, [0], timeout_s=TIMEOUT_S)
        assert outcome == b"fine" or isinstance(outcome, Failure)
    assert len(send_each(server.target, three_inputs, range(3), timeout_s=TIMEOUT_S)) == 3


def test_a_failure_of_the_warmup_counts_apart_from_those_of_the_window(serve, three_inputs):
    def cold(peer):
        peer.request()
        peer.send(answer(b"loading", "503 Unavailable"))
        echo(peer)

    server = serve(cold)
    result = run_closed_loop(
        server.target, three_inputs, load(requests=5, warmup=3), timeout_s=TIMEOUT_S
    )
    assert (len(result.latencies_ns), result.failures) == (5, 0)
    assert (result.warmup_requests, result.warmup_failures) == (3, 1)
    assert result.failure_examples == ("HTTP 503: loading",)


def test_a_refused_connection_is_a_failed_request(serve, three_inputs):
    server = serve(echo)
    server.stop_listening()
    outcomes = send_each(server.target, three_inputs, range(3), timeout_s=TIMEOUT_S)
    assert outcomes == [Failure("connection refused")] * 3


def test_a_refused_connection_is_not_tried_in_a_spin(serve, three_inputs):
    """In a second at most ten attempts of 0.1 s, and the first few that pause for less."""
    server = serve(echo)
    server.stop_listening()
    failed: list[str] = []

    class Counting(Recording):
        def failed(self, reason: str) -> None:
            failed.append(reason)

    async def main() -> None:
        endpoint = Endpoint(server.target, three_inputs, 0.8)
        phase = Phase(endpoint.questions(None), Counting(Failures()))
        async with Lanes(endpoint, 1, lambda: None) as lane:
            await lane.drive(phase)

    with pytest.raises(LoadError, match="no request was answered for 1 s"):
        asyncio.run(main())
    assert 2 <= len(failed) <= 15


def test_an_unknown_host_is_a_failed_request(three_inputs):
    target = Target("no-such-host.invalid", 80)
    (outcome,) = send_each(target, three_inputs, [0], timeout_s=TIMEOUT_S)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("cannot connect: ")


def test_a_connection_that_is_not_accepted_in_time_is_a_failed_request(three_inputs, monkeypatch):
    """A peer that never answers a TLS greeting."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("127.0.0.1", listener.getsockname()[1], tls=True)
        (outcome,) = send_each(target, three_inputs, [0], timeout_s=SHORT_S)
    assert outcome == Failure("no connection within 0.4 s")


def test_the_death_of_the_server_ends_the_load_at_once(serve, three_inputs):
    """A thousand requests would hang for hours."""
    dead = threading.Event()

    def die(peer):
        peer.request()
        peer.send(answer())
        peer.request()
        dead.set()
        server.closing.wait()

    server = serve(die)
    with pytest.raises(ServerError, match="classifier exited with 2"):
        run_closed_loop(
            server.target,
            three_inputs,
            load(4, requests=1000),
            timeout_s=TIMEOUT_S,
            death=lambda: "classifier exited with 2" if dead.is_set() else None,
        )


def test_a_death_that_shows_only_after_the_last_failure_is_still_found(serve, three_inputs):
    asked = []

    def death() -> str | None:
        asked.append(len(asked))
        return "killed for exceeding its memory limit" if len(asked) >= 3 else None

    server = serve(lambda peer: (peer.request(), peer.reset()))
    with pytest.raises(ServerError, match="memory limit"):
        run_closed_loop(
            server.target, three_inputs, load(requests=1), timeout_s=TIMEOUT_S, death=death
        )


def test_a_server_that_broke_the_last_request_and_lives_is_not_called_dead(serve, three_inputs):
    server = serve(lambda peer: (peer.request(), peer.reset()))
    result = run_closed_loop(server.target, three_inputs, load(requests=1), timeout_s=TIMEOUT_S)
    assert result.failures == 1


def test_a_server_that_answers_is_not_asked_whether_it_lives(three_inputs):
    """Asking may take milliseconds, in which no answer would be read."""
    asked = []

    def death() -> None:
        asked.append(True)

    async def main() -> list[int]:
        endpoint = Endpoint(Target("127.0.0.1", 1), three_inputs, TIMEOUT_S)
        lanes = Lanes(endpoint, 1, death)
        phase = Phase(iter(()), Recording(Failures()))
        seen = _Seen(0)
        counts = []
        for answers, breaks in [(1, 0), (2, 0), (3, 1), (3, 1), (4, 1)]:
            phase.answers, phase.breaks = answers, breaks
            lanes._watch(phase, seen, 1)
            counts.append(len(asked))
        return counts

    assert asyncio.run(main()) == [0, 0, 1, 2, 2]


def test_ctrl_c_ends_the_load_and_closes_its_connections(serve, three_inputs):
    gone = threading.Event()
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def interrupt(peer):
        peer.request()
        signal.pthread_kill(main_thread, signal.SIGINT)
        if peer.request() is None:
            gone.set()

    server = serve(interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_closed_loop(server.target, three_inputs, load(requests=10), timeout_s=TIMEOUT_S)
    assert gone.wait(TIMEOUT_S)


def test_a_fault_of_our_own_is_not_swallowed_by_the_event_loop(serve, three_inputs):
    class Broken(Recording):
        def answered(self, index: int, body: bytes, latency_ns: int) -> bool:
            raise ZeroDivisionError

    server = serve(echo)

    async def main() -> None:
        endpoint = Endpoint(server.target, three_inputs, TIMEOUT_S)
        phase = Phase(endpoint.questions(2), Broken(Failures()))
        async with Lanes(endpoint, 1, lambda: None) as lane:
            await lane.drive(phase)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_a_fault_that_the_event_loop_only_describes_is_raised_as_described(three_inputs):
    async def main() -> None:
        endpoint = Endpoint(Target("127.0.0.1", 1), three_inputs, TIMEOUT_S)
        async with Lanes(endpoint, 1, lambda: None) as lane:
            asyncio.get_running_loop().call_exception_handler({"message": "a handle broke"})
            lane._watch(Phase(iter(()), Recording(Failures())), _Seen(0), 1)

    with pytest.raises(RuntimeError, match="a handle broke"):
        asyncio.run(main())
