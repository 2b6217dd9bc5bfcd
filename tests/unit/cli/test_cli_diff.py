"""``pytest-modelgate diff``."""

import numpy as np
import pytest
from baseline_samples import SERVER, TEST

from pytest_modelgate.tensors import Contract


def words(text):
    return " ".join(text.split())


@pytest.fixture
def recorded(repository):
    """One committed baseline."""
    repository.save(0.010)
    repository.commit()
    return repository


def test_what_is_as_head_has_it_is_no_difference(recorded):
    ended = recorded.run("diff", TEST, "--exit-code")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "no difference")
    ended = recorded.run("diff", "--exit-code")
    assert ended.code == 0
    assert ended.out == f"no baseline in {recorded.store.root} differs from HEAD's\n"


def test_a_metric_that_moved_is_shown_with_its_change_and_interval(recorded):
    recorded.save(0.020)
    out = words(recorded.run("diff", TEST).out)
    assert "latency.p50 10 ms 20 ms +100 % +99" in out
    assert "% moved" in out
    assert "memory.peak 287 MiB 287 MiB 0 % 0 % … 0 % within noise" in out
    assert "image.size 51.5 MiB 51.5 MiB 0 % – equal" in out
    assert "answers: all 6 elements match" in out
    assert "conditions" not in out
    assert "contract" not in out


@pytest.mark.parametrize(("p50_s", "state"), [(0.010001, "within noise"), (0.011, "moved")])
def test_a_difference_is_noise_or_not_as_an_update_has_it(recorded, p50_s, state):
    recorded.save(p50_s)
    row = next(it for it in recorded.run("diff", TEST).out.splitlines() if "latency.p50" in it)
    assert row.endswith(state)


def test_everything_else_that_differs_is_said(recorded):
    recorded.save(
        0.010,
        exact={"recall": 0.9, "new": 1.0},
        fingerprint={"cpu_model": "B", "cpu_count": "2"},
        provenance={"git_commit": "a\nb"},
        contract=Contract((), ()),
        answers={"0": {"label": np.zeros((2, 3), dtype=np.float32)}},
    )
    out = words(recorded.run("diff", TEST).out)
    assert "conditions: cpu_model: recorded 'A', now 'B'" in out
    assert "provenance: git_commit: recorded 'abc', now 'a\\nb'" in out
    assert "contract: input 'bytes' is gone output 'label' is gone" in out
    assert "answers: 5 of 6 elements differ" in out
    assert "image.size 51.5 MiB – – – moved" in out
    assert "new – 1 – – moved" in out
    assert "recall 0.93 0.9 -3.23 % – moved" in out


@pytest.mark.parametrize("was_declared", [True, False])
def test_a_contract_that_came_or_went_is_said(repository, was_declared):
    repository.save(**({} if was_declared else {"contract": None}))
    repository.commit()
    repository.save(**({"contract": None} if was_declared else {}))
    expected = "not declared, was declared" if was_declared else "declared, was not declared"
    assert f"contract: {expected}" in words(repository.run("diff", TEST).out)


def test_recorded_numbers_alone_are_compared_too(repository):
    repository.save(runs=(), answers={}, contract=None, exact={})
    repository.commit()
    repository.save(runs=(), answers={}, contract=None, exact={}, provenance={})
    out = repository.run("diff", TEST).out
    assert "metric" not in out
    assert "answers" not in out
    repository.save()
    assert "latency.p50 – 8.02 ms – – moved" in words(repository.run("diff", TEST).out)


def test_two_revisions_are_compared_whatever_the_working_tree_has(recorded):
    first = recorded.git("rev-parse", "HEAD").strip()
    recorded.save(0.020)
    recorded.commit()
    recorded.save(0.040)
    out = words(recorded.run("diff", TEST, first, "main").out)
    assert f"old: {first}, recorded" in out
    assert "new: main (" in out
    assert "10 ms 20 ms +100 %" in out
    assert "10 ms 40.1 ms +300 %" in words(recorded.run("diff", TEST, first).out)
    assert "20 ms 40.1 ms +100 %" in words(recorded.run("diff", TEST).out)


def test_without_a_name_all_that_differ_are_shown_new_and_removed_ones_too(recorded):
    recorded.save(test="changed")
    removed = recorded.save(test="removed")
    recorded.commit()
    recorded.save(0.020, test="changed")
    recorded.store.remove(removed)
    recorded.save(test="new")
    ended = recorded.run("diff", "--exit-code")
    assert ended.code == 1
    titles = [line for line in ended.out.splitlines() if line.startswith(f"{SERVER}/")]
    assert sorted(titles) == [f"{SERVER}/{name}" for name in ("changed", "new", "removed")]
    assert "old: HEAD" in ended.out
    assert "new: the working tree has none" in ended.out
    assert recorded.run("diff").code == 0


def test_a_damaged_one_is_an_error_in_the_end_and_the_others_are_shown(recorded):
    damaged = recorded.save(test="damaged")
    recorded.save(test="whole")
    recorded.commit()
    (damaged / "baseline.json").write_text("{")
    recorded.save(0.020, test="whole")
    ended = recorded.run("diff")
    assert ended.code == 2
    assert f"{SERVER}/whole" in ended.out
    assert "it is not valid JSON" in ended.err
    assert recorded.run("diff", "damaged").code == 2
    assert recorded.run("diff", "damaged", "HEAD", "HEAD").code == 0


def test_where_neither_side_has_it_that_is_an_error(recorded):
    first = recorded.git("rev-parse", "HEAD").strip()
    recorded.save(test="later")
    ended = recorded.run("diff", "later", first, "HEAD")
    assert ended.code == 2
    assert f"has the baseline {SERVER}/later" in ended.err


def test_before_the_first_commit_there_is_nothing_to_compare_with(repository):
    repository.save()
    for args in (["diff"], ["diff", TEST]):
        ended = repository.run(*args)
        assert ended.code == 2
        assert "'HEAD' names no commit" in ended.err
