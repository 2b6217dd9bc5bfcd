"""The program that a command names, and whether it is still what it was when it was recorded."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modelgate.config.specs import ServerSpec

_FILES_REMEMBERED = 256
_RUNS_OTHERS = re.compile(
    # Interpreters and build tools: they load modules that no argument names.
    r"python|pypy|node|deno|bun|ruby|perl|php|lua|java|dotnet|julia|Rscript|go|cargo|make|npm|npx"
    r"|yarn|pnpm|uv|uvx|poetry|pipenv|conda|mamba|mise|nix"
    # Shells and launchers: they find programs that their arguments need not name by a path.
    r"|sh|bash|dash|ash|zsh|ksh|fish|busybox|env|nice|ionice|taskset|numactl|chrt|time|timeout"
    r"|setsid|nohup|stdbuf|sudo|doas|setpriv|unshare|systemd-run|xvfb-run|docker|podman|pwsh"
)
_VERSION = re.compile(r"[0-9][0-9.]*[a-z]*$")


def find_program(spec: ServerSpec, workdir: Path) -> str:
    """Return the absolute path of the program; with a slash in it, it is relative to workdir.

    :raises ConfigError: where the server has no command.
    :raises ServerError: where the program is not there, or is not executable.
    """
    if not spec.command:
        raise ConfigError(
            f"server {spec.name!r} has nothing to run as a process", hint="add command"
        )
    name = spec.command[0]
    if "/" not in name:
        found = shutil.which(name, path=spec.env.get("PATH"))
        if found is not None:
            return found
        raise ServerError(
            f"server {spec.name!r}: there is no program {name!r} on the PATH",
            hint=f'"./{name}" names one in {workdir}',
        )
    program = workdir / name
    if not program.is_file():
        raise ServerError(
            f"server {spec.name!r}: there is no program {program}",
            hint="build it first; a relative path counts from workdir",
        )
    if not os.access(program, os.X_OK):
        raise ServerError(f"server {spec.name!r}: {program} is not executable", hint="chmod +x it")
    return str(program)


def command_sha256(spec: ServerSpec, workdir: Path) -> str | None:
    """Return a digest of the program and of every file that its arguments name.

    Each file counts with its place, so that two of them cannot change places unnoticed. A folder
    counts as one: what is in it is not read. A file is read once, for as long as it stays as it is.

    :returns: SHA-256 in hexadecimal; None where a file cannot be read, as a program that may only
        be executed, of which then nobody can know whether it is the same.
    :raises ConfigError, ServerError: see `find_program`.
    """
    program = Path(find_program(spec, workdir))
    digests: list[tuple[int, str]] = []
    for place, path in [(0, program), *_paths(_arguments(spec), workdir)]:
        try:
            digests.append((place, "folder" if path.is_dir() else file_sha256(path)))
        except OSError:
            return None
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def folder_argument(spec: ServerSpec, workdir: Path) -> Path | None:
    """Return the first folder that an argument names, None where none does."""
    paths = (path for _, path in _paths(_arguments(spec), workdir))
    return next((path for path in paths if path.is_dir()), None)


def runs_other_programs(program: str) -> bool:
    """Tell whether a program is a script, an interpreter or a launcher.

    What such a command serves depends on files that it does not name: ``python -m server``, a shell
    script that starts ``./server``. It is known by its first bytes (``#!``), or by its name or that
    of the file it links to, with any version (``python3.13t``).

    :raises OSError: where it cannot be read.
    """
    path = Path(program)
    names = {_VERSION.sub("", name) for name in (path.name, path.resolve().name)}
    if any(_RUNS_OTHERS.fullmatch(name) for name in names):
        return True
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _arguments(spec: ServerSpec) -> Sequence[str]:
    return (*(spec.command or ())[1:], *spec.args)


def _paths(arguments: Sequence[str], workdir: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files and folders that the arguments name, also as ``--model=FILE``."""
    for place, argument in enumerate(arguments, start=1):
        for text in dict.fromkeys((argument, argument.partition("=")[2])):
            if text and _is_file_or_folder(workdir / text):
                yield place, workdir / text


def _is_file_or_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # an argument need not be a path: too long for one, with NUL …
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256, read once for as long as it stays as it is; raises OSError."""
    found = path.stat()
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return _known_sha256(path, found.st_dev, found.st_ino, found.st_size, times)


@functools.lru_cache(maxsize=_FILES_REMEMBERED)
def _known_sha256(path: Path, *_known_by: object) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
