"""The answers of a measurement: decoded once, checked against the contract, kept if distinct."""

import json

import pytest

from pytest_modelgate.answers import MOST_DISTINCT_ANSWERS, AnswerBook
from pytest_modelgate.config import ServerSpec
from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.load.recording import Failures, LoadResult, Recording
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.protocols.oip_http import OipHttp, oip_http
from pytest_modelgate.tensors import Contract, TensorSpec

SPEC = ServerSpec("toy", "process", "oip-http", command=("./toy",), model="toy")
CONTRACT = Contract((), (TensorSpec("y", "FP32", (-1,)),))


def body(*values, datatype="FP32"):
    output = {"name": "y", "datatype": datatype, "shape": [len(values)], "data": values}
    return json.dumps({"model_name": "toy", "outputs": [output]}).encode()


@pytest.fixture
def workload():
    with Workload.spool({"a": 0, "b": 1, "c": 2}, lambda value: str(value).encode()) as spooled:
        yield spooled


@pytest.fixture
def book(workload):
    return AnswerBook(oip_http(SPEC), workload, keep=2)


def values(book):
    return {
        name: [answer["y"].tolist() for answer in answers]
        for name, answers in book.answers().items()
    }


def test_answers_are_kept_by_name_in_the_order_of_the_inputs(book):
    book.add(1, body(2.0))
    book.add(0, body(1.0))
    assert list(values(book).items()) == [("a", [[1.0]]), ("b", [[2.0]])]


def test_an_answer_that_came_before_is_kept_once_and_not_decoded_again(workload):
    class Counting(OipHttp):
        decoded = 0

        def decode(self, body):
            self.decoded += 1
            return super().decode(body)

    protocol = Counting("toy", {})
    book = AnswerBook(protocol, workload, keep=2)
    for _ in range(3):
        book.add(0, body(1.0))
    assert values(book) == {"a": [[1.0]]}
    assert protocol.decoded == 1


def test_every_distinct_answer_is_kept_the_first_given_first(book):
    for value in (1.0, 2.0, 1.0, 3.0):
        book.add(0, body(value))
    assert values(book) == {"a": [[1.0], [2.0], [3.0]]}


@pytest.mark.parametrize("distinct", [-1, 0, 1])
def test_no_more_than_so_many_distinct_answers_are_kept(book, distinct):
    for value in range(MOST_DISTINCT_ANSWERS + distinct):
        book.add(0, body(float(value)))
    assert len(values(book)["a"]) == min(MOST_DISTINCT_ANSWERS + distinct, MOST_DISTINCT_ANSWERS)


def test_inputs_beyond_those_compared_are_checked_but_not_kept(book):
    book.add(2, body(1.0))
    assert values(book) == {}
    with pytest.raises(ProtocolError, match="the answer to 'c' cannot be used"):
        book.add(2, b"{")


def test_an_answer_that_is_none_names_its_input_and_what_is_wrong(book):
    with pytest.raises(ProtocolError) as caught:
        book.add(1, body("many", datatype="FP32"))
    assert caught.value.what.startswith("the answer to 'b' cannot be used: ")
    assert caught.value.got or caught.value.expected
    assert values(book) == {}


def test_an_answer_that_the_server_does_not_declare_is_refused(book):
    book.contract = CONTRACT
    book.add(0, body(1.0))
    with pytest.raises(ProtocolError, match="the answer to 'a' is not what the server declares"):
        book.add(0, body(1.0, datatype="FP64"))
    assert values(book) == {"a": [[1.0]]}


def test_without_a_contract_there_is_nothing_to_hold_an_answer_against(book):
    book.add(0, body(1.0, datatype="FP64"))
    assert values(book) == {"a": [[1.0]]}


def window(*outcomes, budget_bytes=10_000, failures=()):
    """What a window with these answers, (input, body), leaves behind; the n-th took n ns."""
    failed = Failures()
    recording = Recording(failed, budget_bytes=budget_bytes)
    for reason in failures:
        recording.failed(reason)
    for latency_ns, (index, answer) in enumerate(outcomes, 1):
        recording.answered(index, answer, latency_ns)
    latencies_ns, answers = recording.latencies_ns(), recording.answers()
    return LoadResult(latencies_ns, failed.count, failed.examples, 1.0, 0.1, answers)


def test_answers_of_a_window_that_are_none_are_failures_each_time_they_came(book):
    good, bad = body(1.0), b'{"outputs": <'
    given = window((0, good), (0, bad), (1, good), (0, bad), (0, good), failures=["reset"])
    checked = book.check(given)
    assert checked.latencies_ns.tolist() == [1, 3, 5]
    assert checked.failures == 3
    assert checked.failure_examples[0] == "reset"
    assert checked.failure_examples[1].startswith("the answer to 'a' cannot be used: the answer is")
    assert "\n" not in checked.failure_examples[1]
    assert values(book) == {"a": [[1.0]], "b": [[1.0]]}


def test_a_window_of_good_answers_is_as_it_was(book):
    given = window((0, body(1.0)), (1, body(2.0)), (0, body(1.0)))
    checked = book.check(given)
    assert checked.latencies_ns.tolist() == [1, 2, 3]
    assert (checked.failures, checked.failure_examples) == (0, ())


@pytest.mark.parametrize(("kept", "failures"), [(body(1.0), 0), (b"<", 2)])
def test_what_was_not_kept_is_a_failure_where_what_was_kept_is_one(book, kept, failures):
    checked = book.check(window((0, kept), (0, body(2.0)), budget_bytes=150 + len(kept)))
    assert checked.failures == failures
    assert len(checked.latencies_ns) == 2 - failures
