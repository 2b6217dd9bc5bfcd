"""Locks between the processes of one user, outside the repository, which would show them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from filelock import FileLock

from pytest_modelgate.errors import ModelgateError


def lock_of(name: str) -> FileLock:
    """Return the lock of that name, not yet held.

    :raises ModelgateError: where the system's folder for temporary files cannot be written.
    """
    folder = Path(tempfile.gettempdir()) / f"modelgate-locks-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ModelgateError(
            f"no lock can be made in {folder}",
            got=error.strerror or str(error),
            hint="set TMPDIR to a folder that can be written",
        ) from error
    return FileLock(folder / f"{name}.lock")
