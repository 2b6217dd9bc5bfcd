"""Which command starts the baseline's server: real programs, started beside each other."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import BaselineServerError
from pytest_modelgate.servers.baseline_server import baseline_server, is_server_kept
from pytest_modelgate.servers.owner import Session
from pytest_modelgate.servers.process import ProcessKind


@pytest.fixture
def kind(tmp_path):
    """What starts the servers."""
    kind = ProcessKind(Session.current(), tmp_path)
    yield kind
    kind.stop_all()


@pytest.fixture
def spec(tmp_path):
    """A candidate that is a compiled program; another one, the released, is beside it."""
    shutil.copy(shutil.which("sleep"), tmp_path / "server")
    shutil.copy(shutil.which("tail"), tmp_path / "released")
    return ServerSpec(
        name="toy",
        runtime="process",
        protocol="json",
        command=("./server",),
        args=("3600",),
        env={"ADDR": "{host}:{port}"},
        request_timeout_s=7,
    )


@pytest.fixture
def provenance(kind, spec):
    """What a run of the candidate as it is now records."""
    server = kind.start(spec)
    server.stop()
    return server.provenance


def change(program):
    program.write_bytes(program.read_bytes() + b"\0")


def refused(spec, provenance, root):
    with pytest.raises(BaselineServerError) as caught, baseline_server(spec, provenance, root=root):
        pytest.fail("it cannot be had")
    return caught.value


def test_the_released_program_is_started_beside_the_candidate(kind, spec, tmp_path):
    released = ("./released", "-f", "/dev/null", "-s")
    spec = replace(spec, baseline_command=released)
    with baseline_server(spec, {}, root=tmp_path) as baseline:
        assert baseline == replace(
            spec, name="toy (baseline)", command=released, baseline_command=None
        )
        servers = kind.start(spec), kind.start(baseline)
        exes = [Path(psutil.Process(server.accounting.pids()[0]).exe()) for server in servers]
        assert exes == [tmp_path / "server", tmp_path / "released"]
        assert servers[1].exit() is None


def test_the_released_program_counts_from_workdir(spec, tmp_path):
    spec = replace(spec, baseline_command=("./released",), workdir=tmp_path)
    with baseline_server(spec, {}, root=tmp_path / "elsewhere") as baseline:
        assert baseline.workdir == tmp_path


def test_a_released_program_that_is_not_there_is_reported(spec, tmp_path):
    error = refused(replace(spec, baseline_command=("./absent",)), {}, tmp_path)
    assert "there is no program" in error.what
    assert "baseline_command" in error.hint


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_the_candidates_own_program_is_never_the_baselines(spec, tmp_path, link):
    getattr(tmp_path / "link", link)(tmp_path / "server")
    for name in ("./server", "./link", str(tmp_path / "server")):
        error = refused(replace(spec, baseline_command=(name,)), {}, tmp_path)
        assert "the candidate's own command" in error.what


def test_one_interpreter_may_run_two_programs(spec, tmp_path):
    spec = replace(spec, command=(sys.executable, "new"), baseline_command=(sys.executable, "old"))
    with baseline_server(spec, {}, root=tmp_path) as baseline:
        assert baseline.command == (sys.executable, "old")


def test_a_recorded_command_that_is_what_it_was_is_started_as_it_was(
    kind, spec, provenance, tmp_path
):
    shutil.copy(shutil.which("tail"), tmp_path / "other")
    candidate = replace(spec, command=("./other",), args=("--new",))
    with baseline_server(candidate, provenance, root=tmp_path) as baseline:
        assert baseline == replace(
            candidate, name="toy (baseline)", command=("./server", "3600"), args=()
        )
        server = kind.start(baseline)
        assert server.exit() is None
        assert server.provenance == provenance


def test_arguments_that_need_quotes_are_started_exactly(kind, spec, tmp_path):
    args = ("a b", "", "'\"$x\n", "{port}", "~", "*")
    server = kind.start(replace(spec, args=args))
    with baseline_server(spec, server.provenance, root=tmp_path) as baseline:
        assert baseline.command == ("./server", *args)


def test_a_program_that_was_built_anew_in_its_place_is_not_the_baselines(
    spec, provenance, tmp_path
):
    change(tmp_path / "server")
    error = refused(spec, provenance, tmp_path)
    assert "changed since the baseline" in error.what
    assert error.hint == "set baseline_command to the program that was released"


def test_a_model_that_the_command_names_must_be_as_it_was(kind, spec, tmp_path):
    (tmp_path / "model.onnx").write_text("old")
    spec = replace(spec, args=("3600", "--model=model.onnx"))
    provenance = kind.start(spec).provenance
    with baseline_server(spec, provenance, root=tmp_path):
        pass
    (tmp_path / "model.onnx").write_text("new")
    assert "has changed" in refused(spec, provenance, tmp_path).what


def test_a_folder_among_the_arguments_may_hold_anything(kind, spec, tmp_path):
    (tmp_path / "models").mkdir()
    spec = replace(spec, args=("3600", "--models=models"))
    error = refused(spec, kind.start(spec).provenance, tmp_path)
    assert f"the files in {tmp_path / 'models'}" in error.what


def test_an_interpreter_whose_script_is_unchanged_may_load_anything(kind, spec, tmp_path):
    (tmp_path / "server.py").write_text("import model")
    spec = replace(spec, command=(sys.executable, "server.py"), args=())
    error = refused(spec, kind.start(spec).provenance, tmp_path)
    assert f"what {sys.executable} runs" in error.what


def test_a_recorded_program_that_is_gone_is_reported(spec, provenance, tmp_path):
    (tmp_path / "server").unlink()
    assert "there is no program" in refused(spec, provenance, tmp_path).what


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"command_sha256": "0" * 64}, "has changed"),
        ({"command": "'"}, "cannot be read"),
        ({"command": ""}, "does not say which program"),
        ({"command": "''"}, "there is no program"),
        ({"command": shlex.join(["sh", "-c", "./server"])}, "has changed"),
    ],
)
def test_a_command_that_was_tampered_with_is_refused(spec, provenance, tmp_path, changed, what):
    assert what in refused(spec, {**provenance, **changed}, tmp_path).what


@pytest.mark.parametrize("key", ["command", "command_sha256"])
def test_a_baseline_without_command_or_digest_is_refused(spec, provenance, tmp_path, key):
    del provenance[key]
    assert "does not say which program" in refused(spec, provenance, tmp_path).what


def test_two_servers_cannot_have_one_port(spec, tmp_path):
    spec = replace(spec, env={}, port=8123, baseline_command=("./released",))
    error = refused(spec, {}, tmp_path)
    assert (error.got, "{port}" in error.hint) == ("port 8123", True)


def test_a_server_by_url_is_refused(tmp_path):
    spec = ServerSpec(name="toy", runtime="remote", protocol="json", url="http://localhost:1")
    assert "given by url" in refused(spec, {"url": "http://localhost:1"}, tmp_path).what


def test_a_server_of_a_plugins_kind_is_refused(spec, provenance, tmp_path):
    error = refused(replace(spec, runtime="kubernetes"), provenance, tmp_path)
    assert "runs as 'kubernetes'" in error.what


def test_a_process_is_kept_only_by_a_baseline_command_and_a_url_never(spec):
    assert not is_server_kept(spec)
    assert is_server_kept(replace(spec, baseline_command=("./released",)))
    assert is_server_kept(replace(spec, runtime="docker", image="toy:1"))
    assert not is_server_kept(replace(spec, runtime="remote", url="http://toy", command=None))
