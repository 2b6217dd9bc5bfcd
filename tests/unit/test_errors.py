"""What an error says, and that it survives the way from an xdist worker."""

import pickle

import pytest

from pytest_modelgate import errors
from pytest_modelgate.errors import ModelgateError, ServerError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelgateError)
]


def test_it_says_what_expected_got_what_to_do_and_the_log_in_this_order():
    error = ServerError(
        "it ended", expected="a server", got="exit 3", hint="fix it", log=["a", "b"]
    )
    assert str(error).splitlines() == [
        "it ended",
        "  expected: a server",
        "  got:      exit 3",
        "  to do:    fix it",
        "  server's last 2 log lines:",
        "    | a",
        "    | b",
    ]


def test_it_is_brief_on_one_line():
    assert ModelgateError("no answer", got="a reset", hint="wait").brief == "no answer: a reset"
    assert ModelgateError("no answer", expected="one").brief == "no answer"


def test_what_is_not_known_is_left_out():
    assert str(ServerError("it ended", got="")) == "it ended\n  got:      "
    assert str(ServerError("it ended")) == "it ended"


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_pickled(kind):
    error = kind("it ended", expected="e", got="g", hint="h", log=("a",))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
