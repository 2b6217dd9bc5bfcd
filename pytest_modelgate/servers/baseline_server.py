"""How the baseline's own server is had, to be started beside the candidate.

What was recorded with the baseline decides, never a name that has come to mean something else: a
tag, a path or a working tree may be the candidate's by now, which held against itself would pass.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.config.specs import ServerSpec
from pytest_modelgate.errors import BaselineServerError, ModelgateError
from pytest_modelgate.servers.addresses import PORT, uses
from pytest_modelgate.servers.checkout import Repository
from pytest_modelgate.servers.command import (
    command_sha256,
    find_program,
    folder_argument,
    runs_other_programs,
)
from pytest_modelgate.servers.engine import connect, translated
from pytest_modelgate.servers.images import (
    BUILT_NAMES,
    build_image,
    built_tag,
    find_image,
    pull_image,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modelgate.servers.engine import Engine
    from pytest_modelgate.servers.images import ServedImage

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY_DIGEST = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}"
)
_RECORD_ANEW = "record the baseline anew: --update-baseline"
_NAME_IT = "set baseline_command to the program that was released"


def is_server_kept(spec: ServerSpec) -> bool:
    """Tell whether a server that is recorded now can be expected to be had again later.

    A command without ``baseline_command`` is rebuilt in its place, and then is had no more.
    """
    return spec.runtime == "docker" or spec.baseline_command is not None


@contextlib.contextmanager
def baseline_server(
    spec: ServerSpec,
    provenance: Mapping[str, str],
    *,
    root: Path,
    engine: Engine | None = None,
) -> Iterator[ServerSpec]:
    """Give the server that starts the baseline's, with all else as the candidate has it.

    An image is looked for by its digest, pulled by it, or built from the baseline's commit, before
    the context is entered: within it nothing is left to fail but the start. Where the engine has
    the image, that takes a few milliseconds.

    :param spec: the candidate, after the session's ``runtime``.
    :param provenance: what was recorded with the baseline; untrusted, for it is a file's text.
    :param root: the configuration's folder.
    :param engine: None to reach the one that the environment names, where one is needed.
    :raises BaselineServerError: where it cannot be had; says why, and what to do.
    :raises EngineError: where the engine fails.
    """
    named = replace(spec, name=f"{spec.name} (baseline)", baseline_command=None)
    if spec.runtime == "docker":
        with _reached(engine) as reached:
            image = _recorded_image(reached, spec, provenance, root)
        # By its id, so that whatever happens to its names meanwhile changes nothing.
        yield replace(
            named, image=image.id, build=None, dockerfile=ServerSpec.dockerfile, build_args={}
        )
    elif spec.runtime == "process":
        yield _with_free_port(_process(spec, named, provenance, spec.workdir or root))
    elif spec.runtime == "remote":
        raise BaselineServerError(
            f"server {spec.name!r} is given by url, and cannot be started beside itself",
            hint="give the server by image, build or command",
        )
    else:
        raise BaselineServerError(
            f"server {spec.name!r} runs as {spec.runtime!r}, a plugin's kind: nobody knows how to "
            "start the baseline's",
            hint="give the server by image, build or command",
        )


@contextlib.contextmanager
def _reached(engine: Engine | None) -> Iterator[Engine]:
    if engine is not None:
        yield engine
        return
    engine = connect()
    try:
        yield engine
    finally:
        engine.client.close()


def _recorded_image(
    engine: Engine, spec: ServerSpec, provenance: Mapping[str, str], root: Path
) -> ServedImage:
    digest = provenance.get("image_digest", "")
    image_id = provenance.get("image_id", digest)
    if not _REPOSITORY_DIGEST.fullmatch(digest) and not _ID.fullmatch(digest):
        raise BaselineServerError(
            f"the baseline of server {spec.name!r} does not say by its digest which image it had",
            got=digest or "a baseline of a server without an image",
            hint=_RECORD_ANEW,
        )
    names = [image_id] if _ID.fullmatch(image_id) else []
    for name in dict.fromkeys((*names, digest)):
        image = find_image(engine, name)
        if image is not None:
            return image
    if provenance.get("image", "").startswith(BUILT_NAMES):
        return _built(engine, spec, provenance, root)
    if "@" in digest:
        return _pulled(engine, digest)
    raise BaselineServerError(
        f"the baseline's image {digest[:19]} is not in the engine any more, and no registry has it",
        hint="load it (docker load); an image that was pushed before it was measured can be pulled",
    )


def _pulled(engine: Engine, digest: str) -> ServedImage:
    with translated(
        f"the baseline's image {digest} is not here, and cannot be pulled",
        BaselineServerError,
        hint="log in to its registry (docker login); a digest that was deleted there is gone",
    ):
        return pull_image(engine, digest)


def _built(
    engine: Engine, spec: ServerSpec, provenance: Mapping[str, str], root: Path
) -> ServedImage:
    """Return the image of the baseline's commit, built unless an earlier session has built it."""
    if spec.build is None:
        raise BaselineServerError(
            "the baseline's image was built from a folder that the configuration names no more",
            hint=_RECORD_ANEW,
        )
    if provenance.get("git_dirty") == "true":
        raise BaselineServerError(
            "the baseline's image was built from uncommitted changes: nobody can build it again",
            hint="commit first, then record the baseline: --update-baseline",
        )
    commit = provenance.get("git_commit", "")
    repository = Repository.around(root)
    folder = _within(repository, spec.build)
    tag = built_tag(spec, f"{commit}:{folder}")
    image = find_image(engine, tag)
    if image is not None:
        return image
    repository.expect(commit, folder)
    with repository.checked_out(commit) as tree:
        try:
            return build_image(engine, spec, tree / folder, tag)
        except ModelgateError as error:
            raise BaselineServerError(
                f"the baseline's image cannot be built from its commit {commit[:12]}",
                got=error.brief,
                hint=error.hint or "are there files that git does not have, or submodules?",
                log=error.log,
            ) from error


