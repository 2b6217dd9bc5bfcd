"""What a server is started with besides its program: of this the baseline has a digest only.

The baseline's server is started with today's configuration. Where that has changed, it would get
what is new as well, and nothing of what the change does could show side by side.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING

from pytest_modelgate.errors import BaselineServerError, ConfigError
from pytest_modelgate.servers.command import file_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_modelgate.config.specs import ServerSpec

KEY = "launch"
"""The digest's name in the provenance."""

_DIGITS = 8  # enough to see a change, and too few to guess a secret in the environment by


def launch_digest(spec: ServerSpec) -> str:
    """Return a digest of arguments, environment and mounted files.

    The arguments of a plain process are not in it: the command that is recorded has them.

    :raises ConfigError: a mounted file cannot be read.
    """
    parts = [
        [] if spec.runtime == "process" else list(spec.args),
        sorted(spec.env.items()),
        [[mount.target, list(_files(mount.source))] for mount in spec.mounts],
        spec.user,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_DIGITS]


def expect_same_launch(
    spec: ServerSpec, recorded: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """Refuse to start the baseline's server with another configuration than it had.

    A ``baseline_command`` gets today's arguments, so that these must be what was recorded, too.

    :param recorded: the baseline's provenance.
    :param now: the candidate's.
    :raises BaselineServerError: something has changed, or the baseline does not say.
    """
    has_arguments = spec.baseline_command is None or _arguments(recorded) == _arguments(now)
    if KEY not in recorded or recorded[KEY] != now.get(KEY) or not has_arguments:
        raise BaselineServerError(
            f"command, args, env, user or mounted files of server {spec.name!r} are not what they "
            "were when the baseline was recorded, and both servers would have today's",
            hint="record the baseline anew: --update-baseline",
        )


def _arguments(provenance: Mapping[str, str]) -> Sequence[str]:
    """Return the recorded arguments of a process; the program may be another."""
    try:
        return shlex.split(provenance.get("command", ""))[1:]
    except ValueError as error:
        raise BaselineServerError(
            "the command in the baseline cannot be read",
            got=str(error),
            hint="record the baseline anew: --update-baseline",
        ) from error


def _files(source: Path) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of each file that a mount shows, in a fixed order."""
    try:
        paths = sorted(path for path in source.rglob("*") if path.is_file())
        for path in paths or [source]:
            if path.is_file():
                yield path.relative_to(source).as_posix(), file_sha256(path)
    except OSError as error:
        raise ConfigError(
            f"what is mounted from {source} cannot be read",
            got=str(error),
            hint="make it readable: a change in it must be seen",
        ) from error
