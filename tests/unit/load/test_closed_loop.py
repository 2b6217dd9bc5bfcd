"""The closed loop against servers that behave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import threading

import numpy as np
import pytest
from raw_server import answer, echo

from pytest_modelgate.config.specs import LoadSpec
from pytest_modelgate.errors import LoadError
from pytest_modelgate.load import closed_loop
from pytest_modelgate.load.closed_loop import run_closed_loop, send_each
from pytest_modelgate.load.lane import Endpoint
from pytest_modelgate.load.lanes import Lanes
from pytest_modelgate.load.phase import Phase
from pytest_modelgate.load.recording import Failure, Failures, Recording
from pytest_modelgate.load.target import Target
from pytest_modelgate.load.workload import Workload

pytestmark = pytest.mark.usefixtures("event_loop_kind")

TIMEOUT_S = 20.0  # of requests that are all answered


def load(concurrency=1, requests=None, duration_s=None, warmup=0) -> LoadSpec:
    return LoadSpec(concurrency, requests, duration_s, warmup)


def test_every_request_is_answered_once_and_in_the_order_of_the_inputs(serve, three_inputs):
    server = serve(echo)
    result = run_closed_loop(server.target, three_inputs, load(requests=8), timeout_s=TIMEOUT_S)
    assert server.bodies == [b"0", b"1", b"2", b"0", b"1", b"2", b"0", b"1"]
    assert result.latencies_ns.shape == (8,)
    assert result.latencies_ns.dtype == np.int64
    assert (result.latencies_ns > 0).all()
    assert (result.failures, result.failure_examples) == (0, ())
    assert result.answers.by_input == {0: (b"0",), 1: (b"1",), 2: (b"2",)}
    assert result.answers.not_kept == {}


def test_the_window_contains_its_latencies(serve, three_inputs):
    server = serve(echo)
    result = run_closed_loop(server.target, three_inputs, load(requests=20), timeout_s=TIMEOUT_S)
    assert result.elapsed_s * 1e9 >= result.latencies_ns.sum()
    assert result.client_cpu_share > 0


def test_the_request_on_the_wire_is_what_the_target_says(serve, three_inputs):
    server = serve(echo)
    run_closed_loop(server.target, three_inputs, load(requests=1), timeout_s=TIMEOUT_S)
    assert server.heads == [server.target.request_head() + b"1"]


@pytest.mark.parametrize("concurrency", [1, 2, 7])
def test_each_lane_keeps_one_connection_for_warmup_and_window(serve, three_inputs, concurrency):
    server = serve(echo)
    result = run_closed_loop(
        server.target, three_inputs, load(concurrency, requests=50, warmup=20), timeout_s=TIMEOUT_S
    )
    assert server.connections == concurrency
    assert len(result.latencies_ns) == 50
    assert len(server.bodies) == 70


def test_more_connections_than_requests_do_no_harm(serve, three_inputs):
    server = serve(echo)
    result = run_closed_loop(server.target, three_inputs, load(9, requests=4), timeout_s=TIMEOUT_S)
    assert len(result.latencies_ns) == len(server.bodies) == 4


def test_requests_of_several_lanes_overlap(serve, three_inputs):
    """Each answer waits until four requests are there: one lane alone would wait for ever."""
    barrier = threading.Barrier(4)

    def together(peer):
        while peer.request() is not None:
            barrier.wait(TIMEOUT_S)
            peer.send(answer())

    server = serve(together)
    result = run_closed_loop(server.target, three_inputs, load(4, requests=12), timeout_s=TIMEOUT_S)
    assert len(result.latencies_ns) == 12


def test_the_warmup_comes_first_and_starts_where_the_window_starts(serve, three_inputs):
    server = serve(echo)
    opened_after = []

    @contextlib.contextmanager
    def window(_answered):
        opened_after.append(len(server.bodies))
        yield

    result = run_closed_loop(
        server.target,
        three_inputs,
        load(requests=4, warmup=2),
        timeout_s=TIMEOUT_S,
        window=window,
    )
    assert server.bodies == [b"0", b"1", b"0", b"1", b"2", b"0"]
    assert opened_after == [2]
    assert len(result.latencies_ns) == 4


def test_the_answers_of_the_warmup_are_not_among_the_answers(serve, three_inputs):
    def changing(peer):
        number = 0
        while peer.request() is not None:
            number += 1
            peer.send(answer(b"%d" % number))

    server = serve(changing)
    result = run_closed_loop(
        server.target, three_inputs, load(requests=3, warmup=3), timeout_s=TIMEOUT_S
    )
    assert result.answers.by_input == {0: (b"4",), 1: (b"5",), 2: (b"6",)}


def test_after_the_deadline_nothing_is_sent_and_the_request_on_its_way_is_waited_for(
    serve, three_inputs
):
    """The deadline passes while the second request is at the server."""
    recording = Recording(Failures())
    phases = []

    def late_second(peer):
        peer.request()
        peer.send(answer())
        peer.request()
        phases[0].deadline_ns = 0
        peer.send(answer())
        peer.request()

    server = serve(late_second)

    async def main() -> None:
        endpoint = Endpoint(server.target, three_inputs, TIMEOUT_S)
        phases.append(Phase(endpoint.questions(3), recording))
        async with Lanes(endpoint, 1, lambda: None) as lane:
            await lane.drive(phases[0])

    asyncio.run(main())
    assert len(recording) == len(server.bodies) == 2


def test_a_window_of_time_repeats_the_inputs(serve, three_inputs):
    server = serve(echo)
    result = run_closed_loop(
        server.target, three_inputs, load(2, duration_s=0.2), timeout_s=TIMEOUT_S
    )
    assert len(result.latencies_ns) == len(server.bodies)
    assert set(server.bodies) == {b"0", b"1", b"2"}


def test_the_number_answered_can_be_read_while_the_window_is_open(serve, three_inputs):
    """The server reads it, on its own thread, each time it is asked."""
    counts = []
    read = []

    def counting(peer):
        while peer.request() is not None:
            counts.extend(count() for count in read)
            peer.send(answer())

    @contextlib.contextmanager
    def window(answered):
        read.append(answered)
        yield
        counts.append(answered())

    server = serve(counting)
    run_closed_loop(
        server.target, three_inputs, load(requests=3, warmup=2), timeout_s=TIMEOUT_S, window=window
    )
    assert counts == [0, 1, 2, 3]


def test_the_window_is_closed_when_it_is_left_by_an_error(serve, three_inputs, monkeypatch):
    monkeypatch.setattr(closed_loop, "_PROGRESS_TICKS", 1)
    closed = []

    @contextlib.contextmanager
    def window(_answered):
        try:
            yield
        finally:
            closed.append(True)

    def fail(_answered: int, _failed: int) -> None:
        raise ZeroDivisionError

    server = serve(lambda peer: (peer.request(), server.closing.wait()))
    with pytest.raises(ZeroDivisionError):
        run_closed_loop(
            server.target,
            three_inputs,
            load(requests=1),
            timeout_s=TIMEOUT_S,
            window=window,
            on_progress=fail,
        )
    assert closed == [True]


def test_progress_is_told_once_a_second(serve, three_inputs, monkeypatch):
    monkeypatch.setattr(closed_loop, "_PROGRESS_TICKS", 1)
    told = []
    release = threading.Event()

    def one_of_each(peer):
        peer.request()
        peer.send(answer())
        peer.request()
        peer.send(answer(status="500 Oops"))
        peer.request()
        release.wait(TIMEOUT_S)
        peer.send(answer())

    def on_progress(answered: int, failed: int) -> None:
        told.append((answered, failed))
        if (answered, failed) == (1, 1):
            release.set()

    server = serve(one_of_each)
    run_closed_loop(
        server.target,
        three_inputs,
        load(requests=3),
        timeout_s=TIMEOUT_S,
        on_progress=on_progress,
    )
    assert (1, 1) in told
    assert told[-1] == (2, 1)
    assert closed_loop.TICK_S * 10 == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_rests_while_the_window_is_open(serve, three_inputs, enabled):
    seen = []

    def looking(peer):
        while peer.request() is not None:
            seen.append(gc.isenabled())
            peer.send(answer())

    server = serve(looking)
    if not enabled:
        gc.disable()
    try:
        run_closed_loop(server.target, three_inputs, load(requests=2), timeout_s=TIMEOUT_S)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
    assert seen == [False, False]


def test_a_body_larger_than_the_sockets_buffers_arrives_whole(serve):
    body = bytes(range(256)) * 40_000  # 10 MB

    def digesting(peer):
        while (received := peer.request()) is not None:
            peer.send(answer(hashlib.sha256(received).hexdigest().encode()))

    server = serve(digesting)
    with Workload.spool([body, b"small"], bytes) as workload:
        result = run_closed_loop(server.target, workload, load(requests=4), timeout_s=TIMEOUT_S)
    assert result.answers.by_input == {
        0: (hashlib.sha256(body).hexdigest().encode(),),
        1: (hashlib.sha256(b"small").hexdigest().encode(),),
    }


def test_an_answer_in_many_chunks_is_put_together(serve, three_inputs):
    pieces = [bytes([letter]) * 50_000 for letter in b"abcdef"]

    def chunked(peer):
        while peer.request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in [*pieces, b""]:
                peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    server = serve(chunked)
    result = run_closed_loop(server.target, three_inputs, load(requests=4), timeout_s=TIMEOUT_S)
    assert result.answers.by_input == dict.fromkeys(range(3), (b"".join(pieces),))
    assert server.connections == 1


def test_a_server_that_closes_after_every_answer_is_asked_over_new_connections(serve, three_inputs):
    def closing(peer):
        peer.request()
        peer.send(answer(b"bye", "200 OK", "Connection: close"))

    server = serve(closing)
    result = run_closed_loop(
        server.target, three_inputs, load(requests=5, warmup=2), timeout_s=TIMEOUT_S
    )
    assert (len(result.latencies_ns), result.failures) == (5, 0)
    assert len(server.bodies) == 7


def test_a_server_of_http_1_0_ends_its_answers_with_the_connection(serve, three_inputs):
    def ancient(peer):
        peer.request()
        peer.send(b"HTTP/1.0 200 OK\r\n\r\nfin")

    server = serve(ancient)
    result = run_closed_loop(server.target, three_inputs, load(requests=3), timeout_s=TIMEOUT_S)
    assert result.failures == 0
    assert result.answers.by_input[0] == (b"fin",)


def test_each_input_is_sent_once_and_answered_in_turn(serve, three_inputs):
    server = serve(echo)
    assert send_each(server.target, three_inputs, [2, 0, 2], timeout_s=TIMEOUT_S) == [
        b"2",
        b"0",
        b"2",
    ]
    assert server.bodies == [b"2", b"0", b"2"]
    assert server.connections == 1


def test_a_failure_stands_where_its_answer_should(serve, three_inputs):
    def second_fails(peer):
        while (body := peer.request()) is not None:
            peer.send(answer(b"no", "500 Oops") if body == b"1" else answer(body))

    server = serve(second_fails)
    outcomes = send_each(server.target, three_inputs, range(3), timeout_s=TIMEOUT_S)
    assert outcomes == [b"0", Failure("HTTP 500: no"), b"2"]


def test_a_later_failure_of_the_same_request_stands_where_its_answer_stood(
    three_inputs, monkeypatch
):
    """Whether late bytes come before the next request is a matter of microseconds: so by hand."""

    async def drive(_lanes, phase):
        for question in phase.questions:
            phase.recorder.answered(question.index, b"fine", 1)
            if question.index == 1:
                phase.broken("bytes that no request asked for")

    monkeypatch.setattr(Lanes, "drive", drive)
    outcomes = send_each(Target("127.0.0.1", 1), three_inputs, range(3), timeout_s=TIMEOUT_S)
    assert outcomes == [b"fine", Failure("bytes that no request asked for"), b"fine"]


def test_nothing_to_send_gives_nothing(serve, three_inputs):
    server = serve(echo)
    assert send_each(server.target, three_inputs, [], timeout_s=TIMEOUT_S) == []


def test_a_load_inside_a_running_event_loop_is_refused(serve, three_inputs):
    server = serve(echo)

    async def test() -> None:
        send_each(server.target, three_inputs, [0], timeout_s=TIMEOUT_S)

    with pytest.raises(LoadError, match="inside a running event loop"):
        asyncio.run(test())


def test_requests_are_made_each_time_where_they_would_not_fit_into_memory(
    serve, three_inputs, monkeypatch
):
    monkeypatch.setattr("pytest_modelgate.load.lane._PREPARED_BYTES", 0)
    server = serve(echo)
    run_closed_loop(server.target, three_inputs, load(requests=6), timeout_s=TIMEOUT_S)
    assert server.bodies == [b"0", b"1", b"2"] * 2
