"""The container engine: how it is reached, what it is, and what it says when it refuses."""

from __future__ import annotations

import contextlib
import platform
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import docker
from docker.constants import DEFAULT_TIMEOUT_SECONDS
from docker.errors import APIError, DockerException, NotFound
from urllib3.exceptions import HTTPError

from pytest_modelgate.errors import EngineError, ModelgateError
from pytest_modelgate.servers.addresses import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

_HINT = (
    "start Docker, or Podman with DOCKER_HOST naming its socket; "
    'or run the server without a container: runtime = "process"'
)
_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - of a remote engine, whose loopback we cannot reach
_CONTACT_TIMEOUT_S = 10  # an address where nobody answers is known within seconds
_ANY_VERSION = "1.41"
_CONFLICT = 409
_BY_SOCKET, _BY_SSH = "http+docker", "ssh"  # scheme and host of the SDK's base_url


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    :ivar client: the SDK's client.
    :ivar name: product and version, "docker 20.10.24".
    :ivar is_local: whether containers share this machine's kernel and, with host networking, our
        loopback interface. Not so for Docker Desktop (a virtual machine), an engine elsewhere, a
        rootless Docker (a network namespace of its own), or when pytest itself is in a container.
    :ivar host: where published ports are reached from here.
    :ivar publish_on: the interface of the engine's machine to publish ports on.
    """

    client: DockerClient
    name: str
    is_local: bool
    host: str
    publish_on: str


def connect() -> Engine:
    """Reach the engine that the environment names, as the docker command would.

    :raises EngineError: where none answers, or where it is reached by ssh, which carries the
        engine's own API but no requests to a container.
    """
    with translated("no container engine answers", hint=_HINT):
        _check_socket()
        client = docker.from_env(timeout=_CONTACT_TIMEOUT_S)
        try:
            engine = _describe(client)
        except BaseException:
            client.close()
            raise
    client.api.timeout = DEFAULT_TIMEOUT_SECONDS
    return engine


@contextlib.contextmanager
def translated(
    what: str, kind: type[ModelgateError] = EngineError, *, hint: str | None = None
) -> Iterator[None]:
    """Turn whatever the SDK raises into an error of ours that says what was wanted.

    OSError includes what requests, below the SDK, raises.

    :raises ModelgateError: of the kind given.
    """
    try:
        yield
    except (DockerException, HTTPError, OSError) as error:
        raise kind(what, got=said(error), hint=hint) from error


def said(error: BaseException) -> str:
    """Return the kernel of an SDK error: the engine's own words, or the system's."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error)


def remove_container(engine: Engine, container_id: str) -> None:
    """Kill and remove a container with its anonymous volumes; one that has gone is fine.

    :raises EngineError: where the engine refuses, or is gone itself.
    """
    with translated(f"cannot remove the container {container_id[:12]}"):
        try:
            engine.client.api.remove_container(container_id, v=True, force=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != _CONFLICT:  # somebody else is removing it right now
                raise


def _check_socket() -> None:
    """Connect once by hand: where nobody listens, the SDK never closes its own try.

    That would be a ResourceWarning in every session without an engine.
    """
    client = docker.from_env(version=_ANY_VERSION)  # with a version it asks nobody yet
    try:
        adapter = client.api.get_adapter(client.api.base_url)
        path = getattr(adapter, "socket_path", None)
        if path is not None:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
    finally:
        client.close()


def _describe(client: DockerClient) -> Engine:
    info, version = client.info(), client.version()
    address = urlsplit(client.api.base_url)
    if address.netloc == _BY_SSH:
        raise EngineError(
            "the container engine is reached by ssh: the ports of its containers cannot be",
            hint="name an engine by unix:// or tcp:// in DOCKER_HOST, or forward its ports and "
            'gate the running server by url = "http://…"',
        )
    is_socket = address.scheme == _BY_SOCKET
    host = LOOPBACK if is_socket else address.hostname or LOOPBACK
    is_here = is_socket or host in (LOOPBACK, "localhost", "::1")
    components = [str(part.get("Name")) for part in version.get("Components") or ()]
    is_podman = any("podman" in name.lower() for name in components)
    product = "podman" if is_podman else "docker"
    number = str(version.get("Version")).partition("+")[0]
    return Engine(
        client=client,
        name=f"{product} {number}",
        is_local=is_socket and _shares_our_loopback(info, is_podman=is_podman),
        host=host,
        publish_on=LOOPBACK if is_here else _EVERY_INTERFACE,
    )


def _shares_our_loopback(info: dict[str, object], *, is_podman: bool) -> bool:
    """Tell whether host networking gives a container the loopback interface that we have.

    A virtual machine has another kernel; a container that got the host's socket has a host name of
    its own, unless it shares the host's network. Rootless Docker runs in a network namespace of its
    own; rootless Podman gives the user's.
    """
    options = info.get("SecurityOptions") or []
    is_rootless = isinstance(options, list) and any("rootless" in str(one) for one in options)
    return (
        sys.platform == "linux"
        and info.get("Name") == socket.gethostname()
        and info.get("KernelVersion") == platform.release()
        and (is_podman or not is_rootless)
    )
