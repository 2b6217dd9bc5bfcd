"""What a load leaves behind, and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.load.recording import (
    ANSWER_BUDGET_BYTES,
    Failures,
    Outcomes,
    Recording,
)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=2), st.integers(0, 2**62))))
def test_every_latency_and_every_distinct_answer_is_recorded(answers):
    recording = Recording(Failures())
    for index, body, latency_ns in answers:
        recording.answered(index, body, latency_ns)
    expected: dict[int, list[bytes]] = {}
    for index, body, _ in answers:
        if body not in expected.setdefault(index, []):
            expected[index].append(body)
    kept = {index: tuple(bodies) for index, bodies in expected.items()}
    assert recording.answers().by_input == kept
    np.testing.assert_array_equal(recording.latencies_ns(), [latency for *_, latency in answers])
    assert len(recording) == len(answers)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=1), st.booleans())))
def test_it_is_known_of_every_latency_which_answer_it_belongs_to(answers):
    recording = Recording(Failures(), budget_bytes=3 * 151)
    known: dict[tuple[int, bytes], int] = {}
    for latency_ns, (index, body, is_recognised) in enumerate(answers):
        if is_recognised and (number := known.get((index, body))):
            recording.answered_again(latency_ns)
            recording.numbered(number)
        else:
            known[index, body] = recording.answered(index, body, latency_ns)
    kept = recording.answers()
    bodies = {
        number: (index, body)
        for index in kept.by_input
        for number, body in zip(kept.numbers[index], kept.by_input[index], strict=True)
    }
    assert len(kept.given) == len(recording)
    for number, (index, body, _) in zip(kept.given.tolist(), answers, strict=True):
        assert (
            bodies[number] == (index, body) if number else body not in kept.by_input.get(index, ())
        )
    assert (kept.given == 0).sum() == sum(kept.not_kept.values())


def test_of_one_input_any_number_of_distinct_answers_is_kept():
    recording = Recording(Failures())
    for number in [*range(1000), *range(1000)]:
        assert recording.answered(0, b"%d" % number, 1) == number + 1
    answers = recording.answers()
    assert (len(answers.by_input[0]), answers.not_kept) == (1000, {})


@pytest.mark.parametrize(("budget_bytes", "kept"), [(499, 1), (500, 2), (501, 2)])
def test_all_answers_together_stay_in_their_budget(budget_bytes, kept):
    """Each of the two takes its 100 bytes, and 150 of bookkeeping."""
    recording = Recording(Failures(), budget_bytes=budget_bytes)
    for index in range(2):
        recording.answered(index, bytes(100), 1)
    answers = recording.answers()
    assert (len(answers.by_input), answers.not_kept) == (kept, {1: 1} if kept == 1 else {})


def test_an_answer_that_was_not_kept_counts_each_time_it_comes():
    recording = Recording(Failures(), budget_bytes=0)
    for _ in range(3):
        recording.answered(0, b"", 1)
    assert recording.answers().not_kept == {0: 3}
    assert recording.answers().by_input == {}
    assert len(recording) == 3


def test_the_budget_is_64_mib():
    assert ANSWER_BUDGET_BYTES == 64 * 2**20


def test_the_latencies_can_be_read_while_more_come():
    recording = Recording(Failures())
    recording.answered_again(1)
    first = recording.latencies_ns()
    recording.answered_again(2)
    assert (first.tolist(), recording.latencies_ns().tolist()) == ([1], [1, 2])


def test_failures_are_all_counted_and_the_first_five_distinct_ones_quoted():
    failures = Failures()
    for reason in ["a", "b", "a", "c", "d", "e", "f", "a"]:
        failures.add(reason)
    assert failures.count == 8
    assert failures.examples == ("a", "b", "c", "d", "e")


def test_outcomes_want_every_answer():
    outcomes = Outcomes()
    assert not outcomes.answered(0, b"", 1)
    with pytest.raises(NotImplementedError):
        outcomes.answered_again(1)
    with pytest.raises(NotImplementedError):
        outcomes.numbered(1)
