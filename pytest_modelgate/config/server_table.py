"""One ``[tool.modelgate.servers.NAME]`` table: its keys, and which of them go together."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pytest_modelgate.config.specs import Mount, ServerSpec
from pytest_modelgate.config.table import Table
from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_modelgate.config.specs import Network

SourceKey = Literal["image", "build", "command", "url"]

_IN_UNITS = {"memory_bytes": "memory"}
KEYS = frozenset(
    _IN_UNITS.get(field.name, field.name.removesuffix("_s"))
    for field in fields(ServerSpec)
    if field.name != "name"
)
"""The keys of a server's table: those of ServerSpec, without units, which the values carry."""

_RUN = ("baseline_command", "workdir")
_STARTED = ("args", "env", "port")
_CONTAINER = ("cpus", "memory", "mounts", "network", "read_only", "user")
_BUILT = ("dockerfile", "build_args")

RUNTIME_NEEDS: Mapping[str, tuple[SourceKey, ...]] = {
    "docker": ("image", "build"),
    "process": ("command",),
    "remote": ("url",),
}
"""The built-in runtimes, and what a server must have for each: one of these keys."""

_NETWORKS: Mapping[str, Network] = {"auto": "auto", "host": "host", "bridge": "bridge"}
SERVER_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


def read_servers(table: Table, root: Path) -> dict[str, ServerSpec]:
    """Return the servers of a configuration by name.

    :param table: the whole configuration, with the key ``servers``.
    :param root: the folder that relative paths refer to.
    :raises ConfigError: naming the file, the table and the key that cannot be accepted.
    """
    servers: dict[str, ServerSpec] = {}
    names_by_folded: dict[str, str] = {}
    for name, values in table.tables("servers").items():
        where = f"{table.where} server {name!r}"
        if not isinstance(values, dict):
            raise ConfigError(f"{where} is not a table", expected=f"[servers.{name}]")
        _check_name(name, where)
        # Their baselines would share one folder where the file system ignores case.
        other = names_by_folded.setdefault(name.casefold(), name)
        if other != name:
            raise ConfigError(
                f"{where} differs from {other!r} only in case", hint="rename one of them"
            )
        servers[name] = read_server(name, Table(values, where), root)
    return servers


def _check_name(name: str, where: str) -> None:
    if not SERVER_NAME.fullmatch(name):
        raise ConfigError(
            f"{where} has a name that cannot be used for files and containers",
            expected="1 to 64 of the characters A-Z a-z 0-9 . _ - and no dot at the start",
        )


def read_server(name: str, table: Table, root: Path) -> ServerSpec:
    """Return the server that a table describes; see read_servers."""
    table.reject_unknown(KEYS)
    protocol = table.text("protocol")
    if protocol is None:
        raise ConfigError(
            f"{table.where}: no protocol",
            expected='protocol = "oip-http", "json", or what a plugin provides',
        )
    spec = ServerSpec(
        name=name,
        runtime=_runtime(table),
        protocol=protocol,
        image=table.text("image"),
        build=_path(table, "build", root),
        dockerfile=table.text("dockerfile") or ServerSpec.dockerfile,
        build_args=table.text_map("build_args"),
        command=_command(table, "command"),
        baseline_command=_command(table, "baseline_command"),
        url=_url(table),
        args=table.texts("args") or (),
        env=_env(table),
        port=table.integer("port", low=1, high=65535),
        workdir=_path(table, "workdir", root),
        cpus=table.positive_number("cpus"),
        memory_bytes=table.size_bytes("memory"),
        mounts=tuple(_mount(table, value, root) for value in table.array("mounts")),
        network=_network(table),
        read_only=table.boolean("read_only", default=ServerSpec.read_only),
        user=table.text("user"),
        model=table.text("model"),
        ready_timeout_s=table.duration_s("ready_timeout", default=ServerSpec.ready_timeout_s),
        request_timeout_s=table.duration_s("request_timeout", default=ServerSpec.request_timeout_s),
        live_path=table.text("live_path"),
        ready_path=table.text("ready_path"),
        path=table.text("path"),
        answer=table.text("answer"),
        headers=table.text_map("headers"),
    )
    _check_combination(table, spec)
    return spec


