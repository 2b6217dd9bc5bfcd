"""The digest of what a command names, and which commands it says too little of."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace

import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.command import (
    command_sha256,
    find_program,
    folder_argument,
    runs_other_programs,
)


@pytest.fixture
def server(tmp_path):
    """A compiled program, as `./server`."""
    shutil.copy(shutil.which("sleep"), tmp_path / "server")
    return tmp_path / "server"


@pytest.fixture
def digest(server, tmp_path):
    """Returns the digest of the program with these arguments."""
    return lambda *args: command_sha256(spec(*args), tmp_path)


def spec(*args):
    return ServerSpec(
        name="toy", runtime="process", protocol="json", command=("./server",), args=args
    )


def test_the_digest_is_the_same_while_nothing_changes_and_has_64_digits(digest, tmp_path):
    before = digest("--port", "{port}")
    assert digest("--port", "{port}") == before
    assert len(before) == 64


def test_another_program_of_the_same_size_and_time_has_another_digest(digest, server):
    before, found = digest(), server.stat()
    data = bytearray(server.read_bytes())
    data[-1] ^= 1
    server.write_bytes(data)
    os.utime(server, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert digest() != before


@pytest.mark.parametrize("argument", ["model.onnx", "--model=model.onnx"])
def test_a_file_that_an_argument_names_counts(digest, tmp_path, argument):
    absent = digest(argument)
    (tmp_path / "model.onnx").write_text("one")
    first = digest(argument)
    (tmp_path / "model.onnx").write_text("two")
    assert len({absent, first, digest(argument)}) == 3


def test_two_files_that_change_places_change_the_digest(digest, tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    before = digest("a", "b")
    (tmp_path / "a").write_text("two")
    (tmp_path / "b").write_text("one")
    assert digest("a", "b") != before


def test_the_command_and_its_arguments_are_one_list(digest, tmp_path):
    (tmp_path / "a").write_text("one")
    whole = replace(spec(), command=("./server", "--quiet", "a"))
    assert command_sha256(whole, tmp_path) == digest("--quiet", "a")


@pytest.mark.parametrize("text", ["", "x" * 5000, "a\0b", "=", "--model=", "/dev/null"])
def test_an_argument_that_is_no_file_does_not_count(digest, text):
    assert digest(text) == digest()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_of_a_program_that_cannot_be_read_there_is_no_digest(digest, server):
    server.chmod(0o111)
    assert digest() is None


def test_of_a_file_that_cannot_be_read_there_is_no_digest(digest):
    memory = "/proc/self/mem"  # a regular file, whose first page nobody has
    if not os.path.exists(memory):  # noqa: PTH110 - macOS has no /proc
        pytest.skip("Linux has files that even root cannot read")
    assert digest(memory) is None


def test_a_program_that_is_not_there_has_no_digest_but_an_error(digest, server):
    server.unlink()
    with pytest.raises(ServerError, match="no program"):
        digest()


def test_a_folder_among_the_arguments_is_named(tmp_path, server):
    (tmp_path / "models").mkdir()
    assert folder_argument(spec("--models=models"), tmp_path) == tmp_path / "models"
    assert folder_argument(spec("models/absent", "server"), tmp_path) is None


def test_what_is_in_a_folder_does_not_count(digest, tmp_path):
    (tmp_path / "models").mkdir()
    before = digest("models")
    (tmp_path / "models" / "new").write_text("x")
    assert digest("models") == before


@pytest.mark.parametrize("name", ["python", "python3", "python3.13t", "sh", "env", "go1.22"])
def test_interpreters_and_launchers_are_known_by_name_whatever_the_version(server, name):
    assert runs_other_programs(str(server.rename(server.with_name(name))))


def test_a_link_to_an_interpreter_is_one(tmp_path):
    (tmp_path / "server").symlink_to(sys.executable)
    assert runs_other_programs(str(tmp_path / "server"))


def test_a_script_is_known_by_its_first_bytes(tmp_path):
    (tmp_path / "server").write_text("#!/bin/sh\nexec ./real\n")
    assert runs_other_programs(str(tmp_path / "server"))


@pytest.mark.parametrize("name", ["server", "server-1.4", "gopher", "shell", "python-server"])
def test_a_compiled_program_of_another_name_is_none(server, name):
    assert not runs_other_programs(str(server.rename(server.with_name(name))))


def test_a_program_is_found_on_the_path_that_the_server_gets(server, tmp_path):
    on_path = replace(spec(), command=("server",), env={"PATH": str(tmp_path)})
    assert find_program(on_path, tmp_path) == str(server)
