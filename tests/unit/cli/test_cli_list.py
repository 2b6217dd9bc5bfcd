"""``pytest-modelgate list``, and what all subcommands share."""

import json
import subprocess
import sys

import pytest
from baseline_samples import SERVER, TEST


def test_it_names_every_baseline_with_its_headline_numbers(repository):
    repository.save()
    repository.save(server="other", test="t.py::test_b", provenance={})
    ended = repository.run("list")
    assert ended.code == 0
    heading, first, second = ended.out.splitlines()
    assert heading.split() == ["server", "test", "recorded", "at", "commit", "runs",
                               "latency.p50", "memory.peak", "size"]  # fmt: skip
    for part in (SERVER, TEST, "2025-03-01 12:00:00", "abc", "5", "8.02 ms", "287 MiB", "KiB"):
        assert part in first
    assert second.startswith("other")
    assert "–" in second  # no commit


def test_without_baselines_it_says_so(repository):
    ended = repository.run("list")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"no baselines in {repository.path / 'baselines'}\n"


def test_a_damaged_one_is_listed_with_its_reason_and_is_an_error_in_the_end(repository):
    damaged = repository.save()
    (damaged / "baseline.json").write_text("{")
    repository.save(server="other")
    ended = repository.run("list")
    assert ended.code == 2
    assert f"damaged: cannot use the baseline {damaged}: it is not valid JSON" in ended.out
    assert "other" in ended.out


def test_a_baseline_in_anothers_folder_is_damaged(repository):
    folder = repository.save()
    folder.rename(folder.with_name("renamed-by-hand"))
    ended = repository.run("list")
    assert ended.code == 2
    assert "it belongs to another test" in ended.out


def test_a_folder_without_a_document_and_files_beside_them_are_no_baselines(repository):
    folder = repository.save()
    (folder.parent / "empty").mkdir()
    (folder.parent / "README").write_text("")
    (repository.store.root / ".hidden" / "x").mkdir(parents=True)
    (repository.store.root / ".hidden" / "x" / "baseline.json").write_text("")
    assert len(repository.run("list").out.splitlines()) == 2


def test_tools_get_json(repository):
    repository.save()
    (repository.save(server="broken") / "baseline.json").write_text("")
    ended = repository.run("list", "--json")
    document = json.loads(ended.out)
    assert (ended.code, document["schema"]) == (2, "modelgate-list/1")
    broken, whole = document["baselines"]
    assert (broken["server"], broken["test"], broken["runs"]) == ("broken", None, None)
    assert "not valid JSON" in broken["damage"]
    assert (whole["server"], whole["test"], whole["runs"]) == (SERVER, TEST, 5)
    assert whole["medians"]["latency.p50"] == pytest.approx(0.008016)
    assert whole["damage"] is None


def test_names_that_would_disturb_a_terminal_are_written_out(repository):
    repository.save(test="t.py::test[\x1b[31m\n[bold]é]")
    out = repository.run("list").out
    assert "t.py::test[\\x1b[31m\\n[bold]é]" in out
    assert len(out.splitlines()) == 2


def test_the_folder_is_the_command_lines_then_the_environments_then_the_files(
    repository, monkeypatch
):
    def folder(*args):
        return repository.run("list", *args).out.split(" in ")[1].strip()

    assert folder() == f"{repository.path / 'baselines'}"
    (repository.path / "modelgate.toml").write_text('baselines = "by-file"')
    assert folder() == f"{repository.path / 'by-file'}"
    monkeypatch.setenv("MODELGATE_BASELINES", "by-environment")
    assert folder() == f"{repository.path / 'by-environment'}"
    assert folder("--baselines", "by-argument") == f"{repository.path / 'by-argument'}"


def test_a_configuration_that_cannot_be_read_is_an_error_in_a_sentence(repository):
    (repository.path / "modelgate.toml").write_text('baseline = "x"')
    ended = repository.run("list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("pytest-modelgate: ")
    assert "did you mean 'baselines'?" in ended.err


def test_a_file_in_the_place_of_the_folder_is_an_error_in_a_sentence(repository):
    (repository.path / "baselines").write_text("")
    ended = repository.run("list")
    assert ended.code == 2
    assert ended.err.startswith("pytest-modelgate: cannot look for baselines in ")


@pytest.mark.parametrize("args", [[], ["lists"], ["list", "--nonsense"], ["show"]])
def test_wrong_arguments_are_an_error_with_the_usage(repository, args):
    with pytest.raises(SystemExit, match="2"):
        repository.run(*args)


def test_whoever_reads_only_the_beginning_of_the_output_sees_no_traceback(repository):
    repository.save()
    command = [sys.executable, "-m", "pytest_modelgate.cli.main", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert err == b""
    assert process.returncode == 2
