"""The conditions of a measurement, and the state of the code."""

import os
import subprocess

import pytest

from pytest_modelgate.baselines import machine
from pytest_modelgate.baselines.machine import (
    cpu_model_in,
    git_provenance,
    machine_conditions,
)


def test_the_machines_conditions_are_the_same_text_every_time():
    conditions = machine_conditions()
    assert conditions == machine_conditions()
    assert sorted(conditions) == ["arch", "cpu_count", "cpu_model", "kernel", "os"]
    assert all(conditions.values())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux has CPU affinity")
def test_only_the_cpus_that_the_process_may_use_are_counted():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine_conditions()["cpu_count"] == "1"
    finally:
        os.sched_setaffinity(0, allowed)
    assert machine_conditions()["cpu_count"] == str(len(allowed))


def test_where_there_is_no_affinity_all_cpus_are_counted(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine_conditions()["cpu_count"] == str(os.cpu_count())


def test_the_model_stands_in_cpuinfo_once_for_each_cpu():
    text = "processor\t: 0\nmodel name\t: Xeon: fast\n\nprocessor\t: 1\nmodel name\t: other\n"
    assert cpu_model_in(text) == "Xeon: fast"


def test_an_arm_kernel_names_no_model_but_its_numbers():
    text = "processor : 0\nCPU implementer : 0x41\nCPU variant : 0x3\nCPU part : 0xd0c\nno colon\n"
    assert cpu_model_in(text) == "CPU implementer 0x41, CPU part 0xd0c, CPU variant 0x3"


def test_a_cpuinfo_that_says_nothing_gives_nothing():
    assert cpu_model_in("") == ""


def test_without_cpuinfo_the_platform_says_what_it_knows(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "absent")
    assert machine_conditions()["cpu_model"]


def test_on_macos_sysctl_is_asked(monkeypatch, tmp_path):
    sysctl = tmp_path / "sysctl"
    sysctl.write_text('#!/bin/sh\necho "M9 $*"\n')
    sysctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert machine_conditions()["cpu_model"] == "M9 -n machdep.cpu.brand_string"


def git(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "server.go").write_text("package main\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_a_clean_work_tree_has_its_commit_also_from_a_folder_below(repository):
    (repository / "untracked").mkdir()
    (repository / "untracked" / "file").write_text("")
    provenance = git_provenance(repository / "untracked")
    assert len(provenance["git_commit"]) == 40
    assert provenance["git_dirty"] == "false"


def test_a_changed_file_makes_it_dirty(repository):
    (repository / "server.go").write_text("package other\n")
    assert git_provenance(repository)["git_dirty"] == "true"


def test_a_baseline_that_was_just_recorded_does_not_make_it_dirty(repository):
    folder = repository / "baselines" / "toy" / "test"
    folder.mkdir(parents=True)
    for name in ("baseline.json", "answers-0123456789ab.safetensors"):
        (folder / name).write_text("old\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "baselines")
    for path in folder.iterdir():
        path.write_text("new\n")
    assert git_provenance(folder)["git_dirty"] == "false"
    (repository / "server.go").write_text("package other\n")
    assert git_provenance(folder)["git_dirty"] == "true"


def test_no_commit_yet_is_no_provenance(tmp_path):
    git(tmp_path, "init")
    assert git_provenance(tmp_path) == {}


def test_no_repository_is_no_provenance(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_provenance(tmp_path) == {}


def test_no_git_is_no_provenance(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_provenance(repository) == {}


def test_a_git_that_hangs_is_no_provenance(repository, monkeypatch, tmp_path):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(machine, "_GIT_TIMEOUT_S", 0.05)
    assert git_provenance(repository) == {}
