"""A baseline's numbers to JSON and back."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from baseline_samples import SERVER, TEST, sample_baseline, sample_run
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.baselines.document import AnswersReference, from_json, to_json
from pytest_modelgate.baselines.record import from_measurement
from pytest_modelgate.errors import BaselineError
from pytest_modelgate.runs import Measurement, Run

REFERENCE = AnswersReference("0" * 64, {"0/label": "float32[2,3]"})
FIELDS = ("test", "server", "recorded_at", "runs", "exact", "fingerprint", "provenance", "contract")


def round_trip(baseline):
    return from_json(to_json(baseline, None)).baseline


def fields_of(baseline):
    return [getattr(baseline, name) for name in FIELDS]


def changed(path, value):
    """Return the sample document with one value replaced."""
    document = json.loads(to_json(sample_baseline(), REFERENCE))
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return json.dumps(document).encode()


def test_everything_comes_back():
    baseline = sample_baseline()
    document = from_json(to_json(baseline, REFERENCE))
    assert fields_of(document.baseline) == fields_of(baseline)
    assert document.answers == REFERENCE


def test_a_baseline_without_runs_contract_and_answers_comes_back():
    baseline = sample_baseline(runs=(), contract=None, answers={})
    document = from_json(to_json(baseline, None))
    assert fields_of(document.baseline) == fields_of(baseline)
    assert document.answers is None


def test_the_text_is_what_a_reviewer_reads_and_git_compares():
    text = to_json(sample_baseline(), REFERENCE).decode()
    assert text.endswith("}\n")
    assert json.loads(text)["schema"] == "modelgate-baseline/1"
    assert '\n      "values": {\n        "latency.p50": 0.0081,\n' in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)


def test_the_same_baseline_gives_the_same_bytes_in_whatever_order():
    one = sample_baseline(exact={"a": 1.0, "b": 2.0}, fingerprint={"x": "1", "y": "2"})
    other = sample_baseline(exact={"b": 2.0, "a": 1.0}, fingerprint={"y": "2", "x": "1"})
    assert to_json(one, REFERENCE) == to_json(other, REFERENCE)


@given(st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)))
def test_every_finite_number_comes_back_to_the_bit(exact):
    again = round_trip(sample_baseline(exact=exact, runs=())).exact
    assert again == exact
    assert [math.copysign(1, again[key]) for key in exact] == [
        math.copysign(1, value) for value in exact.values()
    ]


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_comes_back(test, value):
    baseline = round_trip(sample_baseline(test=test, provenance={value: value}, runs=()))
    assert baseline.test == test
    assert baseline.provenance == {value: value}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_value_that_is_not_finite_is_never_recorded(value):
    with pytest.raises(BaselineError, match=r"latency\.p50 of run 2"):
        to_json(sample_baseline(runs=(sample_run(), sample_run(value))), None)
    with pytest.raises(BaselineError, match="recall of this measurement"):
        to_json(sample_baseline(exact={"recall": value}), None)


def test_numpy_numbers_are_recorded_as_numbers():
    assert round_trip(sample_baseline(exact={"recall": np.float32(0.5)})).exact == {"recall": 0.5}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b"3", b"not json", b"\xff\xfe", b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(content):
    with pytest.raises(BaselineError):
        from_json(content)


WHOLE = to_json(sample_baseline(runs=()), REFERENCE)


@given(st.integers(0, len(WHOLE) - 2))
def test_a_document_cut_anywhere_is_refused(length):
    with pytest.raises(BaselineError):
        from_json(WHOLE[:length])


def test_the_marks_of_a_merge_conflict_are_recognised():
    ours, theirs = to_json(sample_baseline(), None), to_json(sample_baseline(exact={}), None)
    content = b"<<<<<<< HEAD\n" + ours + b"=======\n" + theirs + b">>>>>>> branch\n"
    with pytest.raises(BaselineError, match="git merge conflict") as caught:
        from_json(content)
    assert "git checkout --ours" in (caught.value.hint or "")


def test_a_document_of_a_newer_version_says_to_upgrade():
    with pytest.raises(BaselineError, match="newer pytest-modelgate") as caught:
        from_json(changed(["schema"], "modelgate-baseline/2"))
    assert caught.value.hint == "upgrade pytest-modelgate"


@pytest.mark.parametrize(
    "schema", ["modelgate-baseline/0", "modelgate-baseline/1.1", "other/2", ""]
)
def test_a_document_of_another_schema_is_no_baseline(schema):
    with pytest.raises(BaselineError, match="not a baseline"):
        from_json(changed(["schema"], schema))


@pytest.mark.parametrize("key", ["schema", "answers", *FIELDS])
def test_a_missing_key_is_named(key):
    document = json.loads(to_json(sample_baseline(), REFERENCE))
    del document[key]
    with pytest.raises(BaselineError, match=f"has no '{key}'"):
        from_json(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["schema"], 1, "a string"),
        (["test"], None, "a string"),
        (["runs"], {}, "an array"),
        (["runs", 0], [], "an object"),
        (["runs", 0, "values"], [], "an object"),
        (["runs", 0, "values", "latency.p50"], "0.1", "a finite number"),
        (["runs", 0, "values", "latency.p50"], True, "a finite number"),
        (["runs", 0, "values", "latency.p50"], None, "a finite number"),
        (["runs", 0, "values", "latency.p50"], 10**400, "a finite number"),
        (["runs", 0, "requests"], 1.5, "an integer"),
        (["runs", 0, "requests"], True, "an integer"),
        (["runs", 0, "requests"], -1, "0 or more"),
        (["runs", 0, "failures"], 5, "at most 4, the number of requests"),
        (["runs", 0, "latencies"], "0:AAAA", "an encoded latency sketch"),
        (["runs", 0, "latencies"], 3, "a string"),
        (["exact"], None, "an object"),
        (["fingerprint", "cpu_count"], 2, "a string"),
        (["provenance"], "x", "an object"),
        (["contract", "inputs"], {}, "an array"),
        (["contract", "outputs", 0, "shape", 0], "1", "an integer"),
        (["contract", "outputs", 0, "name"], 1, "a string"),
        (["answers", "sha256"], "../../etc/passwd", "64 hexadecimal digits"),
        (["answers", "sha256"], "0" * 63, "64 hexadecimal digits"),
        (["answers", "tensors"], [], "an object"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_its_place(path, value, expected):
    with pytest.raises(BaselineError) as caught:
        from_json(changed(path, value))
    assert caught.value.expected == expected
    assert "is not valid" in caught.value.what
    if isinstance(path[-1], str):
        assert repr(path[-1]) in caught.value.what


def test_failures_may_be_all_requests_but_not_one_more():
    assert from_json(changed(["runs", 0, "failures"], 4)).baseline.runs[0].failures == 4


def test_whole_numbers_are_read_where_somebody_wrote_them_by_hand():
    assert from_json(changed(["exact"], {"recall": 1})).baseline.exact == {"recall": 1.0}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused_when_read(number):
    content = to_json(sample_baseline(), None).replace(b"0.0081", number.encode())
    with pytest.raises(BaselineError):
        from_json(content)


def test_a_key_that_stands_twice_is_refused():
    content = to_json(sample_baseline(), None).replace(
        b'"latency.p50": 0.0081', b'"latency.p50": 0.0081, "latency.p50": 0.5'
    )
    with pytest.raises(BaselineError, match="not valid JSON") as caught:
        from_json(content)
    assert "latency.p50" in (caught.value.got or "")


def test_a_measurement_becomes_a_baseline_with_the_first_answer_to_each_input():
    run = sample_run()
    noisy = Run(run.values, 4, 1, run.latencies, ("refused",), {"memory.idle": "no cgroup"})
    first, second = {"label": np.zeros(1)}, {"label": np.ones(1)}
    measurement = Measurement(
        server=SERVER,
        runs=(noisy,),
        exact={"image.size": 1.0},
        recorded=(),
        answers={"0": (first, second)},
        contract=None,
        fingerprint={"cpu_model": "A"},
        provenance={"git_commit": "abc"},
    )
    now = datetime(2025, 3, 1, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    baseline = from_measurement(measurement, TEST, now)
    assert baseline.recorded_at == "2025-03-01T12:00:00+00:00"
    assert baseline.runs == (Run(run.values, 4, 1, run.latencies),)
    assert baseline.answers == {"0": first}
    assert (baseline.test, baseline.server) == (TEST, SERVER)
    assert from_measurement(measurement, TEST, now.astimezone(UTC)).recorded_at == (
        baseline.recorded_at
    )
