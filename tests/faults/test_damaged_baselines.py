"""A baseline that is absent, damaged or not this measurement's, and a disk that takes none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fault_project import FaultProject, MakeProject

# With so few and short runs only memory is steady enough to be held against a baseline.
ABSOLUTE = "@pytest.mark.load(requests=40, warmup=5)\n@pytest.mark.drift()"
RELATIVE = f'{ABSOLUTE}\n@pytest.mark.memory(peak="+900 %")'
THREE = {"runs": 3}
RECORD = "run pytest --modelgate --update-baseline"


@pytest.fixture
def project(fault_project: MakeProject) -> FaultProject:
    """A project with a baseline."""
    project = fault_project(marks=RELATIVE, settings=THREE)
    project.record_baseline()
    return project


def the_file(project: FaultProject, pattern: str = "*/*/baseline.json") -> Path:
    (path,) = project.baselines.glob(pattern)
    return path


def edit(project: FaultProject, change: Callable[[dict[str, object]], None]) -> None:
    path = the_file(project)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_whole_baseline_is_compared_with(project: FaultProject) -> None:
    run = project.run("--modelgate")
    assert run.exit_code == 0, run.output
    assert run.metric("memory.peak")["method"] == "stored"
    run.assert_nothing_left()


def test_no_baseline(fault_project: MakeProject) -> None:
    run = fault_project(marks=RELATIVE).run("--modelgate")
    run.assert_one_message(
        "modelgate: inconclusive — toy",
        "memory.peak, drift.mismatched, contract: inconclusive",
        f"no baseline recorded for this test: {RECORD}",
    )


def test_the_baseline_of_a_test_that_was_renamed(project: FaultProject) -> None:
    project.test_file.write_text(project.test_file.read_text().replace("test_toy", "test_renamed"))
    run = project.run("--modelgate")
    run.assert_one_message(f"no baseline recorded for this test: {RECORD}")
    assert run.gate["verdict"] == "inconclusive"


def test_a_truncated_baseline(project: FaultProject) -> None:
    path = the_file(project)
    path.write_bytes(path.read_bytes()[:200])
    project.run("--modelgate").assert_one_message(
        f"cannot use the baseline {path.parent}: it is not valid JSON",
        "to do:    restore it (`git checkout`), or record anew",
    )


def test_a_baseline_with_the_marks_of_a_merge_conflict(project: FaultProject) -> None:
    path = the_file(project)
    text = path.read_text()
    path.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> slower\n")
    project.run("--modelgate").assert_one_message(
        "it holds the marks of a git merge conflict", "to do:    take one side (`git checkout"
    )


def test_a_baseline_of_a_newer_version(project: FaultProject) -> None:
    edit(project, lambda document: document.update(schema="modelgate-baseline/2"))
    project.run("--modelgate").assert_one_message(
        "it was written by a newer pytest-modelgate",
        "expected: modelgate-baseline/1",
        "got:      modelgate-baseline/2",
        "to do:    upgrade pytest-modelgate",
    )


def test_a_baseline_of_another_test(project: FaultProject) -> None:
    edit(project, lambda document: document.update(test="test_toy.py::test_other"))
    project.run("--modelgate").assert_one_message(
        "it belongs to another test", "got:      test_toy.py::test_other on toy"
    )


def test_answers_that_are_not_the_ones_recorded(project: FaultProject) -> None:
    path = the_file(project, "*/*/answers-*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    project.run("--modelgate").assert_one_message(
        f"{path.name} is not the file that was recorded", "expected: SHA-256 "
    )


def test_answers_that_are_missing(project: FaultProject) -> None:
    path = the_file(project, "*/*/answers-*.safetensors")
    path.unlink()
    project.run("--modelgate").assert_one_message(f"its answers are missing: {path.name}")


def test_a_baseline_for_another_workload(project: FaultProject) -> None:
    text = project.test_file.read_text()
    project.test_file.write_text(text.replace("np.full((1, 4), i,", "np.full((1, 4), i + 1,"))
    project.run("--modelgate").assert_one_message(
        "memory.peak, drift.mismatched, contract: inconclusive",
        f"recorded for another workload: the inputs have changed since; {RECORD}",
    )


def test_a_baseline_of_another_machine_compares_answers_and_no_memory(
    project: FaultProject,
) -> None:
    edit(project, lambda document: document["fingerprint"].update(cpu_model="Z80"))  # type: ignore[attr-defined]
    run = project.run("--modelgate")
    run.assert_one_message(
        "memory.peak: inconclusive", "recorded under other conditions: cpu_model: recorded 'Z80'"
    )
    assert run.metric("drift.mismatched")["verdict"] == "pass"


def test_a_damaged_baseline_is_replaced_by_an_update(project: FaultProject) -> None:
    path = the_file(project)
    path.write_bytes(path.read_bytes()[:200])
    assert project.run("--update-baseline").exit_code == 0
    assert project.run("--modelgate").exit_code == 0


@pytest.fixture
def changed(project: FaultProject) -> FaultProject:
    """A project with a baseline that an update would replace."""
    text = project.test_file.read_text()
    project.test_file.write_text(text.replace("np.full((1, 4), i,", "np.full((1, 4), i + 1,"))
    return project


def test_a_folder_that_cannot_be_written(changed: FaultProject) -> None:
    """A file stands in its place: unlike the permissions, that stops root, too."""
    project = changed
    blocked = project.path / "blocked"
    blocked.write_text("")
    project.settings = {**THREE, "baselines": "blocked"}
    project.inject(None)
    run = project.run("--update-baseline")
    run.assert_one_message(f"cannot write the baseline {blocked}/toy/", "Not a directory")
    assert blocked.read_text() == ""


ON_A_FULL_DISK = """\
import os
from pathlib import Path

