"""Free ports and placeholders."""

import socket

import pytest

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.servers.addresses import (
    HOST,
    PORT,
    fill,
    fill_all,
    fill_values,
    free_port,
    uses,
)


@pytest.mark.parametrize(
    ("args", "env", "command", "expected"),
    [
        (("--http", "0.0.0.0:{port}"), {}, (), True),
        ((), {"PORT": "{port}"}, (), True),
        ((), {}, ("./server", "-p={port}"), True),
        (("--http", ":8080", "{host}"), {"{port}": "name"}, ("./server",), False),
    ],
)
def test_a_placeholder_is_found_in_arguments_values_and_the_command(args, env, command, expected):
    spec = ServerSpec(name="s", runtime="docker", protocol="json", args=args, env=env)
    assert uses(spec, PORT, command=command) is expected


def test_the_other_placeholder_does_not_count():
    spec = ServerSpec(name="s", runtime="docker", protocol="json", args=("{port}",))
    assert not uses(spec, HOST)


def test_only_the_placeholders_are_replaced():
    text = '{"listen": "{host}:{port}", "again": {port}, "port": {}}'
    expected = '{"listen": "127.0.0.1:80", "again": 80, "port": {}}'
    assert fill(text, host="127.0.0.1", port=80) == expected


def test_every_text_and_every_value_is_filled_and_names_are_not():
    assert fill_all(["a", "{port}"], host="h", port=1) == ["a", "1"]
    assert fill_values({"{port}": "{host}"}, host="h", port=1) == {"{port}": "h"}


def test_a_free_port_can_be_listened_on():
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        assert listener.getsockname()[1] > 0
