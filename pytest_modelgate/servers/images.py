"""The image a server runs from: found, pulled, or built."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docker.errors import DockerException, ImageNotFound
from docker.utils import parse_repository_tag

from pytest_modelgate.errors import ConfigError, EngineError, ServerError
from pytest_modelgate.servers.engine import translated
from pytest_modelgate.servers.log_lines import last_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_modelgate.config.specs import ServerSpec
    from pytest_modelgate.servers.engine import Engine

_LOG_LINES = 50

BUILT_NAMES = "modelgate-build/"
"""How the names of images begin that were built here, and that no registry has."""


@dataclass(frozen=True)
class ServedImage:
    """An image that the engine has.

    :ivar id: what containers are started from, so that moving the tag meanwhile changes nothing.
    :ivar reference: as the configuration names it, or the tag it was built under.
    :ivar digest: of the repository where it came from one ("name@sha256:…"), else the id.
    """

    id: str
    reference: str
    digest: str
    size_bytes: int


def served_image(engine: Engine, spec: ServerSpec) -> ServedImage:
    """Return the image of a server, after building or pulling it where that is needed.

    :raises ServerError: where there is no such image, or the build fails (with its last lines).
    :raises EngineError: where the engine fails.
    """
    if spec.build is not None:
        tag = built_tag(spec, str(spec.build.resolve()))
        return build_image(engine, spec, spec.build, tag)
    if spec.image is not None:
        return find_image(engine, spec.image) or _pull(engine, spec, spec.image)
    raise ConfigError(
        f"server {spec.name!r} has nothing to run in a container", hint="add image or build"
    )


def find_image(engine: Engine, reference: str) -> ServedImage | None:
    """Return the image of that name or id, None where the engine does not have it.

    :raises EngineError: where the engine fails.
    """
    with translated(f"cannot inspect the image {reference!r}"):
        try:
            image = engine.client.images.get(reference)
        except ImageNotFound:
            return None
    digests = image.attrs.get("RepoDigests") or [str(image.id)]
    return ServedImage(str(image.id), reference, str(digests[0]), int(image.attrs["Size"]))


def _pull(engine: Engine, spec: ServerSpec, reference: str) -> ServedImage:
    with translated(
        f"image {reference!r} of server {spec.name!r} is not here, and cannot be pulled",
        ServerError,
        hint=f"build or load it here, check the name (docker pull {reference}), "
        "or let build = DIR name the folder of its Dockerfile",
    ):
        return pull_image(engine, reference)


def pull_image(engine: Engine, reference: str) -> ServedImage:
    """Pull an image by tag or digest.

    The SDK's own way drops what the engine says once it has begun to answer: that the registry asks
    for a password, or is not reached, would become "no such image".

    :raises DockerException: with the engine's words; to be translated by whoever knows the server.
    :raises EngineError: where the engine fails otherwise.
    """
    repository, tag = parse_repository_tag(reference)
    for message in engine.client.api.pull(
        repository, tag=tag or "latest", stream=True, decode=True
    ):
        if "error" in message:
            raise DockerException(message["error"])
    return _expect(engine, reference)


def _expect(engine: Engine, reference: str) -> ServedImage:
    image = find_image(engine, reference)
    if image is None:
        raise EngineError(
            f"{engine.name} does not have the image {reference!r} that was just made",
            hint="DOCKER_HOST must name the engine that the docker command uses, too",
        )
    return image


def build_image(engine: Engine, spec: ServerSpec, folder: Path, tag: str) -> ServedImage:
    """Build a server's image from a folder, and give it the tag.

    :raises ServerError: where the build fails, with its last lines.
    :raises EngineError: where the engine fails.
    """
    if not (folder / spec.dockerfile).is_file():
        raise ServerError(
            f"server {spec.name!r} cannot be built: there is no {folder / spec.dockerfile}",
            hint="build names the folder, dockerfile the file in it",
        )
    lines: Iterable[str]
    if engine.name.startswith("docker") and _has_buildkit():
        failure, lines = _build_with_command(spec, folder, tag)
    else:
        failure, lines = _build_with_engine(engine, spec, folder, tag)
    if failure is not None:
        needs = "buildkit" in failure.lower()
        raise ServerError(
            f"the image of server {spec.name!r} cannot be built from {folder}",
            got=failure,
            hint="install docker buildx, which brings BuildKit" if needs else None,
            log=last_lines("".join(lines).encode(), _LOG_LINES),
        )
    return _expect(engine, tag)


def built_tag(spec: ServerSpec, source: str) -> str:
    """Return a tag that the same build has again, and that no other project's build has.

    :param source: what is built: the folder's path, or what else nothing else has.
    """
    what = json.dumps([spec.name, source, spec.dockerfile, dict(spec.build_args)])
    digest = hashlib.sha256(what.encode()).hexdigest()[:12]
    name = re.sub(r"[^a-z0-9]+", "-", spec.name.lower()).strip("-")
    return f"{BUILT_NAMES}{name}-{digest}:latest"


def _has_buildkit() -> bool:
    """Tell whether the docker command can build with BuildKit, which the SDK cannot."""
    docker = shutil.which("docker")
    return (
        docker is not None
        and not subprocess.run(  # noqa: S603 - the user's own docker
            [docker, "buildx", "version"], check=False, capture_output=True
        ).returncode
    )


def _build_with_command(
    spec: ServerSpec, folder: Path, tag: str
) -> tuple[str | None, Iterable[str]]:
    command = ["docker", "buildx", "build", "--load", "--progress=plain", "--tag", tag]
    command += ["--file", str(folder / spec.dockerfile)]
    for name, value in spec.build_args.items():
        command += ["--build-arg", f"{name}={value}"]
    done = subprocess.run(  # noqa: S603 - the user's own docker, arguments passed as a list
        [*command, str(folder)],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = done.stdout.decode("utf-8", errors="replace")
    return (f"exit {done.returncode}" if done.returncode else None), (output,)


def _build_with_engine(
    engine: Engine, spec: ServerSpec, folder: Path, tag: str
) -> tuple[str | None, Iterable[str]]:
    lines: list[str] = []
    failure = None
    with translated(f"the image of server {spec.name!r} cannot be built", ServerError):
        for text, is_failure in _build_stream(engine, spec, folder, tag):
            lines.append(text)
            failure = text if is_failure else failure
    return failure, lines


def _build_stream(
    engine: Engine, spec: ServerSpec, folder: Path, tag: str
) -> Iterator[tuple[str, bool]]:
    """Yield what the builder says, and whether it is what the build failed of."""
    for message in engine.client.api.build(
        path=str(folder),
        dockerfile=spec.dockerfile,
        tag=tag,
        buildargs=dict(spec.build_args),
        rm=True,
        forcerm=True,
        decode=True,
    ):
        if "error" in message:
            yield str(message["error"]), True
        elif "stream" in message:
            yield str(message["stream"]), False
