"""Servers as plain processes: real ones."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

import psutil
import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import ConfigError, ServerError
from pytest_modelgate.servers.command import command_sha256
from pytest_modelgate.servers.owner import Session, start_mark
from pytest_modelgate.servers.process import ProcessKind
from pytest_modelgate.servers.server import Exit
from pytest_modelgate.servers.strays import reap_processes

FOREVER = "import sys, time; print('up', *sys.argv[1:], flush=True); time.sleep(3600)"


@pytest.fixture
def session():
    """A session of the test's own."""
    return Session.current()


@pytest.fixture
def kind(session, tmp_path):
    """The kind under test; nothing of it may be left in the end."""
    kind = ProcessKind(session, tmp_path)
    yield kind
    kind.stop_all()
    assert reap_processes(session.__eq__) == []


def python(code, *args, **keys) -> ServerSpec:
    keys = {"port": 1, **keys}
    command = (sys.executable, "-c", code)
    return ServerSpec(
        name="toy", runtime="process", protocol="json", command=command, args=args, **keys
    )


def wait_for_log(server, lines=1):
    while len(log := server.log_tail()) < lines:
        assert server.exit() is None, server.log_tail()
        time.sleep(0.01)
    return log


def wait_for_end(server):
    while (ended := server.exit()) is None:
        time.sleep(0.01)
    return ended


def test_a_command_runs_with_its_placeholders_filled(kind):
    server = kind.start(python(FOREVER, "{host}:{port}", "{}"))
    assert wait_for_log(server) == (f"up 127.0.0.1:{server.port} {{}}",)
    assert server.port != 1
    assert (server.host, server.network, server.tls) == ("127.0.0.1", "loopback", False)
    assert server.exit() is None


def test_without_a_placeholder_the_port_is_the_one_given(kind):
    assert kind.start(python(FOREVER, port=8123)).port == 8123


def test_the_environment_is_inherited_and_added_to(kind, monkeypatch):
    monkeypatch.setenv("FROM_PYTEST", "yes")
    code = "import os; print(os.environ['FROM_PYTEST'], os.environ['ADDR'])"
    server = kind.start(python(code, env={"ADDR": "{host}:{port}"}))
    assert wait_for_end(server) == Exit(0)
    assert server.log_tail() == (f"yes 127.0.0.1:{server.port}",)


def test_a_command_runs_in_the_folder_of_the_configuration_or_in_its_workdir(kind, tmp_path):
    (tmp_path / "other").mkdir()
    code = "import os; print(os.getcwd())"
    for workdir, expected in ((None, tmp_path), (tmp_path / "other", tmp_path / "other")):
        server = kind.start(python(code, workdir=workdir))
        wait_for_end(server)
        assert server.log_tail() == (str(expected),)


def test_stdout_and_stderr_are_one_log_of_which_the_last_lines_are_shown(kind):
    code = "import sys\nfor i in range(60): print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=1)"
    server = kind.start(python(code))
    wait_for_end(server)
    assert server.log_tail() == tuple(map(str, range(10, 60)))
    assert server.log_tail(2) == ("58", "59")


def test_the_log_of_a_chatty_server_is_read_from_its_end(kind):
    code = "print(*('x' * 99 for _ in range(20_000)), 'last', sep='\\n')"
    server = kind.start(python(code))
    wait_for_end(server)
    assert server.log_tail(2) == ("x" * 99, "last")


def test_the_log_outlives_the_server(kind):
    server = kind.start(python(FOREVER))
    wait_for_log(server)
    server.stop()
    assert server.log_tail() == ("up",)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; sys.exit(3)", Exit(3)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Exit(-9)),
    ],
)
def test_exit_tells_the_code_or_the_signal(kind, code, expected):
    assert wait_for_end(kind.start(python(code))) == expected


def test_stopping_ends_it_by_sigterm_and_again_does_nothing(kind):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))\n"
        "print('up', flush=True); time.sleep(3600)"
    )
    server = kind.start(python(code))
    wait_for_log(server)
    server.stop()
    server.stop()
    assert server.log_tail() == ("up", "bye")
    assert server.exit() == Exit(0)


def test_a_server_that_ignores_sigterm_is_killed(kind):
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER
    server = kind.start(python(ignore))
    wait_for_log(server)
    server.stop()
    assert server.exit() == Exit(-signal.SIGKILL)


GRANDCHILD = """\
import os, subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); "
     "print('deaf', flush=True); time.sleep(3600)"], start_new_session={moves})
print(child.pid, flush=True)
{then}
"""


@pytest.mark.parametrize("moves", [False, True], ids=["in its group", "in a session of its own"])
@pytest.mark.parametrize("then", ["time.sleep(3600)", ""], ids=["alive", "ended"])
def test_grandchildren_are_killed_wherever_they_moved_even_if_the_server_ended(kind, moves, then):
    server = kind.start(python(GRANDCHILD.format(moves=moves, then=then)))
    if then:
        log = wait_for_log(server, 2)
        assert len(server.accounting.pids()) == 2
    else:
        wait_for_end(server)
        while len(log := server.log_tail()) < 2:
            time.sleep(0.01)
    grandchild = psutil.Process(int(next(line for line in log if line.isdigit())))
    assert grandchild.is_running()
    server.stop()
    with contextlib.suppress(psutil.NoSuchProcess):  # reaped by whoever inherits it, or a zombie
        assert grandchild.status() == psutil.STATUS_ZOMBIE


