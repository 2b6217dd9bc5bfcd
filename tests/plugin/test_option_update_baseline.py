"""``--update-baseline``: what is recorded, what is refused, and what is shown."""

import json

import pytest
from gate_project import BROKEN, KEPT, gated

DRIFT = "@pytest.mark.drift()"


def test_without_a_baseline_a_gate_against_it_fails_and_says_how_to_record_one(project):
    project.write_tests(gated(DRIFT))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*no baseline recorded for this test: run pytest --modelgate --update-baseline*"]
    )
    assert project.baselines() == {}


def test_it_turns_the_gates_on_and_records_what_later_runs_are_held_against(project):
    project.write_tests(gated(DRIFT))
    project.run("--update-baseline").assert_outcomes(passed=1)
    assert [name.split("/")[0] for name in project.baselines()] == ["toy", "toy"]
    before = project.baselines()
    project.gate().assert_outcomes(passed=1)
    assert project.the_gate()["recorded"] is None
    assert project.baselines() == before


def test_no_modelgate_beside_it_measures_nothing(project):
    project.run("--update-baseline", "--no-modelgate").assert_outcomes(skipped=1)
    assert project.baselines() == {}


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_asks_for_it(project, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(file, update_baseline=True)
    project.gate().assert_outcomes(passed=1)
    assert project.the_gate()["recorded"] == "recorded"


def test_the_environment_asks_for_it(project, monkeypatch):
    monkeypatch.setenv("MODELGATE_UPDATE_BASELINE", "1")
    project.run().assert_outcomes(passed=1)
    assert project.baselines()


def test_the_terminal_says_what_was_recorded_and_shows_old_and_new(project):
    number = 'modelgate.record("recall", {}, threshold="-1 %")'
    project.write_tests(gated(body=number.format(0.93)))
    project.gate("--update-baseline").stdout.fnmatch_lines(
        ["PASS  toy  test_toy.py::test_toy  baseline recorded", "*recall*–*0.93*–*-1 %*pass*"]
    )
    project.write_tests(gated(body=number.format(0.5)))
    project.gate("--update-baseline").stdout.fnmatch_lines(
        ["*baseline recorded", "*recall*0.93*0.5*-46.2 %*-1 %*pass*"]
    )
    project.gate("--update-baseline").stdout.fnmatch_lines(
        ["*baseline unchanged", "*recall*0.5*0.5*0 %*"]
    )
    assert project.the_gate()["recorded"] == "unchanged"


def test_numbers_that_did_not_move_leave_the_files_alone(project):
    project.write_tests(gated(body='modelgate.record("recall", 0.93, threshold="-1 %")'))
    project.record()
    before = project.baselines()
    project.record()
    assert project.baselines() == before


def test_a_broken_absolute_threshold_records_nothing(project):
    project.write_tests(gated(KEPT, DRIFT))
    project.record()
    before = project.baselines()
    project.write_tests(gated(BROKEN, DRIFT))
    result = project.gate("--update-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nothing was recorded: the baseline in git is as it was"])
    assert project.the_gate()["recorded"] == "refused"
    assert project.baselines() == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"fault": "error-500", "after": 20, "for": 2}, "*2 of 45 requests failed: HTTP 500*"),
        ({"fault": "drift", "after": 20, "every": 2}, "*elements differ*"),
        ({"fault": "nan"}, "*a NaN or an infinity matches nothing*"),
    ],
    ids=["failed requests", "two answers to one input", "NaN"],
)
def test_a_run_that_cannot_be_relied_on_is_not_recorded(project, flags, said):
    project.configure(flags=flags)
    project.write_tests(gated(DRIFT))
    result = project.gate("--update-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])
    assert project.the_gate()["recorded"] == "refused"
    assert project.baselines() == {}


def test_a_run_too_noisy_for_its_threshold_is_not_recorded(project):
    project.write_tests(gated('@pytest.mark.latency(mean="+0.001 %")'))
    project.configure(runs=2)
    result = project.gate("--update-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*only a change of * could have been seen, and 0.001 % is allowed*"]
    )
    assert project.baselines() == {}


def test_a_test_that_fails_by_itself_records_nothing(project):
    project.write_tests(gated(KEPT, body="modelgate.check(INPUTS)\nassert 1 == 2"))
    project.gate("--update-baseline").assert_outcomes(failed=1)
    assert project.baselines() == {}


def test_changed_answers_are_recorded_with_the_old_numbers_beside_them(project):
    project.write_tests(gated(DRIFT))
    project.record()
    before = project.baselines()
    project.configure(flags={"fault": "drift", "eps": 1})
    project.gate().assert_outcomes(failed=1)
    project.record()
    assert project.baselines() != before
    assert len(project.baselines()) == len(before) == 2  # the former answers are gone
    project.gate().assert_outcomes(passed=1)


def test_a_damaged_baseline_is_refused_and_replaced_by_an_update(project):
    project.write_tests(gated(DRIFT))
    project.record()
    document = next((project.path / "baselines").rglob("baseline.json"))
    document.write_text(document.read_text()[:-20])
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*cannot use the baseline *"])
    project.record()
    project.gate().assert_outcomes(passed=1)


def test_the_recorded_document_has_sorted_keys_and_names_its_test(project):
    project.record()
    (text,) = (text for name, text in project.baselines().items() if name.endswith(".json"))
    document = json.loads(text)
    assert document["test"] == "test_toy.py::test_toy"
    assert list(document) == sorted(document)
