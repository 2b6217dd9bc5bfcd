"""What lives as long as the session."""

from pathlib import Path

import pytest
from filelock import Timeout

from pytest_modelgate.config.markers import GateSpec
from pytest_modelgate.config.specs import LoadSpec, ServerSpec, Settings
from pytest_modelgate.errors import ConfigError, EngineError, ModelgateError
from pytest_modelgate.locks import lock_of
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.protocols.json_http import json_http
from pytest_modelgate.registry import Registry
from pytest_modelgate.reports.progress import NoProgress
from pytest_modelgate.session import BUILD_ALPHA, GateSession
from pytest_modelgate.thresholds import parse_threshold

SERVER = ServerSpec(
    "toy", "docker", "json", image="toy:1", command=("./toy",), path="/predict"
)  # fmt: skip
METRICS = Metrics()


class Kind:
    """Notes that it was stopped."""

    def __init__(self, error=None):
        self.stopped, self.error = 0, error

    def stop_all(self):
        self.stopped += 1
        if self.error:
            raise self.error


def session(kinds=None, **settings):
    registry = Registry(kinds or {}, {"json": json_http}, (), METRICS)
    return GateSession(
        Settings(Path("/project"), servers={"toy": SERVER}, **settings), registry, NoProgress()
    )


def spec(**thresholds):
    parsed = {n.replace("__", "."): t for n, t in thresholds.items()}
    return GateSpec(
        nodeid="t",
        test="t",
        server="toy",
        load=LoadSpec(),
        thresholds={name: parse_threshold(METRICS[name], text) for name, text in parsed.items()},
        own_thresholds=frozenset(),
        drift=None,
    )


def test_each_statistical_part_of_every_gate_has_its_share_of_the_error():
    gates = session()
    gates.share_error_rate(
        [
            spec(latency__p50="+5 %", memory__peak="< 1 GiB, +5 %"),
            spec(image__size="+5 %", errors__rate="< 1 %"),  # an image's size has no noise
        ]
    )
    assert gates.alpha == pytest.approx(BUILD_ALPHA / 4)


def test_where_improvements_fail_too_each_tolerance_has_two_shares_and_each_limit_one():
    gates = session(strict_improvements=True)
    gates.share_error_rate(
        [
            spec(latency__p50="+5 %", memory__peak="< 1 GiB, +5 %"),
            spec(image__size="+5 %", errors__rate="< 1 %"),  # an image's size has no noise
        ]
    )
    assert gates.alpha == pytest.approx(BUILD_ALPHA / 6)


def test_without_any_the_whole_error_is_there():
    gates = session()
    gates.share_error_rate([])
    assert gates.alpha == BUILD_ALPHA


def test_the_rig_is_made_of_what_the_servers_table_names():
    docker, process = Kind(), Kind()
    kinds = {"docker": docker, "process": process}
    assert session(kinds).rig("toy").kind is docker
    rig = session(kinds, runtime="process").rig("toy")
    assert rig.kind is process
    assert (rig.spec.runtime, rig.protocol.name) == ("process", "json")
    assert rig.root == Path("/project")


def test_a_runtime_that_the_server_cannot_run_with_is_refused():
    with pytest.raises(ConfigError, match="cannot run with runtime 'remote'"):
        session({"remote": Kind()}, runtime="remote").rig("toy")


class Told:
    """A progress that remembers what it was told."""

    def __init__(self):
        self.steps = []

    def step(self, text):
        self.steps.append(text)


@pytest.fixture
def machine_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return lock_of("machine")


def test_one_measures_while_all_others_wait(machine_lock):
    with session().machine(), pytest.raises(Timeout):
        machine_lock.acquire(timeout=0)
    machine_lock.acquire(timeout=0)
    machine_lock.release()


def test_who_waits_too_long_says_so_and_names_the_lock(machine_lock, monkeypatch):
    monkeypatch.setattr("pytest_modelgate.session.MACHINE_TIMEOUT_S", 0.01)
    waiting = session()
    waiting.progress = Told()
    with machine_lock, pytest.raises(ModelgateError) as caught, waiting.machine():
        pytest.fail("two have the machine at once")
    assert waiting.progress.steps == ["waiting for another measurement to end"]
    assert str(machine_lock.lock_file) in caught.value.hint


def test_without_a_folder_for_locks_there_is_a_message(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(ModelgateError, match="no lock can be made"), session().machine():
        pytest.fail("no lock was needed")


def test_closing_stops_the_servers_of_every_kind_even_if_one_cannot_be_stopped():
    kinds = {"docker": Kind(EngineError("the engine is gone")), "process": Kind()}
    with pytest.raises(EngineError):
        session(kinds).close()
    assert [kind.stopped for kind in kinds.values()] == [1, 1]