def with_runtime(spec: ServerSpec, runtime: str | None) -> ServerSpec:
    """Return a server as the session's ``runtime`` (None: no override) would have it run.

    A server at a URL is already running, and stays remote.

    :raises ConfigError: where the server lacks what that runtime needs.
    """
    if runtime is None or spec.url is not None:
        return spec
    _check_needs(f"server {spec.name!r}", spec, runtime)
    return replace(spec, runtime=runtime)


def _runtime(table: Table) -> str:
    default = "process"
    if "url" in table:
        default = "remote"
    elif "image" in table or "build" in table:
        default = "docker"
    return table.text("runtime") or default


def _check_combination(table: Table, spec: ServerSpec) -> None:
    """Refuse keys that exclude each other, and keys that would have no effect."""
    if spec.image is not None and spec.build is not None:
        raise _clash(table, "image", "build")
    if spec.url is not None:
        for key in ("image", "build", "command", *_RUN, *_STARTED, *_CONTAINER, *_BUILT):
            if key in table:
                raise _clash(table, "url", key)
    _check_needs(table.where, spec, spec.runtime)
    if spec.runtime in RUNTIME_NEEDS:  # a plugin's runtime may use any key
        _check_effects(table, spec)


def _check_effects(table: Table, spec: ServerSpec) -> None:
    for keys, needed, has in (
        (_BUILT, "build", spec.build is not None),
        (_RUN, "command", spec.command is not None),
        (_CONTAINER, "image or build", spec.image is not None or spec.build is not None),
    ):
        for key in keys:
            if key in table and not has:
                raise ConfigError(
                    f"{table.where}: {key} has no effect without {needed}",
                    hint=f"remove {key}, or add {needed}",
                )


def _clash(table: Table, one: str, other: str) -> ConfigError:
    return ConfigError(
        f"{table.where}: {one} and {other} exclude each other", hint=f"remove {one} or {other}"
    )


def _check_needs(where: str, spec: ServerSpec, runtime: str) -> None:
    needs = RUNTIME_NEEDS.get(runtime, ())
    if needs and all(getattr(spec, key) is None for key in needs):
        either = " or ".join(needs)
        raise ConfigError(
            f"{where} cannot run with runtime {runtime!r}: it has no {either}",
            expected="image, build or url; or command, for a plain process",
            hint=f"add {either}",
        )


def _command(table: Table, key: str) -> tuple[str, ...] | None:
    command = table.texts(key)
    if command is not None and not (command and command[0]):
        raise table.error(key, "an array that begins with a program")
    return command


def _path(table: Table, key: str, root: Path) -> Path | None:
    value = table.text(key)
    return None if value is None else root / value


def _url(table: Table) -> str | None:
    url = table.text("url")
    try:
        parts = urlsplit(url or "http://absent")
        valid = bool(parts.scheme and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is no port, an unclosed [
        valid = False
    if not valid:
        raise table.error("url", 'scheme://host:port, as "http://localhost:8080"')
    return url


def _env(table: Table) -> Mapping[str, str]:
    env = table.text_map("env")
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise table.error("env", "names without '=', and no NUL")
    return env


def _network(table: Table) -> Network:
    name = table.text("network") or ServerSpec.network
    if name in _NETWORKS:
        return _NETWORKS[name]
    raise table.error("network", f"one of {', '.join(_NETWORKS)}")


def _mount(table: Table, value: object, root: Path) -> Mount:
    """Read ``"./data:/data"`` or ``{ source = "./data", target = "/data" }``."""
    if isinstance(value, str):
        source, _, target = value.rpartition(":")
    elif isinstance(value, dict):
        mount = Table(value, f"{table.where}, a mount")
        mount.reject_unknown(("source", "target"))
        source, target = mount.text("source") or "", mount.text("target") or ""
    else:
        source = target = ""
    if not (source and target.startswith("/")):
        raise table.error("mounts", '"FOLDER:/PATH" or { source = "FOLDER", target = "/PATH" }')
    return Mount(root / source, target)
