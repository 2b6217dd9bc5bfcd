"""What a server is started with besides its program, seen to change or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_modelgate.config.specs import Mount, ServerSpec
from pytest_modelgate.errors import BaselineServerError, ConfigError
from pytest_modelgate.servers.launch import KEY, expect_same_launch, launch_digest

DOCKER = ServerSpec("toy", "docker", "json", image="toy:1", args=("--threads", "2"))
PROCESS = replace(DOCKER, runtime="process", command=("./server",))


@pytest.fixture
def mounted(tmp_path):
    """A server with a folder of two models."""
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    return replace(DOCKER, mounts=(Mount(tmp_path, "/models"),))


def changed(spec, **changes):
    return launch_digest(replace(spec, **changes)) != launch_digest(spec)


def test_the_digest_is_short_and_the_same_for_the_same(mounted):
    assert len(launch_digest(mounted)) == 8
    assert launch_digest(mounted) == launch_digest(replace(mounted))


@pytest.mark.parametrize(
    "changes",
    [
        {"args": ("--threads", "1")},
        {"args": ("--threads 2",)},
        {"env": {"GOGC": "off"}},
        {"user": "1000"},
    ],
    ids=str,
)
def test_arguments_environment_and_user_are_in_it(changes):
    assert changed(DOCKER, **changes)


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"image": "toy:2"}, {"ready_timeout_s": 9.0}], ids=str
)
def test_what_the_server_does_not_see_is_not(changes):
    assert not changed(DOCKER, **changes)


def test_the_arguments_of_a_process_are_part_of_its_recorded_command():
    assert not changed(PROCESS, args=("--threads", "1"))
    same = {KEY: launch_digest(PROCESS)}
    expect_same_launch(PROCESS, {**same, "command": "./a 1"}, {**same, "command": "./a 2"})


@pytest.mark.parametrize("now", ["./server", "./server --threads 1", "./server --more --threads 2"])
def test_a_baseline_command_is_refused_where_the_arguments_have_changed(now):
    released = replace(PROCESS, baseline_command=("./released",))
    recorded = {KEY: launch_digest(released), "command": "./server --threads 2"}
    expect_same_launch(released, recorded, {**recorded, "command": "./next --threads 2"})
    with pytest.raises(BaselineServerError, match="not what they were"):
        expect_same_launch(released, recorded, {**recorded, "command": now})


def test_a_recorded_command_that_cannot_be_read_is_refused():
    now = {KEY: launch_digest(PROCESS), "command": "./server"}
    released = replace(PROCESS, baseline_command=("./released",))
    with pytest.raises(BaselineServerError, match="cannot be read"):
        expect_same_launch(released, {**now, "command": "'"}, now)


def test_a_mounted_file_that_changes_goes_or_comes_is_seen(mounted, tmp_path):
    before = launch_digest(mounted)
    (tmp_path / "a.onnx").write_bytes(b"another model")
    other = launch_digest(mounted)
    (tmp_path / "b.onnx").unlink()
    fewer = launch_digest(mounted)
    (tmp_path / "c.onnx").write_bytes(b"")
    assert len({before, other, fewer, launch_digest(mounted)}) == 4


def test_a_single_mounted_file_is_seen_too(tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"1")
    spec = replace(DOCKER, mounts=(Mount(model, "/model.onnx"),))
    before = launch_digest(spec)
    model.write_bytes(b"22")
    assert launch_digest(spec) != before


def test_a_mount_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    (tmp_path / "model.onnx").write_bytes(b"1")

    def refuse(_path):
        raise PermissionError("no")

    monkeypatch.setattr("pytest_modelgate.servers.launch.file_sha256", refuse)
    with pytest.raises(ConfigError, match="cannot be read"):
        launch_digest(replace(DOCKER, mounts=(Mount(tmp_path, "/models"),)))


def test_the_baselines_server_is_refused_where_they_changed_or_nobody_knows():
    now = {KEY: launch_digest(DOCKER)}
    expect_same_launch(DOCKER, now, now)
    for recorded in ({}, {KEY: "00000000"}):
        with pytest.raises(BaselineServerError, match="not what they were"):
            expect_same_launch(DOCKER, recorded, now)
    with pytest.raises(BaselineServerError, match="not what they were"):
        expect_same_launch(DOCKER, {}, {})
