"""Inputs, spooled to disk and given back."""

from __future__ import annotations

import gc
import hashlib
import json
import resource
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.errors import LoadError, ProtocolError
from pytest_modelgate.load.workload import Workload


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20))
def test_every_body_comes_back_as_it_was_encoded(bodies):
    with Workload.spool(bodies, bytes) as workload:
        assert len(workload) == len(bodies)
        assert [workload.body(i) for i in range(len(bodies))] == bodies
        assert workload.size_bytes == sum(map(len, bodies))


def test_bodies_that_are_all_empty_are_bodies():
    with Workload.spool([None, None], lambda _: b"") as workload:
        assert [workload.body(0), workload.body(1)] == [b"", b""]


def test_unnamed_inputs_are_numbered():
    with Workload.spool([5, 6], encode) as workload:
        assert [workload.name(0), workload.name(1)] == ["input 0", "input 1"]


def test_a_mapping_names_its_inputs():
    with Workload.spool({"contract.pdf": 1, "photo.jpg": 2}, encode) as workload:
        assert [workload.name(i) for i in range(2)] == ["contract.pdf", "photo.jpg"]
        assert workload.body(1) == b"2"


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3), (4, 3), (None, 3)])
def test_no_more_inputs_are_read_than_the_limit_says(limit, expected):
    read = []

    def inputs():
        for value in range(3):
            read.append(value)
            yield value

    with Workload.spool(inputs(), encode, limit=limit) as workload:
        assert len(workload) == len(read) == expected


def test_a_limit_holds_for_named_inputs_too():
    with Workload.spool({"a": 1, "b": 2, "c": 3}, encode, limit=2) as workload:
        assert [workload.name(i) for i in range(len(workload))] == ["a", "b"]


def test_the_digest_is_of_names_and_bodies_each_after_its_length():
    with Workload.spool({"ä": 12}, encode) as workload:
        expected = bytes(7) + b"\x02" + "ä".encode() + bytes(7) + b"\x02" + b"12"
        assert workload.digest == hashlib.sha256(expected).hexdigest()


def test_the_digest_tells_workloads_apart_whose_bytes_in_a_row_are_the_same():
    digests = set()
    for inputs in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], {"x": b"ab", "y": b"c"}):
        with Workload.spool(inputs, bytes) as workload:
            digests.add(workload.digest)
    assert len(digests) == 4


def test_a_list_and_a_mapping_with_the_numbered_names_have_the_same_digest():
    with (
        Workload.spool([1], encode) as listed,
        Workload.spool({"input 0": 1}, encode) as mapped,
    ):
        assert listed.digest == mapped.digest


def test_a_large_workload_is_not_held_in_memory():
    """20,000 bodies of 1 KiB take 20 MiB on disk, and well under one in memory."""
    tracemalloc.start()
    try:
        with Workload.spool(range(20_000), lambda i: i.to_bytes(4, "big") * 256) as workload:
            gc.collect()
            held_bytes, peak_bytes = tracemalloc.get_traced_memory()
            assert workload.size_bytes == 20_000 * 1024
    finally:
        tracemalloc.stop()
    assert held_bytes < 400_000
    assert peak_bytes < 800_000


def test_no_file_is_left(tmp_path):
    with Workload.spool([1], encode, directory=tmp_path) as workload:
        pass
    workload.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inputs", [[], {}, iter(())])
def test_no_inputs_at_all_are_refused(inputs):
    with pytest.raises(LoadError, match="there are no inputs to send"):
        Workload.spool(inputs, encode)


def test_two_inputs_of_the_same_name_are_refused():
    with pytest.raises(LoadError, match="two inputs are named '1'"):
        Workload.spool({1: "a", "x": "b", "1": "c"}, encode)


@pytest.mark.parametrize("inputs", ["text", b"bytes", 5])
def test_one_input_in_place_of_a_collection_is_refused(inputs):
    with pytest.raises(LoadError, match="not a collection") as caught:
        Workload.spool(inputs, encode)
    assert caught.value.got == type(inputs).__name__


def test_an_input_that_cannot_be_encoded_is_named(tmp_path):
    def refuse(value: object) -> bytes:
        if value == "bad":
            raise ProtocolError("not a tensor", expected="an array", got="str", hint="convert it")
        return b""

    with pytest.raises(ProtocolError) as caught:
        Workload.spool({"good": 1, "the odd one": "bad"}, refuse, directory=tmp_path)
    error = caught.value
    assert error.what == "the odd one: not a tensor"
    assert (error.expected, error.got, error.hint) == ("an array", "str", "convert it")
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_users_own_generator_stays_what_it_is():
    def inputs():
        yield 1
        raise FileNotFoundError("documents/")

    with pytest.raises(FileNotFoundError, match="documents/"):
        Workload.spool(inputs(), encode)


def test_a_folder_that_does_not_exist_is_reported(tmp_path):
    with pytest.raises(LoadError, match="could not be written to a temporary file"):
        Workload.spool([1], encode, directory=tmp_path / "absent")


def test_a_disk_that_takes_no_more_is_reported(tmp_path):
    """The limit on the size of a file stands in for the full disk: writing fails half-way."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(LoadError, match="could not be written") as caught:
            Workload.spool([bytes(3000), bytes(3000)], bytes, directory=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in str(caught.value.got)
    assert "TMPDIR" in str(caught.value.hint)
