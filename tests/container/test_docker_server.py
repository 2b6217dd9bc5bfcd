"""Servers in containers, on a real engine."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import psutil
import pytest

from pytest_modelgate.config.specs import Mount
from pytest_modelgate.errors import ConfigError, EngineError, ServerError
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.docker import DockerKind
from pytest_modelgate.servers.engine import connect
from pytest_modelgate.servers.http_get import HttpGet
from pytest_modelgate.servers.server import Exit
from pytest_modelgate.servers.strays import reap_containers

pytestmark = pytest.mark.container

MIB = 2**20


def wait_for_end(server):
    while (ended := server.exit()) is None:
        time.sleep(0.01)
    return ended


def wait_until_it_says_something(server):
    while not server.log_tail():
        time.sleep(0.01)


def status_of(get) -> dict[str, str]:
    lines = get("/status").body.decode().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def test_a_server_is_started_answers_and_leaves_nothing(kind, spec, answering, left_behind):
    server = kind.start(spec)
    with answering(server) as get:
        assert get("/health").body == b"ok"
        assert server.exit() is None
        assert len(left_behind()) == 1
    server.stop()
    assert left_behind() == []
    with HttpGet(server) as get:
        assert get("/health") is None


def test_stopping_twice_does_nothing_the_second_time_and_the_log_outlives_it(kind, spec, answering):
    server = kind.start(spec)
    with answering(server):
        pass
    server.stop()
    server.stop()
    assert server.log_tail() == (f"listening on 127.0.0.1:{server.port}",)


def test_a_container_that_somebody_removed_is_gone_and_can_still_be_stopped(
    kind, spec, engine, left_behind
):
    server = kind.start(spec)
    engine.client.api.remove_container(left_behind()[0], force=True)
    assert wait_for_end(server) == Exit(None)
    assert server.log_tail() == ()
    server.stop()


def test_stop_all_stops_every_server(kind, spec, left_behind):
    kind.start(spec)
    kind.start(spec)
    assert len(left_behind()) == 2
    kind.stop_all()
    assert left_behind() == []


def test_a_server_that_ignores_sigterm_is_killed(kind, spec, answering):
    server = kind.start(replace(spec, args=(*spec.args, "-ignore-term")))
    with answering(server):
        pid = server.accounting.pids()[0]
    server.stop()
    assert not psutil.pid_exists(pid)


def test_the_engine_is_told_to_harden_the_container(kind, spec, engine, left_behind):
    kind.start(replace(spec, cpus=0.5, memory_bytes=64 * MIB))
    host = engine.client.api.inspect_container(left_behind()[0])["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert host["Tmpfs"] == {"/tmp": ""}
    assert host["PidsLimit"] == 4096
    assert host["Privileged"] is False
    assert host["NanoCpus"] == 500_000_000
    assert host["Memory"] == host["MemorySwap"] == 64 * MIB


def test_a_hardened_server_has_no_capabilities_and_writes_nowhere_but_in_tmp(kind, spec, answering):
    with answering(kind.start(spec)) as get:
        status = status_of(get)
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert b"read-only" in get("/write?path=/file&mib=1").body
        assert get("/write?path=/tmp/file&mib=1").body == b"ok"


def test_a_root_that_may_be_written_can_be_asked_for(kind, spec, answering):
    with answering(kind.start(replace(spec, read_only=False))) as get:
        assert get("/write?path=/file&mib=1").body == b"ok"


def test_a_server_runs_as_the_user_that_is_named(kind, spec, answering):
    with answering(kind.start(replace(spec, user="1234:1234"))) as get:
        assert status_of(get)["Uid"].split() == ["1234"] * 4


def test_env_is_given_with_its_placeholders_filled(kind, spec, answering):
    by_env = replace(spec, args=(), env={"ADDR": "{host}:{port}", "JSON": '{"a": {}}'})
    server = kind.start(by_env)
    with answering(server) as get:
        assert get("/environment?name=ADDR").body.decode() == f"127.0.0.1:{server.port}"
        assert get("/environment?name=JSON").body.decode() == '{"a": {}}'


def test_a_mount_can_be_read_and_not_written(kind, spec, answering, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x" * 5000)
    with answering(kind.start(replace(spec, mounts=(Mount(tmp_path, "/models"),)))) as get:
        assert get("/file?path=/models/model.bin").body == b"5000"
        assert b"read-only" in get("/write?path=/models/new&mib=1").body
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_a_mount_whose_source_is_absent_is_refused_and_leaves_no_container(
    kind, spec, tmp_path, left_behind
):
    with pytest.raises(ServerError, match="cannot be started") as caught:
        kind.start(replace(spec, mounts=(Mount(tmp_path / "absent", "/models"),)))
    assert "absent" in caught.value.got
    assert left_behind() == []


def test_a_container_that_cannot_start_is_removed(kind, spec, left_behind):
    with pytest.raises(ServerError, match="cannot be started") as caught:
        kind.start(replace(spec, user="nobody-of-that-name"))
    assert "nobody-of-that-name" in caught.value.got
    assert left_behind() == []


def test_a_server_told_host_and_port_listens_on_our_loopback(kind, spec, answering):
    server = kind.start(spec)
    assert server.network == server.conditions["network"] == "host-loopback"
    assert server.host == "127.0.0.1"
    with answering(server):
        assert server.log_tail() == (f"listening on 127.0.0.1:{server.port}",)


@pytest.mark.parametrize("network", ["auto", "bridge"])
def test_a_server_that_is_not_told_the_host_is_published_on_loopback_only(
    kind, spec, answering, engine, left_behind, network
):
    server = kind.start(replace(spec, args=("-addr", "0.0.0.0:{port}"), network=network))
    assert server.network == "docker-proxy"
    with answering(server):
        inspected = engine.client.api.inspect_container(left_behind()[0])
    (binding,) = inspected["NetworkSettings"]["Ports"]["8000/tcp"]
    assert binding == {"HostIp": "127.0.0.1", "HostPort": str(server.port)}


def test_bridge_can_be_forced(kind, spec, answering):
    server = kind.start(replace(spec, network="bridge"))
    assert server.network == "docker-proxy"
    with answering(server):
        assert server.log_tail() == ("listening on [::]:8000",)


def test_a_fixed_port_is_published_on_a_free_one(kind, spec, answering):
    server = kind.start(replace(spec, args=("-addr", ":9000"), port=9000))
    assert server.port != 9000
    with answering(server) as get:
        assert get("/health").status == 200


def test_host_networking_can_be_forced_for_a_server_that_is_told_its_port(kind, spec, answering):
    server = kind.start(replace(spec, args=("-addr", "127.0.0.1:{port}"), network="host"))
    assert server.network == "host-loopback"
    with answering(server) as get:
        assert get("/health").status == 200


def test_host_networking_needs_a_server_that_is_told_its_port(kind, spec):
    with pytest.raises(ConfigError, match=r"needs a server that is told its port"):
        kind.prepare(replace(spec, args=("-addr", ":9000"), port=9000, network="host"))


def test_host_networking_needs_a_local_engine(elsewhere, spec):
    with pytest.raises(EngineError, match="local engine only"):
        elsewhere.prepare(replace(spec, network="host"))


def test_a_server_whose_port_nobody_knows_is_refused(kind, spec):
    with pytest.raises(ConfigError, match="on which port"):
        kind.prepare(replace(spec, args=()))


def test_what_is_served_and_what_is_imposed_are_told(kind, spec, engine):
    server = kind.start(replace(spec, cpus=1, memory_bytes=512 * MIB))
    image = engine.client.images.get(spec.image)
    assert server.provenance == {"image": spec.image, "image_digest": image.id}
    assert server.image_bytes == image.attrs["Size"] > MIB
    number = engine.client.version()["Version"].partition("+")[0]
    assert server.conditions == {
        "engine": f"docker {number}",
        "network": "host-loopback",
        "cpus": "1",
        "memory": "512 MiB",
    }


def test_exit_tells_the_code(kind, spec, answering):
    server = kind.start(spec)
    with answering(server) as get:
        assert get("/exit?code=3") is None
    assert wait_for_end(server) == Exit(3)
    assert str(server.exit()) == "exit 3"
    assert len(server.accounting.pids()) == 0


def test_exit_tells_the_signal(kind, spec, answering):
    server = kind.start(spec)
    with answering(server):
        psutil.Process(server.accounting.pids()[0]).kill()
    assert wait_for_end(server) == Exit(-9)


def test_a_server_killed_for_its_memory_limit_is_recognised(kind, spec, answering):
    server = kind.start(replace(spec, memory_bytes=32 * MIB))
    with answering(server) as get:
        assert get("/allocate?mib=16").body == b"ok"
        assert server.exit() is None
        assert get("/allocate?mib=32") is None
    assert wait_for_end(server) == Exit(-9, out_of_memory=True)


def test_a_server_that_takes_too_much_memory_at_start_is_reported_so(kind, spec):
    server = kind.start(replace(spec, args=("-hog",), port=1, memory_bytes=32 * MIB))
    with pytest.raises(ServerError, match="ended before it was live") as caught:
        await_ready(server, lambda: False, lambda: False, timeout_s=20, began_s=time.perf_counter())
    assert caught.value.got.startswith("killed for exceeding its memory limit")
    assert caught.value.hint == "give it more memory"


@pytest.mark.parametrize("network", ["host", "bridge"])
def test_a_server_that_exits_at_start_is_reported_with_its_last_50_lines(kind, spec, network):
    args = (*spec.args, "-log-lines", "60", "-exit", "7")
    server = kind.start(replace(spec, args=args, network=network))
    with HttpGet(server) as get, pytest.raises(ServerError, match="ended before it was live") as e:
        await_ready(
            server,
            lambda: get("/health") is not None,
            lambda: True,
            timeout_s=20,
            began_s=time.perf_counter(),
        )
    assert e.value.got.startswith("exit 7, ")
    assert len(e.value.log) == 50
    assert e.value.log[-2:] == ("line 60", "exiting with code 7, as ordered")


@pytest.mark.parametrize("network", ["host", "bridge"])
def test_a_server_that_listens_elsewhere_is_told_where(kind, spec, network):
    args = ("-addr", "127.0.0.1:0", "unused", "{port}")
    server = kind.start(replace(spec, args=args, network=network))
    wait_until_it_says_something(server)
    with HttpGet(server) as get, pytest.raises(ServerError, match="was not live") as e:
        await_ready(
            server,
            lambda: get("/health") is not None,
            lambda: True,
            timeout_s=0.1,
            began_s=time.perf_counter(),
        )
    (line,) = server.log_tail()
    assert e.value.got == "it listens " + line.removeprefix("listening ")
    assert f"127.0.0.1:{server.port} ({server.network})" in e.value.expected
    assert '"{port}"' in e.value.hint


def test_a_server_that_is_never_ready_is_reported_as_such(kind, spec):
    server = kind.start(replace(spec, args=(*spec.args, "-ready-after", "1h")))
    wait_until_it_says_something(server)
    with HttpGet(server) as get, pytest.raises(ServerError, match="was not ready") as e:
        await_ready(
            server,
            lambda: get("/health") is not None,
            lambda: get("/health").status == 200,
            timeout_s=0.1,
            began_s=time.perf_counter(),
        )
    assert e.value.got == "it is live, but does not say that it is ready"
    assert len(e.value.log) == 1


def test_an_engine_elsewhere_is_reached_by_a_published_port_and_asked_by_its_api(
    elsewhere, spec, answering
):
    server = elsewhere.start(replace(spec, args=("-addr", "{host}:{port}")))
    assert server.network == "docker-proxy"
    with answering(server) as get:
        assert server.exit() is None
        assert server.accounting.memory_cgroup is None
        assert server.accounting.pids() == ()
        assert server.accounting.engine_memory_bytes() > 100_000
        assert server.accounting.engine_cpu_ns() > 1_000_000
        get("/exit?code=4")
    assert wait_for_end(server) == Exit(4)
    with pytest.raises(ServerError, match="has ended"):
        server.accounting.engine_memory_bytes()


def test_an_engine_on_another_machine_publishes_where_it_can_be_reached(spec, session, answering):
    engine = replace(connect(), is_local=False, host="127.0.0.1", publish_on="0.0.0.0")
    kind = DockerKind(session, engine)
    try:
        server = kind.start(spec)
        assert server.network == "remote"
        with answering(server) as get:
            assert get("/health").status == 200
    finally:
        kind.stop_all()


def test_an_image_that_is_nowhere_is_reported_by_name(kind, spec):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        reference = f"127.0.0.1:{closed.getsockname()[1]}/absent:1.2"
        with pytest.raises(ServerError, match="is not here, and cannot be pulled") as caught:
            kind.prepare(replace(spec, image=reference))
    assert reference in caught.value.what
    assert f"docker pull {reference}" in caught.value.hint


def test_an_engine_that_goes_away_is_reported_by_whatever_needs_it(
    forwarder, spec, session, engine
):
    kind = DockerKind(session)
    server = kind.start(spec)
    forwarder.go_away()
    with pytest.raises(EngineError, match="cannot read the log"):
        server.log_tail()
    with pytest.raises(EngineError, match="still lives"):
        server.exit()
    with pytest.raises(EngineError, match="cannot stop server 'toy'") as caught:
        kind.stop_all()
    assert caught.value.got == "Connection refused"
    reap_containers(engine, session.__eq__)
