"""The tables of servers: their keys, types, and which keys go together."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_modelgate.config.server_table import KEYS, read_servers, with_runtime
from pytest_modelgate.config.specs import Mount, ServerSpec
from pytest_modelgate.config.table import Table
from pytest_modelgate.errors import ConfigError

ROOT = Path("/project")


def servers(text):
    return read_servers(Table(tomllib.loads(text), "modelgate.toml"), ROOT)


def server(text):
    return servers(f"[servers.classifier]\n{text}")["classifier"]


def refused(text):
    with pytest.raises(ConfigError) as caught:
        server(text)
    assert caught.value.what.startswith("modelgate.toml server 'classifier'")
    return caught.value


IMAGE = 'protocol = "oip-http"\nimage = "classifier:1"\n'
COMMAND = 'protocol = "json"\ncommand = ["./server"]\n'
URL = 'protocol = "json"\nurl = "http://localhost:8080"\n'


def test_a_container_server_with_every_key():
    assert server(
        """
        image = "registry.example/classifier:1.4.0"
        command = ["./server", "--quiet"]
        baseline_command = ["./released", "--quiet"]
        args = ["--http", "0.0.0.0:{port}"]
        env = { THREADS = "1" }
        port = 8080
        workdir = "server"
        protocol = "oip-http"
        model = "classifier"
        cpus = 1
        memory = "512 MiB"
        mounts = ["./data:/data", { source = "/abs", target = "/more" }]
        network = "host"
        read_only = false
        user = "1000:1000"
        runtime = "docker"
        ready_timeout = "90 s"
        request_timeout = "500 ms"
        live_path = "/live"
        ready_path = "/ready"
        path = "/predict"
        answer = "scores"
        headers = { x-key = "k" }
        """
    ) == ServerSpec(
        name="classifier",
        runtime="docker",
        protocol="oip-http",
        image="registry.example/classifier:1.4.0",
        command=("./server", "--quiet"),
        baseline_command=("./released", "--quiet"),
        args=("--http", "0.0.0.0:{port}"),
        env={"THREADS": "1"},
        port=8080,
        workdir=ROOT / "server",
        model="classifier",
        cpus=1.0,
        memory_bytes=512 * 1024**2,
        mounts=(Mount(ROOT / "data", "/data"), Mount(Path("/abs"), "/more")),
        network="host",
        read_only=False,
        user="1000:1000",
        ready_timeout_s=90.0,
        request_timeout_s=0.5,
        live_path="/live",
        ready_path="/ready",
        path="/predict",
        answer="scores",
        headers={"x-key": "k"},
    )


def test_a_built_server():
    spec = server(
        'protocol = "json"\nbuild = "server/"\ndockerfile = "D"\nbuild_args = { TAGS = "slow" }'
    )
    assert spec.runtime == "docker"
    assert spec.build == ROOT / "server"
    assert spec.dockerfile == "D"
    assert spec.build_args == {"TAGS": "slow"}


def test_what_is_not_given_has_the_defaults_of_the_value():
    assert server(IMAGE) == ServerSpec(
        name="classifier", runtime="docker", protocol="oip-http", image="classifier:1"
    )


def test_every_field_of_the_value_has_its_key():
    assert len(KEYS) == len(fields(ServerSpec)) - 1  # the name is the table's
    assert {"memory", "ready_timeout", "request_timeout", "cpus", "live_path"} <= KEYS


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        (IMAGE, "docker"),
        ('protocol = "json"\nbuild = "."', "docker"),
        (IMAGE + 'command = ["./server"]', "docker"),
        (COMMAND, "process"),
        (URL, "remote"),
        (IMAGE + 'command = ["./server"]\nruntime = "process"', "process"),
        (COMMAND + 'runtime = "kubernetes"', "kubernetes"),
        ('protocol = "json"\nruntime = "kubernetes"\ncpus = 1\nworkdir = "x"', "kubernetes"),
    ],
)
def test_the_runtime_follows_from_what_is_to_be_run_unless_it_is_named(text, runtime):
    assert server(text).runtime == runtime


@pytest.mark.parametrize(
    "key",
    ["image", "build", "command", "baseline_command", "args", "env", "port", "workdir"],
)
def test_a_url_excludes_what_would_start_a_server(key):
    value = {
        "command": '["x"]', "baseline_command": '["x"]', "args": '["x"]',
        "env": '{ A = "b" }', "port": "80",
    }.get(key, '"x"')  # fmt: skip
    error = refused(f"{URL}{key} = {value}")
    assert f"url and {key} exclude each other" in error.what


@pytest.mark.parametrize(
    "line",
    ["cpus = 1", 'memory = "1 GiB"', "mounts = []", 'network = "host"', "read_only = true",
     'user = "1"', 'dockerfile = "D"', "build_args = {}"],
)  # fmt: skip
def test_a_url_excludes_limits_that_nobody_would_impose(line):
    assert "exclude each other" in refused(f"{URL}{line}").what


def test_image_and_build_exclude_each_other():
    assert "image and build exclude each other" in refused(f'{IMAGE}build = "."').what


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        (COMMAND + "cpus = 1", "image or build"),
        (COMMAND + 'memory = "1 GiB"', "image or build"),
        (COMMAND + 'mounts = ["a:/b"]', "image or build"),
        (COMMAND + 'network = "host"', "image or build"),
        (COMMAND + "read_only = true", "image or build"),
        (COMMAND + 'user = "1"', "image or build"),
        (IMAGE + 'workdir = "x"', "command"),
        (IMAGE + 'baseline_command = ["x"]', "command"),
        (IMAGE + 'dockerfile = "D"', "build"),
        (IMAGE + 'build_args = { A = "b" }', "build"),
    ],
)
def test_a_key_that_would_have_no_effect_is_refused(text, needed):
    assert f"no effect without {needed}" in refused(text).what


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('protocol = "json"', "command"),
        ('protocol = "json"\nruntime = "docker"', "image or build"),
        (COMMAND + 'runtime = "docker"', "image or build"),
        (IMAGE + 'runtime = "process"', "command"),
        (IMAGE + 'runtime = "remote"', "url"),
        (URL + 'runtime = "docker"', "image or build"),
    ],
)
def test_a_runtime_without_what_it_runs_is_refused(text, missing):
    error = refused(text)
    assert f"it has no {missing}" in error.what
    assert error.hint == f"add {missing}"


def test_the_protocol_must_be_named():
    assert "no protocol" in refused('image = "x"').what


@pytest.mark.parametrize(
    ("key", "near"),
    [("imgae", "image"), ("ready_timeout_s", "ready_timeout"), ("memory_bytes", "memory"),
     ("arg", "args"), ("zzz", None)],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_nearest_valid_one(key, near):
    error = refused(f"{IMAGE}{key} = 1")
    assert f"unknown key {key!r}" in error.what
    assert "image" in (error.expected or "")
    assert error.hint == (near and f"did you mean {near!r}?")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("model = 3", "a string"),
        ('model = ""', "not empty"),
        ("user = false", "a string"),
        ("args = 'x'", "an array of strings"),
        ("args = [1]", "an array of strings"),
        ("command = './server'", "an array of strings"),
        ("command = []", "begins with a program"),
        ("command = ['']", "begins with a program"),
        ("baseline_command = './server'", "an array of strings"),
        ("baseline_command = []", "begins with a program"),
        ("baseline_command = ['']", "begins with a program"),
        ("env = ['A=b']", "a table of strings"),
        ("env = { A = 1 }", "a table of strings"),
        ("env = { 'A=B' = 'c' }", "without '='"),
        ("env = { '' = 'c' }", "without '='"),
        ('env = { A = "\\u0000" }', "no NUL"),
        ("headers = { A = true }", "a table of strings"),
        ("port = 0", "from 1 to 65535"),
        ("port = 65536", "from 1 to 65535"),
        ("port = true", "an integer"),
        ("port = '80'", "an integer"),
        ("cpus = 0", "above 0"),
        ("cpus = -1", "above 0"),
        ("cpus = true", "a number"),
        ("cpus = inf", "a number"),
        ("cpus = nan", "a number"),
        ("cpus = '1'", "a number"),
        ("memory = 512", "as \"300 MiB\""),
        ("memory = '512'", "as \"300 MiB\""),
        ("memory = '0 MiB'", "above zero"),
        ("ready_timeout = 60", "as \"40 ms\""),
        ("ready_timeout = '0 s'", "above zero"),
        ("request_timeout = true", "as \"40 ms\""),
        ("read_only = 'yes'", "true or false"),
        ("read_only = 1", "true or false"),
        ("network = 'none'", "auto, host, bridge"),
        ("network = 3", "a string"),
        ("mounts = './a:/b'", "an array"),
        ("mounts = [3]", "FOLDER:/PATH"),
        ("mounts = ['./a']", "FOLDER:/PATH"),
        ("mounts = ['./a:b']", "FOLDER:/PATH"),
        ("mounts = [':/b']", "FOLDER:/PATH"),
        ("mounts = [{ source = 'a' }]", "FOLDER:/PATH"),
        ("mounts = [{ source = 'a', target = '/b', mode = 'rw' }]", "source, target"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_with_what_was_expected(line, expected):
    assert expected in (refused(IMAGE + line).expected or "")


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_are_accepted(port):
    assert server(f"{IMAGE}port = {port}").port == port


@pytest.mark.parametrize("value", ["0.5", "1", "1.5"])
def test_cpus_may_be_a_fraction(value):
    assert server(f"{IMAGE}cpus = {value}").cpus == float(value)


@pytest.mark.parametrize(
    "url", ["localhost:8080", "http://", "/path", "http://host:99999", "http://[::1", "http://h:0"]
)
def test_a_url_without_scheme_host_or_valid_port_is_refused(url):
    assert "scheme://host" in (refused(f'protocol = "json"\nurl = "{url}"').expected or "")


@pytest.mark.parametrize("url", ["http://localhost:8080", "https://host/prefix", "grpc://[::1]:80"])
def test_a_url_keeps_its_scheme_and_path(url):
    assert server(f'protocol = "json"\nurl = "{url}"').url == url


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "-x", "0", "x" * 64])
def test_names_of_letters_digits_and_a_few_signs_are_accepted(name):
    assert list(servers(f'[servers."{name}"]\n{IMAGE}')) == [name]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a b", "é", "x" * 65, "a\\nb"])
def test_names_that_could_not_be_files_or_containers_are_refused(name):
    with pytest.raises(ConfigError, match="cannot be used for files"):
        servers(f'[servers."{name}"]\n{IMAGE}')


def test_names_that_differ_in_case_only_are_refused_for_they_would_share_a_folder():
    with pytest.raises(ConfigError, match="only in case"):
        servers(f"[servers.Model]\n{IMAGE}\n[servers.model]\n{IMAGE}")


@pytest.mark.parametrize("text", ["servers = 3", "servers = []", "[servers]\nclassifier = 'x'"])
def test_servers_that_are_no_tables_are_refused(text):
    with pytest.raises(ConfigError):
        servers(text)


def test_no_servers_is_a_valid_configuration():
    assert servers("") == {}


def test_the_sessions_runtime_overrides_the_servers_own():
    spec = server(IMAGE + 'command = ["./server"]')
    assert with_runtime(spec, "process").runtime == "process"
    assert with_runtime(spec, "docker") == spec
    assert with_runtime(spec, "kubernetes").runtime == "kubernetes"
    assert with_runtime(spec, None) is spec


def test_a_server_at_a_url_stays_remote_whatever_the_session_says():
    spec = server(URL)
    assert with_runtime(spec, "process") is spec


@pytest.mark.parametrize(
    ("text", "runtime", "missing"),
    [
        (IMAGE, "process", "command"),
        (COMMAND, "docker", "image or build"),
        (COMMAND, "remote", "url"),
    ],
)
def test_a_server_that_cannot_run_as_the_session_wants_says_what_it_lacks(text, runtime, missing):
    with pytest.raises(ConfigError, match=f"'classifier' cannot run .* no {missing}"):
        with_runtime(server(text), runtime)
