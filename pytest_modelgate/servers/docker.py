"""Servers in containers, hardened: the engine is asked through the docker SDK."""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from docker.types import LogConfig, Mount

from pytest_modelgate.errors import ConfigError, EngineError, ServerError
from pytest_modelgate.servers.addresses import (
    HOST,
    LOOPBACK,
    PORT,
    fill_all,
    fill_values,
    free_port,
    uses,
)
from pytest_modelgate.servers.docker_server import DockerServer
from pytest_modelgate.servers.engine import Engine, connect, remove_container, translated
from pytest_modelgate.servers.images import ServedImage, served_image
from pytest_modelgate.servers.limits import cpus_text, memory_text
from pytest_modelgate.servers.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from pathlib import Path

    from docker.models.containers import Container

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.servers.owner import Session

_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - of the container; its port is published on loopback
_PORT_IN_CONTAINER = 8000  # any will do: a container with a network of its own has every port free
_Source: TypeAlias = "tuple[str, str | None, Path | None]"  # a server's name, image and build
_MOST_PROCESSES = 4096  # far above a Go server's threads, far below what would hurt the machine


@dataclass(frozen=True)
class _Place:
    """Where a server is told to listen, and the network that it listens in."""

    network: Literal["host", "bridge"]
    host: str
    port: int


class DockerKind:
    """Servers given by ``image`` or ``build``.

    Hardened: all capabilities dropped, no new privileges, a read-only root with a tmpfs at /tmp, a
    limit of processes, published on the loopback interface only (an engine on another machine
    publishes on all of its interfaces: nothing else could be reached).

    The network is the host's where that is possible, because a published port goes through a proxy
    that adds about 100 µs a request: where the engine is local, and the server is told by {port}
    and {host} to listen on a free port of the loopback interface.

    :param session: whose containers these are.
    :param engine: None to reach the one that the environment names, when it is first needed.
    """

    def __init__(self, session: Session, engine: Engine | None = None) -> None:
        self._session = session
        self._engine = engine
        self._images: dict[_Source, ServedImage] = {}
        self._servers: list[DockerServer] = []

    def prepare(self, spec: ServerSpec) -> None:
        """Reach the engine, and build, pull or find the image, once for each server and source.

        :raises EngineError: where no engine answers.
        :raises ServerError: where there is no such image, or the build fails.
        :raises ConfigError: where nobody says on which port the server listens.
        """
        engine = self._reach()
        _place(spec, engine)
        if _source(spec) not in self._images:
            self._images[_source(spec)] = served_image(engine, spec)

    def start(self, spec: ServerSpec) -> DockerServer:
        """Create and start a container, and return at once; see `prepare` for what it raises."""
        self.prepare(spec)
        return uninterrupted(lambda: self._start(spec))

    def _start(self, spec: ServerSpec) -> DockerServer:
        engine, image, place = (
            self._reach(),
            self._images[_source(spec)],
            _place(spec, self._reach()),
        )
        what = f"server {spec.name!r} cannot be started from the image {image.reference!r}"
        with translated(what, ServerError):
            container = self._create(spec, engine, image, place)
            try:
                container.start()
                container.reload()
                server = _server(spec, engine, image, place, container)
                self._servers.append(server)
            except BaseException:
                remove_container(engine, str(container.id))
                raise
        return server

    def stop_all(self) -> None:
        """Stop every server that was started, and let go of the engine."""
        with contextlib.ExitStack() as stack:  # whose callbacks all run, even if one raises
            if self._engine is not None:
                stack.callback(self._engine.client.close)
            for server in self._servers:
                stack.callback(server.stop)
            self._servers.clear()

    def _reach(self) -> Engine:
        if self._engine is None:
            self._engine = connect()
        return self._engine

    def _create(
        self, spec: ServerSpec, engine: Engine, image: ServedImage, place: _Place
    ) -> Container:
        is_bridge = place.network == "bridge"
        name = re.sub(r"[^a-zA-Z0-9_.-]+", "-", spec.name)
        return engine.client.containers.create(
            image.id,
            fill_all(spec.args, host=place.host, port=place.port),
            name=f"modelgate-{name}-{secrets.token_hex(4)}",
            environment=fill_values(spec.env, host=place.host, port=place.port),
            labels=self._session.labels(),
            user=spec.user,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=spec.read_only,
            tmpfs={"/tmp": ""},  # noqa: S108 - the container's own
            pids_limit=_MOST_PROCESSES,
            nano_cpus=None if spec.cpus is None else round(spec.cpus * 1e9),
            mem_limit=spec.memory_bytes,
            memswap_limit=spec.memory_bytes,  # memory and swap together, so: no swap
            mounts=[
                Mount(mount.target, str(mount.source), type="bind", read_only=True)
                for mount in spec.mounts
            ],
            network_mode=place.network,
            ports={f"{place.port}/tcp": (engine.publish_on, 0)} if is_bridge else None,
            # A health check of the image would run beside the measurement; the gate asks itself.
            healthcheck={"test": ["NONE"]},
            # Readable whatever the engine's default is, and bounded however much a server logs.
            log_config=LogConfig(type="json-file", config={"max-size": "8m", "max-file": "2"}),
        )


def _server(
    spec: ServerSpec, engine: Engine, image: ServedImage, place: _Place, container: Container
) -> DockerServer:
    network, port = "host-loopback", place.port
    if place.network == "bridge":
        network = "docker-proxy" if engine.publish_on == LOOPBACK else "remote"
        port = _published_port(container)
    return DockerServer(
        spec.name,
        engine,
        container,
        port=port,
        network=network,
        provenance=_provenance(image),
        conditions={
            "engine": engine.name,
            "network": network,
            "cpus": cpus_text(spec.cpus),
            "memory": memory_text(spec.memory_bytes),
        },
        image_bytes=image.size_bytes,
    )


def _source(spec: ServerSpec) -> _Source:
    # Two baselines of one server may be two images, so that the name alone says too little.
    return spec.name, spec.image, spec.build


def _provenance(image: ServedImage) -> dict[str, str]:
    """Return what is served, and what it takes to serve it again when its tag has moved."""
    provenance = {"image": image.reference, "image_digest": image.digest}
    return provenance if image.digest == image.id else {**provenance, "image_id": image.id}


def _place(spec: ServerSpec, engine: Engine) -> _Place:
    """Decide where the server listens; raises ConfigError or EngineError where nothing can do."""
    is_told_port = uses(spec, PORT)
    if spec.network == "host":
        if not is_told_port:
            raise ConfigError(
                f'server {spec.name!r}: network = "host" needs a server that is told its port',
                hint='put "{port}" into args or env, and "{host}" where it takes an address',
            )
        if not engine.is_local:
            raise EngineError(
                f'server {spec.name!r}: network = "host" reaches containers of a local engine only',
                got=f"{engine.name}, which is not on this machine or has a network of its own",
                hint='network = "auto"',
            )
        return _Place("host", LOOPBACK, free_port())
    if spec.network == "auto" and engine.is_local and is_told_port and uses(spec, HOST):
        return _Place("host", LOOPBACK, free_port())
    if not is_told_port and spec.port is None:
        raise ConfigError(
            f"server {spec.name!r}: nobody says on which port it listens",
            hint='put "{port}" into args or env, or set port = NUMBER',
        )
    return _Place("bridge", _EVERY_INTERFACE, spec.port or _PORT_IN_CONTAINER)


def _published_port(container: Container) -> int:
    """Return the port on the engine's machine, 0 where the container has ended already."""
    bindings = [binding for published in container.ports.values() for binding in published or ()]
    return int(bindings[0]["HostPort"]) if bindings else 0
