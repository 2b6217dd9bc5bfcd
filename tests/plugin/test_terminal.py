"""The verdict table at the end of the session."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from gate_project import BROKEN, KEPT, gated


def section(result):
    """The lines from the section's head to the final line."""
    lines = result.stdout.lines
    begin = next(n for n, line in enumerate(lines) if line.strip("= ") == "modelgate")
    return lines[begin:]


def test_the_table_has_what_was_measured_gated_and_not(project):
    lines = section(project.gate())
    text = "\n".join(lines)
    assert "PASS  toy  test_toy.py::test_toy" in text
    header = next(line for line in lines if line.startswith("  metric"))
    assert header.split() == [
        "metric", "baseline", "measured", "change", "threshold", "could", "see", "verdict",
    ]  # fmt: skip
    gated_row = next(line for line in lines if line.startswith("  latency.p50"))
    assert "< 10 s" in gated_row
    assert gated_row.split()[-1] == "pass"
    ungated_row = next(line for line in lines if line.startswith("  memory.peak"))
    assert "MiB" in ungated_row
    assert ungated_row.split()[-1] == "–"
    assert "modelgate: pass (1 gate)" in lines


def test_the_verdicts_of_all_gates_are_counted(project):
    project.write_tests(gated(KEPT, name="test_kept"), gated(BROKEN, name="test_broken"))
    result = project.gate()
    result.stdout.fnmatch_lines(["PASS  toy  *", "BREACH  toy  *", "modelgate: breach (2 gates)"])


def test_an_inconclusive_metric_has_its_reason_below_the_table(project):
    project.write_tests(gated('@pytest.mark.latency(p50="+5 %", p90="+5 %")'))
    result = project.gate()
    result.stdout.fnmatch_lines(["  latency.p50, latency.p90: no baseline recorded for this test*"])


def test_q_leaves_the_table_alone(project):
    project.gate("-q").stdout.fnmatch_lines(["PASS  toy  *", "  latency.p50 *", "1 passed*"])


def test_a_log_is_not_wrapped_at_80_columns(project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    project.write_tests(gated(KEPT, name="test_with_a_name_that_is_" + "rather_" * 6 + "long"))
    lines = section(project.gate())
    assert any(line.endswith("rather_long") for line in lines)
    row = next(line for line in lines if line.startswith("  latency.p50"))
    assert row.split()[-1] == "pass"


def test_there_is_no_escape_sequence_in_a_log(project):
    assert "\x1b" not in project.gate("--color=no").stdout.str()


def test_colors_are_there_when_pytest_has_them(project):
    text = "\n".join(section(project.gate("--color=yes")))
    assert "\x1b[32mPASS\x1b[0m" in text


def test_without_modelgate_there_is_no_table(project):
    project.run().stdout.no_fnmatch_line("*= modelgate =*")


def test_the_failure_has_the_message_alone(project):
    project.write_tests(gated(BROKEN))
    result = project.gate()
    result.stdout.fnmatch_lines(
        [
            "*____ test_toy ____*",
            "modelgate: breach — toy: latency.p50",
            "  latency.p50: breach",
            "    beyond the limit < 1 ns, at 99 % confidence",
            "    measured  *, 1 run, 40 samples",
            "    threshold < 1 ns",
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(["FAILED test_toy.py::test_toy - Failed: modelgate: breach*"])


def test_in_ci_too_the_short_summary_has_the_headline_alone(project, monkeypatch):
    monkeypatch.setenv("CI", "true")  # by which pytest shows there what else it would cut short
    project.write_tests(gated(BROKEN))
    result = project.gate()
    assert result.stdout.str().count("threshold < 1 ns") == 1
    result.stdout.fnmatch_lines(
        ["FAILED test_toy.py::test_toy - Failed: modelgate: breach — toy: latency.p50", "=*"],
        consecutive=True,
    )


def test_on_a_terminal_the_progress_is_shown_and_taken_away(project):
    project.write_tests(gated(KEPT, load="@pytest.mark.load(duration='1.2 s', warmup=2)"))
    exit_code, shown = on_a_terminal("--modelgate", cwd=project.path)
    assert exit_code == 0, shown
    assert re.search(r"modelgate\S* toy: run 1 of 1", shown), shown
    assert re.search(r"\d+/\?", shown), "the number of requests so far"
    assert re.search(r"modelgate: \S*pass\S* \(1 gate\)", shown), shown


def on_a_terminal(*args, cwd):
    """Run pytest on a pseudo-terminal; return its exit code, and all that it showed."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "pytest", *args]
    with subprocess.Popen(command, cwd=cwd, env=env, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return process.returncode, shown.decode()


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: nobody has the other end open any more
        return b""
