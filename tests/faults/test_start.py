"""A server, an image or an engine that does not come up: one message each, and nothing measured."""

from __future__ import annotations

import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from fault_project import FaultProject, MakeProject

IMPATIENT = {"ready_timeout": "1 s"}


def given_up_soon(project: FaultProject) -> FaultProject:
    """Record a baseline, and give the faulty server less time than the healthy one had."""
    project.record_baseline()
    project.server = {**project.server, **IMPATIENT}
    project.inject(project.fault, **project.options)
    return project


def test_a_server_that_exits_at_once_is_told_of_within_a_second_with_its_last_50_lines(
    fault_project: MakeProject, runtime: str
) -> None:
    project = fault_project("crash-at-start", runtime=runtime)
    project.record_baseline()
    run = project.run("--modelgate")
    run.assert_one_message(
        "server 'toy' ended before it was live",
        "got:      exit 3, ",
        "server's last 50 log lines:",
        "| loading shard 11 of 60",
        "| fatal: shard 60 of 60 is corrupt",
    )
    assert "shard 10 of 60" not in run.message
    assert run.output.count("fatal: ") == 1, run.output
    known_after = re.search(r"exit 3, (\d+\.\d) s after it was created", run.message)
    assert known_after
    assert float(known_after.group(1)) <= 1


def test_a_server_that_never_listens(fault_project: MakeProject, runtime: str) -> None:
    run = given_up_soon(fault_project("never-live", runtime=runtime)).run("--modelgate")
    run.assert_one_message(
        "server 'toy' was not live after 1 s",
        "got:      it does not listen on any port yet",
        "to do:    see its log; if it needs longer, set ready_timeout above 1 s",
        "| loading the model",
    )


def test_a_server_that_is_never_ready(fault_project: MakeProject, runtime: str) -> None:
    run = given_up_soon(fault_project("never-ready", runtime=runtime)).run("--modelgate")
    run.assert_one_message(
        "server 'toy' was not ready after 1 s",
        "got:      it is live, but does not say that it is ready",
        "set ready_timeout above 1 s",
        "| listening on ",
    )


def test_a_server_on_another_port(fault_project: MakeProject, runtime: str) -> None:
    run = given_up_soon(fault_project("wrong-port", runtime=runtime)).run("--modelgate")
    run.assert_one_message(
        "server 'toy' was not live after 1 s", "it listens on 127.0.0.1:", "to do:    let it listen"
    )
    expected, found = re.findall(r"127\.0\.0\.1:(\d+)", run.message)[:2]
    assert expected != found
    assert f"| listening on 127.0.0.1:{found}" in run.message


def test_a_server_that_is_ready_and_answers_nothing(
    fault_project: MakeProject, runtime: str
) -> None:
    run = given_up_soon(fault_project("hang", runtime=runtime)).run("--modelgate")
    run.assert_one_message(
        "the server 'toy' is ready but answers no request",
        "got:      no answer within 1 s",
        "| listening on ",
    )


def test_a_first_answer_that_is_none(fault_project: MakeProject) -> None:
    project = fault_project("garbage")
    project.record_baseline()
    project.run("--modelgate").assert_one_message(
        "the answer to 'row0' cannot be used: the answer is not valid JSON",
        "at character 13 of 25: '{\"outputs\": [<<< not JSON'",
    )


def test_a_program_that_is_not_there(fault_project: MakeProject) -> None:
    project = fault_project()
    project.record_baseline()
    project.server = {"command": ["./server"]}
    project.inject(None)
    project.run("--modelgate").assert_one_message(
        "server 'toy': there is no program ", "/server", "to do:    build it first"
    )


def test_a_url_where_nobody_answers(fault_project: MakeProject) -> None:
    project = fault_project()
    (project.path / "modelgate.toml").write_text(
        '[servers.toy]\nurl = "http://127.0.0.1:9"\nmodel = "toy"\nprotocol = "oip-http"\n'
        'ready_timeout = "1 s"\n'
    )
    project.run("--modelgate").assert_one_message(
        "server 'toy' was not live after 1 s", "expected: an answer from 127.0.0.1:9"
    )


def test_another_program_on_the_servers_port_is_not_measured_in_its_place(
    fault_project: MakeProject, fault_binary: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    address = f"127.0.0.1:{port}"
    with subprocess.Popen([fault_binary, "--http", address], stdout=subprocess.PIPE) as stranger:
        try:
            assert stranger.stdout is not None
            assert stranger.stdout.readline().startswith(b"listening")
            project = fault_project(server={"args": ["--http", address], "port": port})
            run = project.run("--modelgate")
        finally:
            stranger.kill()
    run.assert_one_message(
        f"server 'toy' cannot listen on port {port}: another program does", "to do:    end that"
    )


@pytest.fixture
def without_engine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine where no engine runs."""
    return {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}


def test_an_absent_engine(fault_project: MakeProject, without_engine: dict[str, str]) -> None:
    project = fault_project(env=without_engine)
    project.record_baseline()
    project.server = {"image": "toy:1", "runtime": "docker"}
    project.inject(None)
    project.run("--modelgate").assert_one_message(
        "no container engine answers",
        "got:      No such file or directory",
        "to do:    start Docker",
        'runtime = "process"',
    )


def test_an_absent_engine_does_not_matter_to_a_process(
    fault_project: MakeProject, without_engine: dict[str, str]
) -> None:
    run = fault_project(env=without_engine).run("--modelgate")
    assert run.exit_code == 0, run.output
    assert run.gate["verdict"] == "pass"


@pytest.mark.container
def test_an_absent_image(fault_project: MakeProject) -> None:
    project = fault_project()
    project.record_baseline()
    # A registry that refuses at once: no network is needed to learn that it does not have it.
    project.server = {"image": "localhost:9/toy:1", "runtime": "docker"}
    project.inject(None)
    project.run("--modelgate").assert_one_message(
        "image 'localhost:9/toy:1' of server 'toy' is not here, and cannot be pulled",
        "connection refused",
        "to do:    build or load it here",
    )
