"""Answers that are not what the server declares, or not what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fault_project import FaultProject, MakeProject
    from gate_run import GateRun

DRIFT = """\
@pytest.mark.load(requests=100, warmup=5)
@pytest.mark.latency(p50="< 1 s")
@pytest.mark.drift()"""


def gated(project: FaultProject) -> GateRun:
    project.record_baseline()
    return project.run("--modelgate")


UNDECLARED = {
    "wrong-shape": "output 'y' has shape [1, 4], declared [-1, 3]",
    "wrong-dtype": "output 'y' is FP64, declared FP32",
    "missing-output": "declared output 'label' is missing",
    "extra-output": "output 'extra' is not declared",
    "other-contract": "output 'y' is FP32, declared FP64; output 'y' has shape [1, 3], declared",
}


@pytest.mark.parametrize("fault", UNDECLARED)
def test_an_answer_that_the_server_does_not_declare(fault_project: MakeProject, fault: str) -> None:
    run = gated(fault_project(fault, marks=DRIFT))
    run.assert_one_message(
        "the answer to 'row0' is not what the server declares",
        UNDECLARED[fault],
        "to do:    the server's metadata and its answers must agree",
        "| listening on ",
    )


@pytest.mark.parametrize("fault", ["wrong-dtype", "missing-output"])
def test_an_answer_that_the_server_does_not_declare_under_load_is_a_failed_request(
    fault_project: MakeProject, fault: str
) -> None:
    """8 inputs are asked for before the load, and 5 in the warm-up: 32 of the 100 precede it."""
    run = gated(fault_project(fault, after=45, marks=DRIFT))
    run.assert_one_message(
        "errors.rate: breach",
        "136 of 224 requests failed: the answer to 'row",
        UNDECLARED[fault],
        "threshold <= 0",
    )


def test_a_contract_that_changed_together_with_the_answers(fault_project: MakeProject) -> None:
    run = gated(fault_project("other-contract,wrong-dtype,wrong-shape", marks=DRIFT))
    run.assert_one_message(
        "contract: breach",
        "output 'y' is FP64, was FP32; output 'y' has shape [-1, 4], was [-1, 3]",
        "output 'y' has dtype float64, the baseline float32, for input 'row0' and 7 more",
        "threshold <= 0",
    )
    assert run.metric("contract")["verdict"] == "breach"


ODD = {"nan": "expected 0.5, got nan", "inf": "expected 0.5, got inf"}


@pytest.mark.parametrize("fault", ODD)
def test_what_is_no_number_matches_nothing(fault_project: MakeProject, fault: str) -> None:
    run = gated(fault_project(fault, marks=DRIFT))
    run.assert_one_message(
        "drift.mismatched: breach",
        "8 of 32 elements differ from the baseline's by more than allowed",
        f"worst: input 'row0', output 'y' at [0, 0]: {ODD[fault]}",
    )


@pytest.mark.parametrize("fault", ODD)
def test_what_is_no_number_is_not_recorded(fault_project: MakeProject, fault: str) -> None:
    """It would match nothing later: not even itself."""
    project = fault_project(fault, marks=DRIFT)
    project.record_baseline()
    run = project.run("--update-baseline")
    run.assert_one_message(
        "drift.mismatched: breach", "nothing was recorded: the baseline in git is as it was"
    )


def test_answers_that_moved(fault_project: MakeProject, runtime: str) -> None:
    run = gated(fault_project("drift", runtime=runtime, marks=DRIFT))
    run.assert_one_message(
        "drift.mismatched: breach",
        "24 of 32 elements differ from the baseline's by more than allowed",
        "worst: input 'row0', output 'y'",
    )


@pytest.mark.parametrize(("eps", "moved"), [("0.001", False), ("0.1", True)])
def test_answers_that_moved_no_more_than_the_marker_allows(
    fault_project: MakeProject, eps: str, moved: bool
) -> None:
    marks = DRIFT.replace("drift()", "drift(atol=0.01, rtol=0)")
    run = gated(fault_project("drift", eps=eps, marks=marks))
    assert run.exit_code == moved, run.output


def test_answers_that_move_only_under_load(fault_project: MakeProject) -> None:
    """Alone, each input gets the answer of the baseline; two at a time do not."""
    marks = DRIFT.replace("requests=100", "requests=100, concurrency=2")
    work = {"work": "2ms"}
    run = gated(fault_project("drift-under-load", marks=marks, always=work))
    run.assert_one_message("drift.mismatched: breach", "worst: input 'row", "output 'y'")


JSON_CHANGES = {
    "missing-output": "label",
    "extra-output": "extra",
    "wrong-shape": "scores",
    "nan": "scores",
}


@pytest.mark.parametrize("fault", JSON_CHANGES)
def test_json_that_changed(fault_project: MakeProject, fault: str) -> None:
    """A JSON endpoint declares nothing, so that only the baseline knows its answers."""
    run = gated(fault_project(fault, protocol="json", marks=DRIFT))
    run.assert_one_message("modelgate: breach — toy", JSON_CHANGES[fault])
