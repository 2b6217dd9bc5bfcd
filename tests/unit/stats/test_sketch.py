from __future__ import annotations

import base64
import contextlib
import math
import pickle
import struct
import zlib

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_modelgate.stats.sketch import LONGEST_NS, LatencySketch, SketchError, quantile_rank

latencies = st.lists(st.integers(1, LONGEST_NS), max_size=60).map(lambda v: np.array(v, np.int64))


def sketch_of(*latencies_ns: int, failures: int = 0) -> LatencySketch:
    return LatencySketch.from_latencies_ns(np.array(latencies_ns, np.int64), failures)


def test_latencies_below_2048_ns_are_kept_exactly() -> None:
    sketch = sketch_of(1, 2046, 2047)
    assert [sketch.at_rank_s(rank) for rank in (1, 2, 3)] == [
        (1e-9, 1e-9),
        (2046e-9, 2046e-9),
        (2047e-9, 2047e-9),
    ]


def test_a_latency_of_2048_ns_shares_its_bucket_with_the_next() -> None:
    assert sketch_of(2048) == sketch_of(2049)
    assert sketch_of(2048) != sketch_of(2050)


@given(latencies)
def test_the_buckets_are_those_of_hdrhistogram(values: np.ndarray) -> None:
    histogram = HdrHistogram(1, LONGEST_NS, 3)
    for value in values.tolist():
        histogram.record_value(value)
    expected = sorted(histogram.get_highest_equivalent_value(value) / 1e9 for value in values)
    sketch = LatencySketch.from_latencies_ns(values)
    assert [sketch.at_rank_s(rank + 1)[1] for rank in range(len(values))] == expected


@given(st.integers(1, LONGEST_NS))
def test_a_bucket_holds_its_latency_and_is_no_wider_than_a_thousandth(value: int) -> None:
    low_s, high_s = sketch_of(value).at_rank_s(1)
    assert low_s <= value / 1e9 <= high_s
    assert high_s - low_s <= low_s / 1000


def test_what_is_shorter_than_a_nanosecond_or_longer_than_an_hour_is_kept_as_that() -> None:
    sketch = sketch_of(-5, 0, LONGEST_NS + 1, 10**18)
    assert sketch == sketch_of(1, 1, LONGEST_NS, LONGEST_NS)


def test_a_failed_request_counts_as_infinitely_slow() -> None:
    sketch = sketch_of(100, 200, 300, failures=1)
    assert (sketch.count, sketch.answered) == (4, 3)
    assert sketch.quantile_s(0.75) == 300e-9
    assert sketch.quantile_s(0.76) == math.inf


def test_the_mean_is_that_of_the_answered_requests() -> None:
    assert sketch_of(100, 300, failures=5).mean_s == pytest.approx(200e-9)


def test_no_requests_have_no_quantile_and_no_mean() -> None:
    with pytest.raises(SketchError, match="no requests"):
        sketch_of().quantile_s(0.5)
    with pytest.raises(SketchError, match="no answered request"):
        sketch_of(failures=3).mean_s  # noqa: B018  # the property raises


def test_ranks_outside_the_requests_are_0_below_and_infinite_above() -> None:
    sketch = sketch_of(100)
    assert sketch.at_rank_s(0) == (0.0, 0.0)
    assert sketch.at_rank_s(2) == (math.inf, math.inf)


@pytest.mark.parametrize(
    ("count", "q", "rank"),
    [
        (100, 0.07, 7),  # 0.07 × 100 is 7.000000000000001 in floating point
        (100, 0.99, 99),
        (100, 0.991, 100),
        (101, 0.99, 100),
        (1000, 0.999, 999),
        (1, 0.001, 1),
        (2, 0.5, 1),
        (3, 0.5, 2),
    ],
)
def test_a_quantiles_rank_is_the_least_that_covers_its_share(
    count: int, q: float, rank: int
) -> None:
    assert quantile_rank(count, q) == rank


@given(
    st.lists(st.integers(1, 2047), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]),
)
def test_quantiles_are_numpys_inverted_cdf(values: list[int], q: float) -> None:
    expected = np.quantile(np.array(values), q, method="inverted_cdf")
    assert sketch_of(*values).quantile_s(q) == expected / 1e9


