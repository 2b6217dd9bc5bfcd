"""The slope of memory over requests."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.probes.growth import growth_bytes_per_request

MIB = 2**20


def sawtooth(leak, *, requests=2000, garbage=20_000, heap=4 * MIB, every=20):
    """Memory of a server that leaks, with a collector that runs each time 4 MiB are garbage."""
    return [(i, heap + i * leak + i * garbage % (4 * MIB)) for i in range(0, requests + 1, every)]


@pytest.mark.parametrize("leak", [0, 1000, 50_000, -1000])
def test_a_leak_is_found_behind_the_sawtooth(leak):
    growth = growth_bytes_per_request(sawtooth(leak))
    assert growth == pytest.approx(leak, rel=0.05, abs=300)


def test_memory_that_does_not_change_does_not_grow():
    assert growth_bytes_per_request([(i, 7 * MIB) for i in range(50)]) == 0


@given(st.floats(-1e5, 1e5), st.integers(8, 500))
def test_a_straight_line_has_its_slope(slope, count):
    samples = [(10 * i, round(1e9 + slope * 10 * i)) for i in range(count)]
    assert growth_bytes_per_request(samples) == pytest.approx(slope, rel=1e-3, abs=1)


def test_the_heap_finding_its_size_in_the_first_quarter_is_not_growth():
    rising = [(i, i * 200_000) for i in range(0, 500, 20)]
    steady = [(i, 500 * 200_000) for i in range(500, 2001, 20)]
    assert growth_bytes_per_request(rising + steady) == 0


def test_a_few_wild_samples_change_little():
    samples = sawtooth(1000, garbage=0)
    rng = random.Random(1)
    for index in rng.sample(range(len(samples)), 15):
        samples[index] = (samples[index][0], 500 * MIB)
    assert growth_bytes_per_request(samples) == pytest.approx(1000, rel=0.1)


def test_more_samples_than_are_used_give_the_same_slope():
    assert growth_bytes_per_request(sawtooth(5000, every=1)) == pytest.approx(5000, rel=0.05)


def test_a_slow_server_has_many_samples_of_the_same_request():
    samples = [(i // 10, MIB + i // 10 * 1000) for i in range(100)]
    assert growth_bytes_per_request(samples) == 1000


@pytest.mark.parametrize("count", [5, 6])
def test_five_samples_after_the_first_quarter_are_enough(count):
    assert growth_bytes_per_request([(100 + i, i) for i in range(count)]) == 1


@pytest.mark.parametrize("count", [0, 1, 4])
def test_fewer_are_not(count):
    assert growth_bytes_per_request([(100 + i, i) for i in range(count)]) is None


def test_samples_without_any_request_between_them_have_no_slope():
    assert growth_bytes_per_request([(3, i) for i in range(50)]) is None
