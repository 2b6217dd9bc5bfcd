"""Where control groups are found, in trees laid out as kernels of both versions do."""

from pathlib import Path

import pytest

from pytest_modelgate.servers.cgroups import Cgroups, locate, pids_of

V1_MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
34 31 0:30 / {root}/cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / {root}/memory rw - cgroup cgroup rw,memory
41 31 0:38 / {root}/unified rw - cgroup2 cgroup2 rw
"""
V1_GROUPS = """\
5:memory:/docker/abc
2:cpu,cpuacct:/docker/abc
1:name=systemd:/docker/abc
0::/docker/abc
"""
V2_MOUNTS = "29 23 0:26 {inside} {root} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture
def proc(tmp_path):
    """Writes a /proc with one process of number 7, and returns it."""

    def write(mounts: str, groups: str) -> Path:
        folder = tmp_path / "proc"
        (folder / "7").mkdir(parents=True)
        (folder / "self").mkdir()
        (folder / "7/cgroup").write_text(groups)
        (folder / "self/mountinfo").write_text(mounts)
        return folder

    return write


def touch(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file.parent


def test_version_1_has_a_directory_for_each_controller(proc, tmp_path):
    memory = touch(tmp_path / "memory/docker/abc/memory.usage_in_bytes")
    cpu = touch(tmp_path / "cpuacct/docker/abc/cpuacct.usage")
    found = locate(7, proc(V1_MOUNTS.format(root=tmp_path), V1_GROUPS))
    assert found == Cgroups("/docker/abc", memory, cpu)


def test_version_2_has_one_directory(proc, tmp_path):
    scope = "/system.slice/docker-abc.scope"
    memory = touch(tmp_path / f"fs{scope}/memory.current")
    touch(memory / "cpu.stat")
    mounts = V2_MOUNTS.format(inside="/", root=tmp_path / "fs")
    assert locate(7, proc(mounts, f"0::{scope}\n")) == Cgroups(scope, memory, memory)


def test_a_mount_that_shows_a_part_of_the_hierarchy_is_followed(proc, tmp_path):
    memory = touch(tmp_path / "fs/abc/memory.current")
    mounts = V2_MOUNTS.format(inside="/outer", root=tmp_path / "fs")
    assert locate(7, proc(mounts, "0::/outer/abc\n")) == Cgroups("/outer/abc", memory, None)


def test_a_group_outside_of_what_is_mounted_has_no_directories(proc, tmp_path):
    mounts = V2_MOUNTS.format(inside="/outer", root=tmp_path / "fs")
    assert locate(7, proc(mounts, "0::/another\n")) == Cgroups("/another", None, None)


def test_hybrid_falls_back_to_version_2_where_version_1_lacks_a_controller(proc, tmp_path):
    unified = touch(tmp_path / "unified/docker/abc/memory.current")
    cpu = touch(tmp_path / "cpuacct/docker/abc/cpuacct.usage")
    found = locate(7, proc(V1_MOUNTS.format(root=tmp_path), V1_GROUPS))
    assert found == Cgroups("/docker/abc", unified, cpu)


def test_a_process_that_is_gone_has_none(proc, tmp_path):
    assert locate(8, proc(V1_MOUNTS.format(root=tmp_path), V1_GROUPS)) == Cgroups("", None, None)


def test_the_processes_of_a_group_are_listed(tmp_path):
    (tmp_path / "cgroup.procs").write_text("12\n345\n")
    assert pids_of(tmp_path) == (12, 345)


def test_a_group_that_is_gone_has_no_processes(tmp_path):
    assert pids_of(tmp_path / "absent") == ()
