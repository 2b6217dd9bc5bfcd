"""How a server's end is told."""

import pytest

from pytest_modelgate.servers.server import Exit


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (Exit(0), "exit 0"),
        (Exit(1), "exit 1"),
        (Exit(-9), "killed by signal 9"),
        (Exit(-9, out_of_memory=True), "killed for exceeding its memory limit"),
        (Exit(None), "gone, and nobody knows why"),
    ],
)
def test_an_end_says_itself(end, text):
    assert str(end) == text
