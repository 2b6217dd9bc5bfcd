"""An engine's statistics, where their shape is another than expected."""

from types import SimpleNamespace

import pytest

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.docker_server import DockerServer


def server_with(stats):
    """A server of which the engine says this; no engine can be made to say it."""
    server = DockerServer.__new__(DockerServer)
    server.name = "toy"
    server._container = SimpleNamespace(id="1")
    api = SimpleNamespace(stats=lambda *_, **__: stats)
    server._engine = SimpleNamespace(client=SimpleNamespace(api=api))
    return server


def test_memory_is_what_is_used_without_the_inactive_file_cache():
    stats = {"memory_stats": {"usage": 10, "stats": {"inactive_file": 3}}}
    assert server_with(stats)._memory_by_engine() == 7


@pytest.mark.parametrize(
    "memory",
    [{"cpu_usage": 1}, {"usage": "much"}, {"usage": 1, "stats": {"inactive_file": None}}],
)
def test_memory_statistics_of_another_shape_are_told(memory):
    with pytest.raises(ServerError, match="'toy' cannot be read"):
        server_with({"memory_stats": memory})._memory_by_engine()


@pytest.mark.parametrize("cpu", [{"usage": 1}, {"cpu_usage": {"total": 1}}, {"cpu_usage": 1}])
def test_processor_statistics_of_another_shape_are_told(cpu):
    with pytest.raises(ServerError, match="'toy' cannot be read"):
        server_with({"cpu_stats": cpu})._cpu_by_engine()
