"""For every test; and the fault server, built once, for those that need a server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline would measure the machine's other work, and the suite has no timed assertions.
settings.register_profile("modelgate", deadline=None)
settings.load_profile("modelgate")

SOURCE = Path(__file__).parent / "faults" / "server"
CACHE = Path(__file__).parents[1] / "build" / "faults"


@pytest.fixture(scope="session", autouse=True)
def signals_are_heeded() -> Iterator[None]:
    """Let tests interrupt what they start, also under nohup and in the background."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGTERM: signal.SIG_DFL,
    }
    ignored = [number for number in usual if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, usual[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def fault_source() -> Path:
    """The folder of the fault server's sources."""
    return SOURCE


@pytest.fixture(scope="session")
def go() -> str:
    """The Go tool; a suite without it would skip in silence what it is for, so it fails."""
    # `make venv` puts Go beside Python where the machine has none.
    beside_python = shutil.which("go", path=str(Path(sys.executable).parent))
    found = os.environ.get("GO") or shutil.which("go") or beside_python
    assert found, "the fault server needs Go: run `make venv`, or set GO"
    return found


@pytest.fixture(scope="session")
def go_env() -> dict[str, str]:
    """Go's environment: no C compiler needed, and no workspace or flags of the user's."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}


@pytest.fixture(scope="session")
def fault_binary(go: str, go_env: dict[str, str]) -> Path:
    """The fault server, built for these sources if it is not there yet; xdist workers share it."""
    folder = CACHE / _source_hash()
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "faults"
    with FileLock(folder / "build.lock"):
        if not binary.exists():
            command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
            unfinished = binary.with_suffix(".part")
            subprocess.run([*command, "-o", unfinished, "."], cwd=SOURCE, env=go_env, check=True)
            unfinished.rename(binary)
    return binary


@pytest.fixture(scope="session")
def fault_image(fault_binary: Path) -> str:
    """The tag of an image with the fault server and nothing else."""
    folder = fault_binary.parent
    tag = f"modelgate-test/faults:{folder.name}"
    with FileLock(folder / "build.lock"), contextlib.closing(docker.from_env()) as engine:
        try:
            engine.images.get(tag)
        except docker.errors.ImageNotFound:
            shutil.copy(SOURCE / "Dockerfile", folder)
            engine.images.build(path=str(folder), tag=tag, rm=True)
    return tag