def test_stop_all_stops_every_server_even_if_one_refuses(kind, monkeypatch):
    one, two, three = (kind.start(python(FOREVER)) for _ in range(3))
    stop, two_stop = two.stop, OSError("as if")

    def refuse():
        stop()
        raise two_stop

    monkeypatch.setattr(two, "stop", refuse)
    with pytest.raises(OSError, match="as if"):
        kind.stop_all()
    assert None not in (one.exit(), two.exit(), three.exit())
    kind.stop_all()


def test_a_server_gets_a_process_group_of_its_own(kind):
    server = kind.start(python(FOREVER))
    (pid,) = server.accounting.pids()
    assert os.getpgid(pid) == os.getsid(pid) == pid


def test_a_server_that_ended_has_no_processes(kind):
    server = kind.start(python("pass"))
    wait_for_end(server)
    assert server.accounting.pids() == ()


def test_what_is_served_is_the_command_as_configured_and_a_digest_of_its_files(kind, tmp_path):
    server_spec = python("pass", "--port", "{port}")
    server = kind.start(server_spec)
    assert server.provenance == {
        "command": f"{sys.executable} -c pass --port '{{port}}'",
        "command_sha256": command_sha256(server_spec, tmp_path),
    }
    assert server.image_bytes is None


@pytest.mark.parametrize(
    ("limits", "cpus", "memory"),
    [
        ({}, "unlimited", "unlimited"),
        ({"cpus": 1, "memory_bytes": 2**20}, "1, not enforced", "1 MiB, not enforced"),
    ],
)
def test_limits_are_said_not_to_be_enforced(kind, limits, cpus, memory):
    assert kind.start(python("pass", **limits)).conditions == {
        "engine": "none: a plain process",
        "network": "loopback",
        "cpus": cpus,
        "memory": memory,
    }


def script(path, text="#!/bin/sh\necho $0\n", mode=0o755):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def run(kind, *command, **keys):
    server = kind.start(
        ServerSpec(name="toy", runtime="process", protocol="json", command=command, port=1, **keys)
    )
    wait_for_end(server)
    return server.log_tail()


def test_a_program_with_a_slash_is_relative_to_the_workdir(kind, tmp_path):
    program = script(tmp_path / "bin" / "server")
    assert run(kind, "./bin/server") == (str(program),)
    assert run(kind, "./server", workdir=tmp_path / "bin") == (str(program),)
    assert run(kind, str(program)) == (str(program),)


def test_a_program_without_a_slash_is_looked_up_in_the_path_that_env_may_set(kind, tmp_path):
    program = script(tmp_path / "bin" / "modelgate-toy-server")
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    assert run(kind, "modelgate-toy-server", env={"PATH": path}) == (str(program),)


def test_a_program_that_is_not_in_the_path_is_reported_by_name(kind):
    with pytest.raises(ServerError, match="there is no program 'modelgate-absent' on the PATH"):
        run(kind, "modelgate-absent")


def test_a_program_that_is_not_there_is_reported_by_its_path(kind, tmp_path):
    with pytest.raises(ServerError, match=f"there is no program {tmp_path / 'absent'}"):
        run(kind, "./absent")


def test_a_program_that_is_not_executable_is_reported_by_its_path(kind, tmp_path):
    program = script(tmp_path / "server", mode=0o644)
    with pytest.raises(ServerError, match=f"{program} is not executable"):
        run(kind, "./server")


def test_a_program_that_the_system_refuses_is_reported_by_its_path(kind, tmp_path):
    program = script(tmp_path / "server", text="no program at all")
    with pytest.raises(ServerError, match=f"cannot be run: {program}") as caught:
        run(kind, "./server")
    assert caught.value.got == "Exec format error"


def test_a_workdir_that_is_not_there_is_reported(kind, tmp_path):
    with pytest.raises(ServerError, match="cannot be run") as caught:
        kind.start(python("pass", workdir=tmp_path / "absent"))
    assert caught.value.got == "No such file or directory"


def test_a_server_without_a_port_is_refused_before_it_is_started(kind):
    with pytest.raises(ConfigError, match="on which port"):
        kind.prepare(python("pass", port=None))


@pytest.mark.parametrize(
    "keys", [{"args": ("{port}",)}, {"env": {"P": "{port}"}}, {"command": ("true", "{port}")}]
)
def test_a_port_may_be_told_by_argument_variable_or_command(kind, keys):
    spec = {"name": "toy", "runtime": "process", "protocol": "json", "command": ("true",), **keys}
    kind.prepare(ServerSpec(**spec))


def test_a_server_with_nothing_to_run_is_refused(kind):
    with pytest.raises(ConfigError, match="nothing to run as a process"):
        kind.prepare(ServerSpec(name="toy", runtime="process", protocol="json"))


def test_a_process_is_fresh(kind):
    assert kind.start(python(FOREVER)).is_fresh


def test_a_log_is_closed_and_kept_even_if_a_process_may_not_be_killed(kind, monkeypatch):
    child = "import time; print('up', flush=True); time.sleep(3600)"
    server = kind.start(
        python(
            "import subprocess, sys; "
            f"subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
        )
    )
    wait_for_log(server)
    (_, moved) = server.accounting.pids()

    def refuse(process):
        raise psutil.AccessDenied(process.pid)

    with monkeypatch.context() as patched:
        patched.setattr(psutil.Process, "kill", refuse)
        with pytest.raises(ServerError, match=f"process {moved} may not be killed"):
            server.stop()
    assert server._log.closed
    assert server.log_tail() == ("up",)
    server.stop()
    assert start_mark(moved) is None