@given(latencies, latencies, st.integers(0, 5), st.integers(0, 5))
def test_merging_is_the_same_as_one_sketch_of_all(
    one: np.ndarray, other: np.ndarray, failures: int, more: int
) -> None:
    merged = LatencySketch.merge(
        [
            LatencySketch.from_latencies_ns(one, failures),
            LatencySketch.from_latencies_ns(other, more),
        ]
    )
    both = np.concatenate([one, other])
    assert merged == LatencySketch.from_latencies_ns(both, failures + more)


def test_merging_nothing_is_empty() -> None:
    assert LatencySketch.merge([]) == sketch_of()


@given(latencies, st.integers(0, 10**6))
def test_what_is_encoded_decodes_to_itself_and_encodes_the_same_again(
    values: np.ndarray, failures: int
) -> None:
    sketch = LatencySketch.from_latencies_ns(values, failures)
    text = sketch.encode()
    assert LatencySketch.decode(text) == sketch
    assert LatencySketch.decode(text).encode() == text


def test_hdrhistograms_own_tools_can_read_the_encoding() -> None:
    histogram = HdrHistogram.decode(sketch_of(8_000_000, 9_000_000).encode().partition(":")[2])
    assert histogram.get_total_count() == 2
    assert histogram.get_value_at_percentile(50) == pytest.approx(8e6, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0:",
        "0",
        "0:x",
        "x:" + sketch_of(5).encode()[2:],
        "-1:" + sketch_of(5).encode()[2:],
        sketch_of(5).encode()[:-4],
        sketch_of(5).encode()[:-8] + "AAAA" + sketch_of(5).encode()[-4:],
        sketch_of(5).encode() + "!",
        "0:AAAAA" + sketch_of(5).encode()[7:],
        "0:é",
        "0:" + HdrHistogram(1, 10**6, 2).encode().decode(),
    ],
)
def test_a_damaged_or_foreign_encoding_is_refused(text: str) -> None:
    with pytest.raises(SketchError, match="latency sketch cannot be read"):
        LatencySketch.decode(text)


def test_a_sketch_survives_pickling_and_equals_no_other_kind_of_thing() -> None:
    sketch = sketch_of(5, 10**9, failures=2)
    assert pickle.loads(pickle.dumps(sketch)) == sketch
    assert sketch != "2:…"


@st.composite
def damaged_payloads(draw: st.DrawFn) -> bytes:
    """Bytes as an encoding holds them compressed, some of them changed, or cut short."""
    sketch = LatencySketch.from_latencies_ns(draw(latencies))
    framed = base64.b64decode(sketch.encode().partition(":")[2])
    payload = bytearray(zlib.decompress(framed[8:]))
    for place in draw(st.lists(st.integers(0, len(payload) - 1), max_size=4)):
        payload[place] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del payload[draw(st.integers(0, len(payload))) :]
    compressed = zlib.compress(bytes(payload))
    return framed[:4] + struct.pack(">i", len(compressed)) + compressed


@given(damaged_payloads())
@example(b"\x1c\x84\x93\x14" + struct.pack(">i", 8) + zlib.compress(b""))
@example(  # whose header says that values lie beyond 2^63
    b"\x1c\x84\x93\x14\x00\x00\x00#x\x9c\x93i\x99,\xcc\xc0\xc0\xc0\xc4\x00\x01\xcc\x0e\x10"
    b"\x9a\x11\xc8t3\xd8\xb1\x80\xc1\xfe\x03T\x82\t\x00]\x9d\x04\x92"
)
def test_a_damaged_payload_is_refused_and_nothing_else_is_raised(framed: bytes) -> None:
    with contextlib.suppress(SketchError):
        LatencySketch.decode("0:" + base64.b64encode(framed).decode())


@given(st.binary(max_size=60))
def test_bytes_that_nobody_encoded_are_refused(framed: bytes) -> None:
    with pytest.raises(SketchError):
        LatencySketch.decode("0:" + base64.b64encode(framed).decode())
