"""Limits as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.servers.limits import cpus_text, memory_text


@pytest.mark.parametrize(
    ("cpus", "text"), [(None, "unlimited"), (1, "1"), (1.0, "1"), (0.5, "0.5"), (2.25, "2.25")]
)
def test_cpus_are_written_shortly(cpus, text):
    assert cpus_text(cpus) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "unlimited"),
        (2**30 - 1, "1073741823 B"),
        (2**30, "1 GiB"),
        (2**30 + 1024, "1048577 KiB"),
        (512 * 2**20, "512 MiB"),
        (1500, "1500 B"),
    ],
)
def test_memory_is_written_in_the_largest_unit_that_is_exact(size, text):
    assert memory_text(size) == text


@given(st.integers(1, 2**45), st.integers(1, 2**45))
def test_different_limits_never_look_equal(one, other):
    assert (memory_text(one) == memory_text(other)) == (one == other)