FOLDER = Path({folder!r})


def pytest_runtest_call():
    # /dev/full takes what a full disk takes.
    for name in {names}:
        (FOLDER / f".{{name}}.{{os.getpid()}}.tmp").symlink_to("/dev/full")
"""


@pytest.mark.parametrize("pattern", ["baseline.json", "answers-*.safetensors"])
def test_a_full_disk_leaves_the_former_baseline(changed: FaultProject, pattern: str) -> None:
    folder = the_file(changed).parent
    recorded = changed.path / "elsewhere"
    names = [pattern]
    if "*" in pattern:  # the name comes from what is in it, so record the same once to learn it
        changed.settings = {**THREE, "baselines": str(recorded)}
        changed.inject(None)
        assert changed.run("--update-baseline").exit_code == 0
        names = [path.name for path in recorded.glob(f"*/*/{pattern}")]
        changed.settings = THREE
        changed.inject(None)
    (changed.path / "conftest.py").write_text(
        ON_A_FULL_DISK.format(folder=str(folder), names=names)
    )
    run = changed.run("--update-baseline")
    run.assert_one_message(
        f"cannot write the baseline {folder}",
        "No space left on device",
        "to do:    make the folder writable, or make room; no baseline is left half written",
    )


def test_two_xdist_workers_update_at_once_and_none_is_lost(fault_project: MakeProject) -> None:
    marks = f'{ABSOLUTE}\n@pytest.mark.parametrize("shift", [0, 1, 2, 3])'
    project = fault_project(
        marks=marks,
        arguments="modelgate, shift",
        body='modelgate.check([{"x": np.full((1, 4), shift, np.float32)}])',
    )
    run = project.run("-n", "2", "--update-baseline")
    assert run.exit_code == 0, run.output
    assert run.leftovers == ()
    assert len(list(project.baselines.glob("*/*/baseline.json"))) == 4
    compared = project.run("-n", "2", "--modelgate")
    assert compared.exit_code == 0, compared.output
    compared.assert_nothing_left()
    assert compared.report is not None
    assert [gate["verdict"] for gate in compared.report["gates"]] == ["pass"] * 4


def test_two_sessions_update_one_baseline_at_once_and_it_is_whole(changed: FaultProject) -> None:
    with changed.start("--update-baseline") as one, changed.start("--update-baseline") as other:
        runs = [one.finish(), other.finish()]
    assert [run.exit_code for run in runs] == [0, 0], runs[0].output + runs[1].output
    assert changed.run("--modelgate").exit_code == 0
