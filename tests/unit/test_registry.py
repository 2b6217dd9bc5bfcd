"""What plugins contribute, chosen by name."""

from pathlib import Path

import pytest

from pytest_modelgate.config.specs import ServerSpec, Settings
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import BUILT_IN, Evidence, Metric
from pytest_modelgate.registry import Registry

SPEC = ServerSpec("toy", "process", "oip-http", command=("./server",))


class Probe:
    def __init__(self, *metrics):
        self.metrics = metrics


class Hooks:
    def __init__(self, *, kinds=(), protocols=(), probes=()):
        self.kinds, self.protocols, self.probes = kinds, protocols, probes

    def pytest_modelgate_server_kinds(self, *, settings):
        return list(self.kinds)

    def pytest_modelgate_protocols(self):
        return list(self.protocols)

    def pytest_modelgate_probes(self):
        return list(self.probes)


def registry(**contributed):
    return Registry.from_hooks(Hooks(**contributed), Settings(Path("/project")))


def test_kinds_and_protocols_of_all_plugins_are_found_by_name():
    process, ssh = object(), object()
    found = registry(
        kinds=[{"process": process}, {"ssh": ssh}],
        protocols=[{"oip-http": lambda spec: ("made for", spec)}],
    )
    assert found.kind(SPEC) is process
    assert found.protocol(SPEC) == ("made for", SPEC)
    assert set(found.kinds) == {"process", "ssh"}


def test_an_unknown_runtime_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"server 'toy'.*unknown runtime 'process'") as caught:
        registry(kinds=[{"proces": object()}]).kind(SPEC)
    assert "did you mean 'proces'?" in str(caught.value)


def test_an_unknown_protocol_is_refused_with_all_there_are():
    with pytest.raises(ConfigError, match="unknown protocol 'oip-http'") as caught:
        registry(protocols=[{"json": object, "grpc": object}]).protocol(SPEC)
    assert "one of grpc, json" in str(caught.value)


def test_two_plugins_cannot_claim_one_name():
    with pytest.raises(ConfigError, match="two plugins provide the protocol 'json'"):
        registry(protocols=[{"json": object}, {"json": object}])


def test_a_probes_metric_can_be_gated():
    gpu = Metric("gpu.memory", "B")
    assert registry(probes=[(Probe(gpu),)]).metrics["gpu.memory"] is gpu


def test_a_built_in_metric_may_be_measured_by_a_probe_as_it_is():
    registry(probes=[(Probe(BUILT_IN[0]),)])


@pytest.mark.parametrize("name", ["gpu.memory", "memory.peak"])
def test_a_metric_that_another_probe_has_is_refused(name):
    mine = Metric(name, "1", better="higher")
    with pytest.raises(ConfigError, match="two probes provide the metric"):
        registry(probes=[(Probe(Metric("gpu.memory", "B")),), (Probe(mine),)])


@pytest.mark.parametrize("evidence", [e for e in Evidence if e is not Evidence.PER_RUN])
def test_a_probes_metric_with_other_evidence_than_one_value_a_run_is_refused(evidence):
    with pytest.raises(ConfigError, match=r"'gpu.memory' rests on .* evidence"):
        registry(probes=[(Probe(Metric("gpu.memory", "B", evidence=evidence)),)])
