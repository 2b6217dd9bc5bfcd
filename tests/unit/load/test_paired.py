"""Two servers under one load, in turns."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import random
import threading

import numpy as np
import pytest
from raw_server import answer, echo

from pytest_modelgate.errors import LoadError, ServerError
from pytest_modelgate.load.paired import PairedLoad, Side, run_pairs

pytestmark = pytest.mark.usefixtures("event_loop_kind")

TIMEOUT_S = 20.0  # of requests that are all answered


class Notes:
    """What happened to the two sides, in the order in which it did."""

    def __init__(self):
        self.asked = []  # (name of the server, body), as the servers saw it
        self.windows = []  # (name, "enter" or "leave", requests asked of both by then)
        self.blamed = []  # (name, error)

    def side(self, server, name, death=lambda: None):
        @contextlib.contextmanager
        def window(answered):
            self.windows.append((name, "enter", answered(), len(self.asked)))
            try:
                yield
            finally:
                self.windows.append((name, "leave", answered(), len(self.asked)))

        @contextlib.contextmanager
        def blame():
            try:
                yield
            except Exception as error:
                self.blamed.append((name, error))
                raise

        return Side(server.target, TIMEOUT_S, death, window, blame)

    def taking(self, name, behave=lambda peer, body: peer.send(answer(body))):
        """What a server does that notes each request as it comes, and then behaves."""

        def serve(peer):
            while (body := peer.request()) is not None:
                self.asked.append((name, body))
                behave(peer, body)

        return serve


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def two_sides(serve, notes):
    """Make the two sides; the arguments are what each server does with a request."""

    def make(*behaviours):
        behaviours = behaviours or (lambda peer, body: peer.send(answer(body)),) * 2
        names = ("blue", "green")
        return tuple(
            notes.side(serve(notes.taking(name, behave)), name)
            for name, behave in zip(names, behaviours, strict=True)
        )

    return make


def fine(peer, body):
    peer.send(answer(body))


def oops(peer, _body):
    peer.send(answer(b"no", "500 Oops"))


def run(sides, workload, pairs=6, concurrency=1, warmup=0, seed=1, **more):
    load = PairedLoad(concurrency, pairs, warmup)
    return run_pairs(sides, workload, load, order=random.Random(seed), **more)


def first_of_pairs(seed, pairs):
    order = random.Random(seed)
    return [("blue", "green")[order.randrange(2)] for _ in range(pairs)]


def test_each_pair_asks_both_servers_the_same_input_once(two_sides, notes, three_inputs):
    run(two_sides(), three_inputs, pairs=7)
    pairs = [notes.asked[start : start + 2] for start in range(0, 14, 2)]
    assert len(notes.asked) == 14
    for number, pair in enumerate(pairs):
        assert sorted(pair) == [("blue", b"%d" % (number % 3)), ("green", b"%d" % (number % 3))]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_chance_decides_which_server_of_a_pair_is_asked_first(two_sides, notes, three_inputs, seed):
    run(two_sides(), three_inputs, pairs=20, seed=seed)
    first = [name for name, _ in notes.asked[::2]]
    assert first == first_of_pairs(seed, 20)
    assert set(first) == {"blue", "green"}


def test_a_block_has_a_request_for_each_connection_and_all_are_sent_at_once(
    serve, notes, three_inputs
):
    """Each answer waits until three requests are there: two alone would wait for ever."""
    barriers = {name: threading.Barrier(3) for name in ("blue", "green")}

    def together(name):
        def behave(peer, body):
            barriers[name].wait(TIMEOUT_S)
            peer.send(answer(body))

        return behave

    servers = {name: serve(notes.taking(name, together(name))) for name in barriers}
    sides = tuple(notes.side(server, name) for name, server in servers.items())
    result = run(sides, three_inputs, pairs=5, concurrency=3)
    names = [name for name, _ in notes.asked]
    blocks = [names[start : start + 3] for start in range(0, 30, 3)]
    assert all(len(set(block)) == 1 for block in blocks)  # while one is asked, the other idles
    assert [block[0] for block in blocks[::2]] == first_of_pairs(1, 5)
    for number in range(10):
        bodies = sorted(body for _, body in notes.asked[3 * number : 3 * number + 3])
        assert bodies == [b"0", b"1", b"2"]
    assert [server.connections for server in servers.values()] == [3, 3]
    assert [len(side.latencies_ns) for side in result.sides] == [15, 15]
    assert result.block_latencies_ns.shape == (5, 2)


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_a_block_is_worth_the_median_of_its_latencies(two_sides, three_inputs, concurrency):
    result = run(two_sides(), three_inputs, pairs=4, concurrency=concurrency)
    for index, side in enumerate(result.sides):
        assert side.latencies_ns.shape == (4 * concurrency,)
        assert (side.latencies_ns > 0).all()
        blocks = side.latencies_ns.reshape(4, concurrency)
        assert result.block_latencies_ns[:, index] == pytest.approx(np.median(blocks, axis=1))


def test_a_side_is_timed_while_it_is_asked_and_not_while_it_idles(two_sides, three_inputs):
    result = run(two_sides(), three_inputs, pairs=10)
    for side in result.sides:
        assert side.elapsed_s * 1e9 >= side.latencies_ns.sum()
        assert side.client_cpu_share > 0
    assert result.sides[0].client_cpu_share == result.sides[1].client_cpu_share


def test_the_warmup_comes_before_the_windows_and_is_not_measured(two_sides, notes, three_inputs):
    result = run(two_sides(), three_inputs, pairs=2, warmup=4)
    warmup = [b"0", b"1", b"2", b"0"]
    assert notes.asked[:8] == [(name, body) for name in ("blue", "green") for body in warmup]
    assert sorted(notes.asked[8:]) == [
        (name, body) for name in ("blue", "green") for body in (b"0", b"1")
    ]
    assert [where[3] for where in notes.windows[:2]] == [8, 8]
    for side in result.sides:
        assert (len(side.latencies_ns), side.warmup_requests, side.warmup_failures) == (2, 4, 0)
        assert side.answers.by_input == {0: (b"0",), 1: (b"1",)}
        assert side.warmup_answers.by_input == {0: (b"0",), 1: (b"1",), 2: (b"2",)}


def test_connections_that_the_warmup_did_not_open_are_open_before_the_windows(
    serve, notes, three_inputs
):
    """The window waits for them, and the client can do nothing meanwhile."""
    opened = threading.Semaphore(0)
    in_time = []

    def counting(peer):
        opened.release()
        echo(peer)

    @contextlib.contextmanager
    def window(_answered):
        in_time.extend(opened.acquire(timeout=TIMEOUT_S) for _ in range(3))
        yield

    sides = tuple(
        dataclasses.replace(notes.side(serve(counting), name), window=window)
        for name in ("blue", "green")
    )
    run(sides, three_inputs, pairs=1, concurrency=3)
    assert in_time == [True] * 6


def test_the_windows_of_both_are_entered_and_left_once_around_all_pairs(
    two_sides, notes, three_inputs
):
    run(two_sides(), three_inputs, pairs=5, warmup=1)
    assert notes.windows == [
        ("blue", "enter", 0, 2),
        ("green", "enter", 0, 2),
        ("green", "leave", 5, 12),
        ("blue", "leave", 5, 12),
    ]


def test_the_garbage_collector_rests_while_the_windows_are_open(two_sides, three_inputs):
    seen = []

    def looking(peer, body):
        seen.append(gc.isenabled())
        peer.send(answer(body))

    run(two_sides(looking, looking), three_inputs, pairs=2)
    assert seen == [False] * 4
    assert gc.isenabled()


def test_a_block_without_an_answer_is_no_number_and_its_failures_count(two_sides, three_inputs):
    asked = []

    def third_fails(peer, body):
        asked.append(body)
        (oops if len(asked) == 3 else fine)(peer, body)

    result = run(two_sides(fine, third_fails), three_inputs, pairs=5)
    missing = np.isnan(result.block_latencies_ns)
    assert missing.tolist() == [[False, number == 2] for number in range(5)]
    blue, green = result.sides
    assert (len(blue.latencies_ns), blue.failures, blue.failure_examples) == (5, 0, ())
    assert (len(green.latencies_ns), green.failures) == (4, 1)
    assert green.failure_examples == ("HTTP 500: no",)


def test_a_block_of_which_some_requests_fail_is_worth_the_median_of_the_others(
    two_sides, three_inputs
):
    def one_fails(peer, body):
        (oops if body == b"1" else fine)(peer, body)

    result = run(two_sides(one_fails, fine), three_inputs, pairs=5, concurrency=3)
    assert not np.isnan(result.block_latencies_ns).any()
    blue, green = result.sides
    assert (len(blue.latencies_ns), blue.failures) == (10, 5)
    assert (len(green.latencies_ns), green.failures) == (15, 0)
    blocks = blue.latencies_ns.reshape(5, 2)
    assert result.block_latencies_ns[:, 0] == pytest.approx(blocks.mean(axis=1))


def test_the_failures_of_the_warmup_are_told_apart(two_sides, three_inputs):
    asked = []

    def cold(peer, body):
        asked.append(body)
        (oops if len(asked) <= 2 else fine)(peer, body)

    blue, green = run(two_sides(cold, fine), three_inputs, pairs=3, warmup=4).sides
    assert (blue.warmup_failures, blue.failures, len(blue.latencies_ns)) == (2, 0, 3)
    assert blue.failure_examples == ("HTTP 500: no",)
    assert (green.warmup_failures, green.failures) == (0, 0)


@pytest.mark.parametrize(("bad", "name"), [(0, "blue"), (1, "green")])
def test_three_blocks_in_a_row_without_an_answer_end_it_and_their_side_is_blamed(
    two_sides, notes, three_inputs, bad, name
):
    behaviours = [fine, fine]
    behaviours[bad] = oops
    with pytest.raises(LoadError, match="3 blocks of requests in a row were not answered") as error:
        run(two_sides(*behaviours), three_inputs, pairs=100)
    assert error.value.got == "HTTP 500: no"
    assert notes.blamed == [(name, error.value)]
    assert sum(asked == name for asked, _ in notes.asked) == 3
    assert [(who, what) for who, what, *_ in notes.windows] == [
        ("blue", "enter"), ("green", "enter"), ("green", "leave"), ("blue", "leave"),
    ]  # fmt: skip


def test_two_blocks_in_a_row_without_an_answer_are_borne_again_and_again(two_sides, three_inputs):
    asked = []

    def every_third(peer, body):
        asked.append(body)
        (fine if len(asked) % 3 == 0 else oops)(peer, body)

    result = run(two_sides(every_third, fine), three_inputs, pairs=9)
    assert np.isnan(result.block_latencies_ns[:, 0]).tolist() == [True, True, False] * 3
    assert result.sides[0].failures == 6


@pytest.mark.parametrize("phase", ["warm-up", "window"])
@pytest.mark.parametrize(("bad", "name"), [(0, "blue"), (1, "green")])
def test_the_death_of_a_server_ends_it_and_its_side_is_blamed(
    two_sides, notes, three_inputs, bad, name, phase
):
    """A hundred pairs would hang for hours."""
    dead = threading.Event()
    answers = []

    def die(peer, body):
        if len(answers) == (1 if phase == "warm-up" else 5):
            dead.set()
            peer.request()  # for ever: until the client goes
        answers.append(body)
        peer.send(answer(body))

    behaviours = [fine, fine]
    behaviours[bad] = die
    sides = list(two_sides(*behaviours))
    sides[bad] = dataclasses.replace(
        sides[bad], death=lambda: f"{name} exited with 2" if dead.is_set() else None
    )
    with pytest.raises(ServerError, match=f"{name} exited with 2") as error:
        run(tuple(sides), three_inputs, pairs=100, warmup=3)
    assert notes.blamed == [(name, error.value)]
    assert len(notes.windows) == (0 if phase == "warm-up" else 4)


@pytest.mark.parametrize(("bad", "name"), [(0, "blue"), (1, "green")])
def test_a_death_that_shows_only_after_the_last_pair_is_still_found(
    two_sides, notes, three_inputs, bad, name
):
    behaviours = [fine, fine]
    behaviours[bad] = lambda peer, _body: peer.reset()
    sides = list(two_sides(*behaviours))
    sides[bad] = dataclasses.replace(
        sides[bad],
        death=lambda: "killed for exceeding its memory limit" if len(notes.windows) == 4 else None,
    )
    with pytest.raises(ServerError, match="memory limit") as error:
        run(tuple(sides), three_inputs, pairs=1)
    assert notes.blamed == [(name, error.value)]


def test_a_server_that_cannot_be_reached_is_blamed(serve, notes, three_inputs):
    good, gone = serve(echo), serve(echo)
    gone.stop_listening()
    sides = (notes.side(good, "blue"), notes.side(gone, "green"))
    with pytest.raises(LoadError, match="3 blocks") as error:
        run(sides, three_inputs, pairs=100)
    assert error.value.got == "connection refused"
    assert notes.blamed == [("green", error.value)]