def _within(repository: Repository, folder: Path) -> Path:
    try:
        return folder.resolve().relative_to(repository.top)
    except ValueError as error:
        raise BaselineServerError(
            f"{folder} is outside the repository {repository.top}, whose commits alone are known",
            hint="move the folder into the repository, or give the server by image",
        ) from error


def _process(
    spec: ServerSpec, named: ServerSpec, provenance: Mapping[str, str], workdir: Path
) -> ServerSpec:
    if spec.baseline_command is None:
        return _recorded_command(spec, named, provenance, workdir)
    released = replace(named, command=spec.baseline_command)
    program, candidate = _program(released, workdir), find_program(spec, workdir)
    has_same_arguments = spec.baseline_command[1:] == (spec.command or ())[1:]
    if has_same_arguments and Path(program).samefile(candidate):
        raise BaselineServerError(
            f"server {spec.name!r}: baseline_command is the candidate's own command",
            hint=_NAME_IT,
        )
    return released


def _recorded_command(
    spec: ServerSpec, named: ServerSpec, provenance: Mapping[str, str], workdir: Path
) -> ServerSpec:
    """Return what was recorded, where it certainly still is what it was."""
    try:
        command = tuple(shlex.split(provenance.get("command", "")))
    except ValueError as error:
        raise _uncertain(spec, "the command in the baseline cannot be read") from error
    digest = provenance.get("command_sha256")
    if not command or digest is None:
        raise _uncertain(spec, "the baseline does not say which program it had")
    recorded = replace(named, command=command, args=())
    program = _program(recorded, workdir)
    if command_sha256(recorded, workdir) != digest:
        raise _uncertain(
            spec, f"{program}, or a file that its arguments name, has changed since the baseline"
        )
    folder = folder_argument(recorded, workdir)
    if folder is not None:
        raise _uncertain(spec, f"nobody knows whether the files in {folder} have changed")
    if runs_other_programs(program):
        raise _uncertain(spec, f"nobody knows whether what {program} runs has changed")
    return recorded


def _with_free_port(baseline: ServerSpec) -> ServerSpec:
    if uses(baseline, PORT, command=baseline.command or ()):
        return baseline
    raise BaselineServerError(
        f"server {baseline.name!r} would listen on the port that the candidate has",
        got=f"port {baseline.port}",
        hint='let free ports be chosen: put "{port}" into args or env',
    )


def _program(spec: ServerSpec, workdir: Path) -> str:
    try:
        return find_program(spec, workdir)
    except ModelgateError as error:
        raise BaselineServerError(error.what, got=error.got, hint=_NAME_IT) from error


def _uncertain(spec: ServerSpec, why: str) -> BaselineServerError:
    return BaselineServerError(f"server {spec.name!r}: {why}", hint=_NAME_IT)
