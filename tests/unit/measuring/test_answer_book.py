"""The answers of a measurement: decoded once, checked against the contract, kept if distinct."""

import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.config.specs import DriftSpec, ServerSpec
from pytest_modelgate.drift.compare import compare_answers
from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.load.recording import Failures, LoadResult, Recording
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.measuring.answer_book import MOST_DISTINCT_ANSWERS, AnswerBook, _Kept
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


@pytest.mark.parametrize(
    ("distinct", "kept", "extremes"),
    [(15, 15, []), (16, 16, []), (17, 16, [16, 16, 16]), (20, 16, [16, 19, 16])],
)
def test_of_numbers_beyond_sixteen_answers_the_extremes_are_kept(book, distinct, kept, extremes):
    for value in range(distinct):
        book.add(0, body(float(value)))
    found = [value for (value,) in values(book)["a"]]
    assert (found[:kept], found[kept:]) == (list(range(kept)), extremes)
    assert book.unchecked == 0


NUMBERS = st.sampled_from([0.5, 0.500001, 0.6, 900.5, np.nan, np.inf, -np.inf])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ml_dtypes.bfloat16])
@pytest.mark.parametrize("equal_nan", [False, True])
@given(expected=NUMBERS, answered=st.lists(NUMBERS, max_size=40))
def test_no_mismatch_is_hidden_by_the_extremes(dtype, equal_nan, expected, answered):
    """Of as many of the expected answer as are kept one by one, and then others."""
    kept = _Kept()
    answers = [{"y": np.array(v, dtype)} for v in [expected] * MOST_DISTINCT_ANSWERS + answered]
    for answer in answers:
        kept.add(answer)
    spec = DriftSpec(equal_nan=equal_nan)
    in_short, in_full = (
        compare_answers({"a": answers[0]}, {"a": tuple(each)}, spec)
        for each in (kept.all(), answers)
    )
    assert (in_short.mismatched > 0) == (in_full.mismatched > 0)
    assert len(kept.all()) <= MOST_DISTINCT_ANSWERS + 3


def jitter(book, count=MOST_DISTINCT_ANSWERS):
    for number in range(count):
        book.add(0, body(0.5 + number / 1e9, datatype="FP64"))


def test_an_answer_far_off_is_found_after_any_number_that_differ_a_little(book):
    jitter(book, 100)
    book.add(0, body(900.5, datatype="FP64"))
    jitter(book, 200)
    assert max(value for (value,) in values(book)["a"]) == 900.5
    assert len(values(book)["a"]) == MOST_DISTINCT_ANSWERS + 3


@pytest.mark.parametrize("other", [body(1.0), body(1.0, 2.0, datatype="FP64")])
def test_an_answer_of_another_structure_is_kept_after_any_number_of_the_first(book, other):
    jitter(book, 100)
    book.add(0, other)
    assert values(book)["a"][MOST_DISTINCT_ANSWERS] == json.loads(other)["outputs"][0]["data"]
    assert book.unchecked == 0


@pytest.mark.parametrize(("distinct", "unchecked"), [(15, 0), (16, 0), (17, 1), (18, 2)])
@pytest.mark.parametrize("is_first", [True, False])
def test_texts_beyond_sixteen_are_counted_as_unchecked(book, is_first, distinct, unchecked):
    if not is_first:
        book.add(0, body(1.0))
    for number in range(distinct):
        book.add(0, body(f"text {number}", datatype="BYTES"))
    assert book.unchecked == unchecked
    assert len(values(book)["a"]) == min(distinct, 16) + (not is_first)


def test_what_a_window_could_not_keep_is_unchecked_where_its_input_is_compared(book):
    """The third input is not."""
    book.check(window((0, body(1.0)), (2, body(1.0)), (2, body(2.0)), budget_bytes=0))
    assert book.unchecked == 1


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
    bodies = window((0, good), (0, bad), (1, good), (0, bad), (0, good), failures=["reset"])
    checked = book.check(bodies)
    assert checked.latencies_ns.tolist() == [1, 3, 5]
    assert checked.failures == 3
    assert checked.failure_examples[0] == "reset"
    assert checked.failure_examples[1].startswith("the answer to 'a' cannot be used: the answer is")
    assert "\n" not in checked.failure_examples[1]
    assert values(book) == {"a": [[1.0]], "b": [[1.0]]}


def test_a_window_of_good_answers_is_as_it_was(book):
    bodies = window((0, body(1.0)), (1, body(2.0)), (0, body(1.0)))
    checked = book.check(bodies)
    assert checked.latencies_ns.tolist() == [1, 2, 3]
    assert (checked.failures, checked.failure_examples) == (0, ())


@pytest.mark.parametrize(("kept", "failures"), [(body(1.0), 0), (b"<", 2)])
def test_what_was_not_kept_is_a_failure_where_what_was_kept_is_one(book, kept, failures):
    checked = book.check(window((0, kept), (0, body(2.0)), budget_bytes=150 + len(kept)))
    assert checked.failures == failures
    assert len(checked.latencies_ns) == 2 - failures
